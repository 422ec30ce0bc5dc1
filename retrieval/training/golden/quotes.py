"""Which texts quote a question word for word, and so show a search the question in place of the answer."""

import re
from collections.abc import Iterable, Sequence

QUOTED_WORDS = 4  # code may contain a shorter question by coincidence

_WORD = re.compile(r"\w+")


def quotable(questions: Iterable[str]) -> list[str]:
    """Return the questions that are too long to be contained by coincidence, as `quoted` takes them."""
    return [words_of(text) for text in questions if len(text.split()) >= QUOTED_WORDS]


def quoted(text: str, questions: Sequence[str]) -> list[str]:
    """Return those of the `quotable` questions that a text contains, whatever the case and punctuation.

    >>> quoted('["Where are retries scheduled?"]', quotable(["where are retries scheduled"]))
    [' where are retries scheduled ']
    """
    words = words_of(text)
    return [question for question in questions if question in words]


def words_of(text: str) -> str:
    """Write the words alone, each between spaces, because punctuation and line breaks vary."""
    return f" {' '.join(_WORD.findall(text.lower()))} "

"""What the cross-encoder reads of a chunk: always where it is, and the lines that speak of the question."""

import doctest

from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunks import tokenizer
from retrieval.rerank import excerpt as module
from retrieval.rerank.excerpt import BUDGET, LEAST, PIECE, excerpt, weight

HEAD = "src/jobs.py method Queue.drain"
FILLER = [f"    value_{i} = prepare(option_{i})" for i in range(40)]


def passage(*lines: str, head: str = HEAD) -> str:
    """Write a pair text."""
    return "\n".join([head, *lines])


def test_the_example_is_true() -> None:
    """It is what a reader believes."""
    assert doctest.testmod(module).failed == 0


def test_what_fits_is_read_whole() -> None:
    """Half of all chunks are short; nothing is gained by cutting them."""
    text = passage("@cached", "", "def drain(self):", "    return self.jobs")
    assert excerpt("anything", text) == text


def test_the_lines_that_answer_are_read_wherever_they_are() -> None:
    """The first N characters of a function say little of what it does at its end."""
    text = passage("def drain(self):", *FILLER, "    self.retries.schedule(job)")
    read = excerpt("where are retries scheduled?", text).splitlines()
    assert read[:2] == [HEAD, "def drain(self):"]
    assert read[-1] == "    self.retries.schedule(job)"
    assert read[2:-1] == FILLER[-len(read[2:-1]) :]


def test_more_distinct_words_of_the_question_win_over_one_that_is_repeated() -> None:
    """A line that says one word three times is no answer to a question of two."""
    loud = ["    retry = retry_of(retry)"] * 3
    text = passage("def drain(self):", *loud, *FILLER, "    backoff(retry)")
    assert "    backoff(retry)" in excerpt("retry backoff", text).splitlines()


def test_of_equal_runs_the_earliest_is_read() -> None:
    """The same question must get the same excerpt, and the beginning says most."""
    text = passage("x = 1", "first_retry()", *FILLER, "last_retry()")
    assert "first_retry()" in excerpt("retry", text)
    assert "last_retry()" not in excerpt("retry", text)


def test_a_question_of_other_words_reads_from_the_signature_on() -> None:
    """What stands before a definition, a licence say, is not what the chunk is about."""
    licence = [f"# Clause {i} of the licence applies to all copies." for i in range(12)]
    read = excerpt("xyzzy", passage(*licence, "def drain(self):", *FILLER)).splitlines()
    assert read[1] == "def drain(self):"
    assert read[2:] == FILLER[: len(read) - 2]


def test_a_comment_or_a_decorator_is_no_signature() -> None:
    """A comment that mentions the name stands before most definitions."""
    dress = ["# drain is called by the timer.", "@drain.setter"]
    assert "def drain(self):" in excerpt("value_39", passage(*dress, "def drain(self):", *FILLER))


def test_a_chunk_without_a_name_shows_its_first_line_that_says_anything() -> None:
    """Braces and blanks say nothing."""
    read = excerpt("value_39", passage("}", "", "## Draining the queue", *FILLER, head="docs/a b.md"))
    assert read.splitlines()[:2] == ["docs/a b.md", "## Draining the queue"]


def test_a_paragraph_on_one_line_is_cut_at_blanks() -> None:
    """Prose often has no line breaks; all or nothing would lose the answer."""
    prose = "The queue holds jobs until a worker takes them. " * 20 + "Retries are scheduled by the timer."
    read = excerpt("how are retries scheduled?", passage(prose, head="README.md"))
    assert "Retries are scheduled by the timer." in " ".join(read.split())
    assert weight(read) <= BUDGET + PIECE


def test_a_line_without_blanks_is_cut_anyway() -> None:
    """A minified line or a key would fill the whole budget of the model, and more."""
    assert weight(excerpt("anything", passage("f(x);" * 10_000))) <= BUDGET + PIECE


def test_a_long_path_leaves_room_for_code() -> None:
    """Java's paths alone may be longer than the budget."""
    head = "src/" + "very/deep/" * 40 + "Queue.java method Queue.drain"
    read = excerpt("retries", passage("void drain() {", *FILLER, "retries.schedule();", head=head))
    assert read.splitlines()[0] == head
    assert "retries.schedule();" in read
    assert weight(read) <= weight(head) + LEAST + PIECE


WORDS = [
    "retry",
    "retries",
    "parse_http",
    "parseHTTP",
    "x",
    "{",
    "}",
    "//",
    "# queue",
    "queries",
    "検索する",
    "É",
]
LINES = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=60)
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=900)


@given(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), LINES.map("\n".join) | ANY_TEXT)
def test_any_text_is_cut_to_words_of_it(query: str, body: str) -> None:
    """It adds and reorders nothing, it is short, and a second cut changes nothing."""
    text = passage(body)
    read = excerpt(query, text)
    rest = iter("".join(text.split()))
    assert all(character in rest for character in "".join(read.split()))  # a subsequence
    assert read.partition("\n")[0] == HEAD
    assert weight(read) <= BUDGET + PIECE
    if weight(read) <= BUDGET:
        assert excerpt(query, read) == read


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), LINES)
def test_the_fast_way_finds_what_the_analyzer_would(query: str, lines: list[str]) -> None:
    """Words are looked at by their first letters before they are stemmed; none may be lost by that."""
    wanted = frozenset(tokenizer.stems(tokenizer.query_terms(query)))
    slow = [wanted.intersection(tokenizer.stems(tokenizer.terms(line))) for line in lines]
    assert module.stems_by_line(query, lines) == slow

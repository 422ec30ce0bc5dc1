"""Which commits of a history are questions about their parents, and why the others are not.

A commit's subject says what its people wanted of the code, in their words; the lines of the parent that the
commit changed are where that was to be done. `subjects` decides which subjects are fair questions, `hunks`
which changes are answers. No search is run, so no ranking decides what is asked.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from retrieval.progress import Progress, no_progress
from retrieval.training.golden.groups import is_paraphrase, stems_of
from retrieval.training.past.hermetic_git import Git
from retrieval.training.past.hunks import Span, answer
from retrieval.training.past.subjects import is_bot, question

RECENT = 400  # commits that show whether a project merges branches
DEPTH = 8_000  # commits looked at; the oldest of them are read in the same style

_BOT, _UNFAIR, _TWICE = "by a program", "subject asks nothing of the code", "asked twice"
_NAMED, _MERGE = "names its file", "merge"


@dataclass(frozen=True, slots=True)
class PastQuestion:
    """A commit's subject, asked of its parent.

    Attributes:
        commit: The commit's full hash.
        parent: The full hash of its first parent, whose tree is asked.
        subject: The question: the subject without its type and numbers of issues.
        time: When it was committed, in seconds since 1970.
        targets: The lines of the parent that answer, by path, then line; at least one.
    """

    commit: str
    parent: str
    subject: str
    time: int
    targets: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Mined:
    """What a history asks.

    Attributes:
        questions: The questions.
        looked_at: How many commits were looked at, merges included.
        left_out: How many of them ask nothing, by reason, the most frequent first.
    """

    questions: tuple[PastQuestion, ...]
    looked_at: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Commit:
    """A commit with one parent; the author's name and address are one text."""

    commit: str
    parent: str
    author: str
    time: int
    subject: str


def past_questions(git: Git, head: str, *, most: int, progress: Progress = no_progress) -> Mined:
    """Mine the questions that a ranking may learn from, newest first.

    Those that name a file of their answer are left out: they would teach that a name in the question is the
    answer, which few people can give. So are those that paraphrase a newer one.

    Args:
        git: Runs git in the repository.
        head: The commit to begin at.
        most: How many questions at most.
        progress: Called with questions found and `most`.
    """
    mining = _Mining(git, head, is_lesson=True)
    found: list[PastQuestion] = []
    for item in mining.questions():
        found.append(item)
        progress(len(found), most)
        if len(found) >= most:
            break
    place = {commit: number for number, commit in enumerate(_topological(git, head))}
    found.sort(key=lambda item: place.get(item.commit, len(place)))
    return mining.told(found)


def fair_questions(git: Git, head: str) -> Iterator[PastQuestion]:
    """Yield every fair question, also those that name their file, in the order in which they are found.

    First parents follow each other closely; where most of them are merges, the work lies beside them.
    """
    return _Mining(git, head, is_lesson=False).questions()


def is_merged(git: Git, head: str) -> bool:
    """Tell whether the newest first parents are mostly merges of branches."""
    out = git("rev-list", "--first-parent", "--parents", f"--max-count={RECENT}", head).decode()
    merges = sum(map(_is_merge, out.splitlines()))
    return 2 * merges > len(out.splitlines())


def names_its_file(subject: str, targets: Sequence[Span]) -> bool:
    """Tell whether a word of the subject is the name of a file that answers, without its ending.

    >>> names_its_file("Let the cart keep prices", [Span("shop/cart.py", 1, 2)])
    True
    >>> names_its_file("Keep prices in cartons", [Span("shop/cart.py", 1, 2)])
    False
    """
    stems = {PurePosixPath(target.path).name.lstrip(".").partition(".")[0] for target in targets}
    return any(
        stem and re.search(rf"(?<!\w){re.escape(stem)}(?!\w)", subject, re.IGNORECASE) for stem in stems
    )


class _Mining:
    """One walk back through a history, with what became of each commit."""

    def __init__(self, git: Git, head: str, *, is_lesson: bool) -> None:
        self._git = git
        self._head = head
        self._is_lesson = is_lesson
        self._fate: dict[str, str] = {}  # why a commit is no question, or "" for one that is
        self._asked: set[str] = set()
        self._stems: list[frozenset[str]] = []

    def questions(self) -> Iterator[PastQuestion]:
        paths: list[tuple[str, ...]] = [()] if is_merged(self._git, self._head) else [("--first-parent",), ()]
        for options in paths:
            commits = _history(self._git, self._head, *options)
            asked = {item.commit: question(item.subject) for item in commits if not is_bot(item.author)}
            times = Counter(text.lower() for text in asked.values() if text)
            before = frozenset(self._asked)  # a text that the first walk found
            for item in commits:
                if item.commit in self._fate:  # the first walk has judged it
                    continue
                found = self._question(item, asked, times, before)
                self._fate[item.commit] = found if isinstance(found, str) else ""
                if not isinstance(found, str):
                    self._asked.add(found.subject.lower())
                    yield found

    def _question(
        self,
        item: _Commit,
        asked: Mapping[str, str | None],
        times: Mapping[str, int],
        before: frozenset[str],
    ) -> PastQuestion | str:
        """Return what a commit asks, or why it asks nothing."""
        text = asked.get(item.commit)
        if not text:
            return _UNFAIR if item.commit in asked else _BOT
        if times[text.lower()] > 1:
            return _TWICE
        spans = answer(self._git, item.parent, item.commit)
        if isinstance(spans, str):
            return spans
        if text.lower() in before:
            return _TWICE
        if self._is_lesson and (why := self._no_lesson(text, spans)):
            return why
        return PastQuestion(item.commit, item.parent, text, item.time, tuple(spans))

    def _no_lesson(self, text: str, spans: Sequence[Span]) -> str:
        if names_its_file(text, spans):
            return _NAMED
        stems = stems_of(text)
        if any(is_paraphrase(stems, other) for other in self._stems):
            return _TWICE
        self._stems.append(stems)
        return ""

    def told(self, found: Sequence[PastQuestion]) -> Mined:
        """Sum up what was left out; merges are those among as many commits as were looked at."""
        left_out = Counter(why for why in self._fate.values() if why)
        parents = self._git("rev-list", "--topo-order", "--parents", f"--max-count={DEPTH}", self._head)
        seen = 0
        for line in parents.decode().splitlines():
            if seen >= len(self._fate):
                break
            left_out[_MERGE] += _is_merge(line)
            seen += line[: line.find(" ")] in self._fate
        looked_at = len(self._fate) + left_out[_MERGE]
        return Mined(tuple(found), looked_at, {why: n for why, n in left_out.most_common() if n})


def _history(git: Git, head: str, *options: str) -> list[_Commit]:
    """List the commits with one parent, newest first."""
    form = "--format=%H%x1f%P%x1f%an <%ae>%x1f%ct%x1f%s%x1e"
    order = ("--no-merges", "--min-parents=1", "--topo-order", "--no-show-signature")
    out = git("log", *order, f"--max-count={DEPTH}", form, *options, head)
    rows = (record.strip("\n").split("\x1f", 4) for record in out.decode("utf-8", "replace").split("\x1e"))
    return [
        _Commit(row[0], row[1], row[2], int(row[3] or 0), row[4])
        for row in rows
        if len(row) == 5  # noqa: PLR2004 - one for each of the form's parts
    ]


def _topological(git: Git, head: str) -> list[str]:
    return git("rev-list", "--topo-order", head).decode().split()


def _is_merge(line: str) -> bool:
    return len(line.split()) > 2  # noqa: PLR2004 - itself and one parent

"""Which faults a golden file has: a wrong question spoils both the training and the evaluation."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from retrieval.chunks import tokenizer
from retrieval.files import git
from retrieval.paths import path_roles
from retrieval.rank.need import read_need
from retrieval.rank.query import name_key, read_query
from retrieval.search import first_stage
from retrieval.sync.view import View
from retrieval.training.golden import golden_file, quotes
from retrieval.training.golden.golden_file import Expected, Fault, Golden, Question
from retrieval.training.golden.groups import LEAST_GROUPS, is_paraphrase, stems_of

DEPTH = 20  # candidates of a question that are checked for quotes of it
BROAD_FILES = 10  # files per question: an answer with more files is a folder, not an answer

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a golden file.

    Attributes:
        level: An error makes the file unreliable; a warning should be reviewed.
        kind: invalid, missing, renamed, unindexed, lines, broad, duplicate, contradiction, leak, quoted or
            few.
        row: Row in the golden file, 1-based; 0 for the file as a whole.
        text: The fault and its remedy, one sentence.
    """

    level: Level
    kind: str
    row: int
    text: str


def lint(asked: Golden, view: View) -> list[Finding]:
    """Check a golden file against a refreshed repository; findings come in row order."""
    checks = (
        *_answers(asked, view),
        *_texts(asked.questions),
        *_leaks(asked, view),
        *_quotes(asked, view),
        *_size(asked),
    )
    return sorted(checks, key=lambda finding: (finding.row, finding.level, finding.kind))


def invalid(faults: Sequence[Fault]) -> list[Finding]:
    """Write the faults of rows that cannot be read as findings."""
    return [
        Finding("error", "invalid", fault.row, "; ".join(filter(None, (fault.text, fault.remedy))))
        for fault in faults
    ]


def _answers(asked: Golden, view: View) -> Iterator[Finding]:
    listed = view.paths
    paths = frozenset(listed)
    excluded = {item.path: item.reason for item in view.excluded}
    renames: Mapping[str, str] | None = None
    for question in asked.questions:
        for expected in question.expected:
            files = golden_file.resolve(expected, paths)
            if files:
                yield from _lines(question, expected, files, view)
                continue
            path = golden_file.plain(expected.path)
            if path in excluded:
                yield _error("unindexed", question, f"{expected.path} is not searched: {excluded[path]}")
                continue
            renames = _renames(view) if renames is None else renames
            new = _now(path, renames, paths)
            if new:
                yield _error("renamed", question, f"{expected.path} is now {new}; write that")
            else:
                hint = _namesakes(path, listed)
                yield _error("missing", question, f"{expected.path} is no file of {view.root.name}{hint}")
        files = sorted({target.path for target in golden_file.targets(question, paths)})
        if len(files) > BROAD_FILES:
            yield _warning(
                "broad", question, f"{len(files)} files answer; name the few that do, or lines of them"
            )


def _lines(question: Question, expected: Expected, files: Sequence[str], view: View) -> Iterator[Finding]:
    if expected.end_line is None:
        return
    for path in files:
        count = len(view.lines(path) or ())
        if expected.end_line > count:
            yield _error("lines", question, f"{expected.written}: {path} has lines 1-{count}")


def _texts(questions: Sequence[Question]) -> Iterator[Finding]:
    """Find questions that are asked twice, and paraphrases with different answers."""
    stems = {question.row: stems_of(question.text) for question in questions}
    for first, second in combinations(questions, 2):
        if not is_paraphrase(stems[first.row], stems[second.row]):
            continue
        if {item.path for item in first.expected}.isdisjoint(item.path for item in second.expected):
            yield _warning(
                "contradiction", second, f"asks what row {first.row} asks, and expects no file of its answer"
            )
        elif stems[first.row] == stems[second.row]:
            yield _warning("duplicate", second, f"asks what row {first.row} asks; remove one")


def _leaks(asked: Golden, view: View) -> Iterator[Finding]:
    """Find questions that contain the file's name: finding the file by its name proves little."""
    paths = frozenset(view.paths)
    for question in asked.questions:
        spelled = read_query(question.text).spelled
        names = {target.path: _name(target.path) for target in golden_file.targets(question, paths)}
        leaked = [path for path, name in names.items() if path in question.text or _is_spelled(name, spelled)]
        if leaked:
            yield _warning("leak", question, f"it spells the name of {leaked[0]}; ask by what that does")


def _quotes(asked: Golden, view: View) -> Iterator[Finding]:
    """Find files that quote questions: a search finds the question there, whatever is done for the answer.

    Only the candidates of a question are read, which is where a quote does its harm.
    """
    counts: Counter[str] = Counter()
    for question in asked.questions:
        own = quotes.quotable([question.text])
        candidates = first_stage.candidates_of(view, read_need(question.text), limit=DEPTH) if own else []
        answers = {target.path for target in golden_file.targets(question, frozenset(view.paths))}
        texts = view.chunk_texts(item.chunk for item in candidates if item.chunk.path not in answers)
        counts.update({item.chunk.path for item in texts if quotes.quoted(item.text, own)})
    for path, count in counts.most_common():
        yield Finding(
            "warning",
            "quoted",
            0,
            f"{path} quotes {count} of the questions, so a search finds them there; "
            f"leave it out with a line in .goldrankignore: /{path}",
        )


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _is_spelled(name: str, spelled: Mapping[str, float]) -> bool:
    """Return whether a question contains a name of several words; one word may be a coincidence."""
    return len(tokenizer.parts(name)) > 1 and name_key(name) in spelled


def _size(asked: Golden) -> Iterator[Finding]:
    count = len(asked.questions)
    if count < LEAST_GROUPS:
        yield Finding(
            "warning",
            "few",
            0,
            f"questions: {count}; a promotion asks for {LEAST_GROUPS} at least, "
            "`goldrank golden suggest` drafts more",
        )


def _renames(view: View) -> dict[str, str]:
    """Read from git the last rename of each file."""
    asked = ("log", "-M", "--diff-filter=R", "--name-status", "--format=", "-z", "--relative", "--", ".")
    log = git.ask(view.root, *asked)
    fields = (log or b"").decode("utf-8", "surrogateescape").split("\0")
    renames: dict[str, str] = {}
    for i in range(0, len(fields) - 2, 3):  # R087, old, new; newest commit first
        renames.setdefault(fields[i + 1], fields[i + 2])
    return renames


def _now(path: str, renames: Mapping[str, str], paths: frozenset[str]) -> str:
    """Find the current name of a path, loose or exact, or of a folder; "" if it no longer exists."""
    for old in [path, *sorted(old for old in renames if old.endswith(f"/{path}"))]:
        if new := _newest(old, renames, paths):
            return new
    moved = Counter(
        new.removesuffix(old[len(path) :])
        for old in renames
        if old.startswith(f"{path}/") and (new := _newest(old, renames, paths)).endswith(old[len(path) :])
    )
    return min(moved, key=lambda folder: (-moved[folder], folder), default="")


def _newest(path: str, renames: Mapping[str, str], paths: frozenset[str]) -> str:
    """Follow renames until a file exists; "" if none does."""
    seen: Counter[str] = Counter()
    while path in renames and not seen[path]:
        seen[path] += 1
        path = renames[path]
        if path in paths:
            return path
    return ""


def _namesakes(path: str, listed: Sequence[str]) -> str:
    alike = path_roles.namesakes(path, listed)
    return f"; did you mean {' or '.join(alike)}?" if alike else "; name a file that is there, or remove it"


def _error(kind: str, question: Question, text: str) -> Finding:
    return Finding("error", kind, question.row, text)


def _warning(kind: str, question: Question, text: str) -> Finding:
    return Finding("warning", kind, question.row, text)

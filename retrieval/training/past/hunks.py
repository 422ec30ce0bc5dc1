"""Which lines of the parent a commit changed, where they are code that a search should find."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from retrieval.chunks.definition_queries import PATTERNS
from retrieval.files.exclusion import reason_in_content, reason_in_name
from retrieval.files.languages import language_of
from retrieval.paths.file_kinds import is_minor
from retrieval.settings import Settings
from retrieval.training.past.hermetic_git import Git
from retrieval.training.past.idle_lines import busy_lines

MOST_FILES = 5  # a commit of more files is several changes
MOST_TARGETS = 8  # of more places, nobody could say which is meant
MOST_LINES = 150  # in all targets; more are a rewrite
NEARBY = 3  # lines between two hunks that one look shows together

CODE = frozenset(PATTERNS) | {"dart"}

_LIST = ("diff-tree", "-r", "--raw", "--no-renames", "--no-abbrev")
_DIFF = (
    *("diff-tree", "-r", "-p", "--no-renames", "-U0", "-w", "--ignore-blank-lines", "--no-ext-diff"),
    *("--no-textconv", "--no-color", "--diff-algorithm=histogram", "--indent-heuristic"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)
_RAW = re.compile(r":(?P<before>\d+) (?P<after>\d+) [0-9a-f]+ [0-9a-f]+ (?P<status>[A-Z])\t(?P<path>.+)")
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)

_BUILD = re.compile(
    r"(?:^|/)(?:setup\.py|conf\.py|noxfile\.py|tasks\.py|build\.(?:zig|rs|sbt|sc)|mix\.exs|Package\.swift|Rakefile|"
    r"Gemfile|[^/]*\.(?:gemspec|gradle\.kts|sbt|ru|zon|csproj)|gulpfile\.\w+|Gruntfile\.\w+|[\w.-]*\.config\.\w+|"
    r"_?version\.\w+|AssemblyInfo\.cs|rollup[^/]*|webpack[^/]*|\.[^/]+)$"
    r"|(?:^|/)(?:\.[^/]+|ci|scripts?|tools?|build|buildSrc|release|hack|contrib|i18n|l10n|locales?|lang|translations?|"
    r"tests?-[^/]*|[^/]*-tests?|[^/]*[._]Tests?|[^/]*[._]Specs|test\w*|regress\w*|fuzz\w*|benches|benchmark\w*|"
    r"generated|website|site|3rdparty)/",
    re.IGNORECASE,
)

_TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__|\w*\.?tests?|test_suite|testdata|fixtures|benchmarks?|_?examples?)/"
    r"|(^|/)test_[^/]*$|[._-](test|spec|benchmark|tests)\.\w+$|[a-z](Tests?|Suite|Spec)\.\w+$",
)
_TEST_SUPPORT = re.compile(r"(^|[/_])(mock|fake|stub|testing|test_util)[^/]*$")


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a file of the parent, 1-based and inclusive."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Lines of the parent and those of the commit in their place; a count of 0 means after the start."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int

    @property
    def old(self) -> range:
        return range(self.old_start, self.old_start + self.old_count)

    @property
    def new(self) -> range:
        return range(self.new_start, self.new_start + self.new_count)


@dataclass(frozen=True, slots=True)
class _Versions:
    """A file in the parent and in the commit."""

    old: bytes
    new: bytes


Unanswerable = Literal[
    "changes more than 5 files",
    "adds, moves or removes code",
    "changes no code",
    "changes too much to say which place answers",
    "has files that this clone lacks",
]
"""Why nothing in the parent answers the subject of a commit."""


def targets(git: Git, parent: str, commit: str) -> list[Span]:
    """List the lines of `parent` that `commit` changed in searched code; empty if it is no fair question."""
    found = answer(git, parent, commit)
    return [] if isinstance(found, str) else found


def answer(git: Git, parent: str, commit: str) -> list[Span] | Unanswerable:
    """List the lines of `parent` that `commit` changed in searched code, by path, then line.

    Returns:
        At least one span; or why the commit is not a fair question: it moves, adds or removes code files,
        touches more than `MOST_FILES`, or changes nothing but tests, prose, comments, imports or white space.
    """
    try:
        return _answer(git, parent, commit)
    except subprocess.CalledProcessError:  # a shallow or partial clone, or a damaged object
        return "has files that this clone lacks"


def _answer(git: Git, parent: str, commit: str) -> list[Span] | Unanswerable:
    listed = [
        match
        for line in git(*_LIST, parent, commit).decode("utf-8", "replace").splitlines()
        if (match := _RAW.match(line))
    ]
    if len(listed) > MOST_FILES:
        return "changes more than 5 files"
    if any(_moves_code(match) for match in listed):
        return "adds, moves or removes code"
    sources = [match["path"] for match in listed if match["status"] == "M" and is_source(match["path"])]
    if not sources:
        return "changes no code"

    def blob(revision: str, path: str) -> bytes:
        return git("cat-file", "blob", f"{revision}:{path}")

    patch = git(*_DIFF, parent, commit, "--", *(f":(literal){path}" for path in sources))
    found = [
        span
        for path, hunks in _hunks(patch.decode("utf-8", "replace"))
        for span in _spans(path, hunks, _Versions(blob(parent, path), blob(commit, path)))
    ]
    if len(found) > MOST_TARGETS or sum(span.end - span.start + 1 for span in found) > MOST_LINES:
        return "changes too much to say which place answers"
    return sorted(found, key=lambda span: (span.path, span.start)) or "changes no code"


def is_test(path: str) -> bool:
    """Tell by its path whether a file is a test, or is there for tests, examples or benchmarks only."""
    return bool(_TEST.search(path) or _TEST_SUPPORT.search(path))


def is_source(path: str) -> bool:
    """Tell by its path whether a file is code that answers: no test, prose, build script or translation.

    >>> is_source("src/tox/run.py"), is_source("tests/test_run.py"), is_source("locales/de.js")
    (True, False, False)
    """
    return (
        language_of(path) in CODE
        and not (is_minor(path) or is_test(path) or _BUILD.search(path))
        and not reason_in_name(path)
    )


def _moves_code(listed: re.Match[str]) -> bool:
    """Tell whether code is added, removed or renamed as a whole."""
    return listed["status"] != "M" and is_source(listed["path"])


def _hunks(patch: str) -> Iterator[tuple[str, list[_Hunk]]]:
    """Yield each file of a patch with its hunks."""
    for section in re.split(r"^diff --git ", patch, flags=re.MULTILINE):
        path = re.search(r"^--- a/(.*?)\t?$", section, re.MULTILINE)
        if path:
            yield path[1], [_hunk(*match.groups()) for match in _HUNK.finditer(section)]


def _hunk(old: str, old_count: str | None, new: str, new_count: str | None) -> _Hunk:
    """Read the head of a hunk, where git leaves a count of 1 out."""
    return _Hunk(int(old), int(old_count or 1), int(new), int(new_count or 1))


def _spans(path: str, hunks: Sequence[_Hunk], versions: _Versions) -> list[Span]:
    """Return the spans of the hunks that change what the code does, if the file is searched at all."""
    if len(versions.old) > Settings().max_file_bytes or reason_in_content(path, versions.old):
        return []
    old = busy_lines(path, versions.old, {line for hunk in hunks for line in hunk.old})
    new = busy_lines(path, versions.new, {line for hunk in hunks for line in hunk.new})
    lines = versions.old.count(b"\n") + (not versions.old.endswith(b"\n"))
    spans: list[Span] = []
    for hunk in hunks:
        if old.isdisjoint(hunk.old) and new.isdisjoint(hunk.new):
            continue
        span = _span(path, hunk, lines)
        if spans and span.start - spans[-1].end <= NEARBY:
            span = Span(path, spans[-1].start, max(span.end, spans.pop().end))
        spans.append(span)
    return spans


def _span(path: str, hunk: _Hunk, lines: int) -> Span:
    """Return the old lines of a hunk; for an insertion, the line before it and the next one."""
    if hunk.old_count:
        return Span(path, hunk.old_start, hunk.old_start + hunk.old_count - 1)
    return Span(path, max(hunk.old_start, 1), min(hunk.old_start + 1, lines))

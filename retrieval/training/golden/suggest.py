"""Which questions a repository suggests by itself: drafts for a person to accept, each with its evidence.

    commit     the message of a small commit; the answer is the source files that it changed
    docstring  the first sentence of a definition's comment or docstring; the answer is its lines
    test       the name of a test, as words; the answer is the file that the test is named after
    changelog  a line that names an identifier; the answer is the only file that defines it

A draft is not a golden question yet: it repeats words next to the answer, so it is easier than the questions
that people ask. Its date says since when the answer has been true.
"""

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from retrieval.chunks import tokenizer
from retrieval.chunks.chunk_text import ChunkText
from retrieval.files import git
from retrieval.paths import file_kinds
from retrieval.records import Chunk
from retrieval.sync.view import View
from retrieval.training.golden.golden_file import Golden

COMMITS = 2_000  # only the newest commits are read
COMMIT_FILES = 3  # a commit that touches more files is not about any one of them
LEAST_WORDS = 4
MOST_WORDS = 30

_CHORE = re.compile(
    r"^\W*(?:chore|docs?|style|ci|build|test|release|merge|revert|bump|update dependenc|version|typo|wip)\b",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^\w+(?:\([^)]*\))?!?:\s+")
_TRAILING = re.compile(r"\s*\(#\d+\)$")
_DOCSTRING = re.compile(r'^[ \t]*[rbu]*"""\s*+(?P<text>[^"]+?)(?:"""|\n\s*\n)', re.MULTILINE | re.DOTALL)
_COMMENTED = re.compile(r"\s*(?:///?!?|/\*\*?|\*(?!/)|##?(?![!\[])|--\|?)[ \t]?(?P<text>.*?)(?:\*/)?")
_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)", re.DOTALL)
_TEST_NAME = re.compile(
    r"(?:def|fn|func|fun|function|void)\s+[tT]est_?(?P<name>\w+)\s*\(|\b(?:it|test)\(\s*['\"`](?P<said>[^'\"`]+)"
)
_TEST_AFFIX = re.compile(r"^(?:test|spec)_|[._-]?(?:[Tt]ests?|[Ss]pecs?)$")
_CHANGELOG = re.compile(  # prose alone: Changesets.tsx and history.py are code
    r"(?:^|/)(?:change[-_]?logs?|changes|history|news|release[-_]?notes)"
    r"(?:(?:[-_.][^/]*)?\.(?:md|mdx|markdown|rst|txt|adoc|org))?$",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^\s*[-*+]\s+(?P<text>\S.*)$")
_CODE = re.compile(r"`([A-Za-z_]\w{3,})(?:\(\))?`")


@dataclass(frozen=True, slots=True)
class Draft:
    """A question that a person may accept.

    Attributes:
        number: Its place among all drafts of the repository, 1-based, accepted ones included: it does not
            change when a draft is accepted or more are requested, as long as the repository is unchanged.
        text: The question.
        answers: As in a golden file: files, or a file with lines.
        source: commit, docstring, test or changelog.
        evidence: Its source: a commit, or a path and line.
        date: YYYY-MM-DD, or "" if the repository does not say.
    """

    text: str
    answers: tuple[str, ...]
    source: str
    evidence: str
    date: str = ""
    number: int = 0

    @property
    def draft_id(self) -> str:
        """Return an id that stays the same as long as the draft's question and files do."""
        files = [answer.partition(":")[0] for answer in self.answers]
        said = "\0".join([self.text, *files])
        return "d-" + hashlib.blake2b(said.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()


def suggest(view: View, *, known: Golden | None = None, most: int = 40) -> list[Draft]:
    """Draft questions from a refreshed repository, one from each source in turn.

    Args:
        view: The repository.
        known: Existing questions, which are not drafted again.
        most: The maximum number of drafts.
    """
    asked = {_key(question.text) for question in known.questions} if known else set()
    return [draft for draft in _numbered(view) if _key(draft.text) not in asked][:most]


def _numbered(view: View) -> list[Draft]:
    """Draft everything, each question once, and number it."""
    seen: set[tuple[str, ...]] = set()
    by_source: dict[str, list[Draft]] = defaultdict(list)
    for draft in (
        *_commits(view),
        *_tests(view),
        *_changelog(view),
        *_docstrings(view),
    ):
        if (key := _key(draft.text)) not in seen:
            seen.add(key)
            by_source[draft.source].append(draft)
    drafts = _in_turn([_spread(drafts) for drafts in by_source.values()])
    return [replace(draft, number=number) for number, draft in enumerate(drafts, 1)]


def _key(text: str) -> tuple[str, ...]:
    return tuple(tokenizer.terms(text))


def _commits(view: View) -> Iterator[Draft]:
    log = git.ask(
        view.root, "-c", "core.quotePath=false",
        "log", f"--max-count={COMMITS}", "--no-merges", "--name-only", "--relative",
        "--date=short", "--format=%x1e%h%x1f%ad%x1f%s%x1f", "--", ".",
    )  # fmt: skip
    paths = frozenset(view.paths)
    for record in os.fsdecode(log or b"").split("\x1e")[1:]:
        commit, date, said, changed = record.split("\x1f", 3)
        subject, files = os.fsencode(said).decode("utf-8", "replace"), changed.split("\n")
        answers = tuple(path for path in files if path in paths and not file_kinds.is_minor(path))
        text = _TRAILING.sub("", _PREFIX.sub("", subject)).strip()
        small = 0 < len(answers) <= COMMIT_FILES and len([path for path in files if path]) <= 2 * COMMIT_FILES
        if small and _is_telling(text) and not _CHORE.match(subject):
            yield Draft(text, answers, "commit", commit, date)


def _docstrings(view: View) -> Iterator[Draft]:
    for passage in _defining(view):
        sentence = _SENTENCE.match(_said(passage))
        if sentence and _is_telling(sentence[1]):
            yield Draft(sentence[1].rstrip("."), (passage.chunk.span,), "docstring", passage.chunk.span)


def _said(passage: ChunkText) -> str:
    """Read the description of a chunk's definition: its opening comment, or else its first docstring."""
    opening = [
        match["text"]
        for match in takewhile(bool, map(_COMMENTED.fullmatch, map(str.rstrip, passage.lines)))
        if match
    ]
    docstring = _DOCSTRING.search(passage.text)
    return " ".join((" ".join(opening) or (docstring["text"] if docstring else "")).split())


def _tests(view: View) -> Iterator[Draft]:
    owners: dict[str, list[str]] = defaultdict(list)
    for path in view.paths:
        if not file_kinds.is_minor(path):
            owners[_stem(path)].append(path)
    for path in view.paths:
        if not file_kinds.is_minor(path) or len(owners[_stem(path)]) != 1:
            continue
        for number, line in enumerate(view.lines(path) or (), 1):
            match = _TEST_NAME.search(line)
            text = (match["said"] or " ".join(tokenizer.parts(match["name"]))) if match else ""
            if _is_telling(text):
                yield Draft(text, tuple(owners[_stem(path)]), "test", f"{path}:{number}")


def _changelog(view: View) -> Iterator[Draft]:
    defined = _definitions(view)
    for path in filter(_CHANGELOG.search, view.paths):
        for number, line in enumerate(view.lines(path) or (), 1):
            item = _ITEM.match(line)
            places_named = {files for name in _CODE.findall(line) if len(files := defined.get(name, ())) == 1}
            if item and len(places_named) == 1 and _is_telling(item["text"]):
                yield Draft(item["text"], next(iter(places_named)), "changelog", f"{path}:{number}")


def _definitions(view: View) -> Mapping[str, tuple[str, ...]]:
    """Return the files that define each name."""
    found: dict[str, set[str]] = defaultdict(set)
    for chunk in _chunks(view):
        for name in chunk.names:
            found[name].add(chunk.path)
    return {name: tuple(sorted(files)) for name, files in found.items()}


def _defining(view: View) -> list[ChunkText]:
    return view.chunk_texts(chunk for chunk in _chunks(view) if chunk.names)


def _chunks(view: View) -> Iterator[Chunk]:
    snapshot = view.snapshot
    for path in view.paths:
        if not file_kinds.is_minor(path):
            yield from snapshot.chunks_of(path)


def _is_telling(text: str) -> bool:
    return LEAST_WORDS <= len(text.split()) <= MOST_WORDS


def _stem(path: str) -> str:
    return _TEST_AFFIX.sub("", path.rpartition("/")[2].partition(".")[0]).lower()


def _spread(drafts: Sequence[Draft]) -> list[Draft]:
    """Order drafts so that every file comes once before any comes twice, otherwise in the order found."""
    uses: Counter[tuple[str, ...]] = Counter()
    keyed: list[tuple[int, int]] = []
    for number, draft in enumerate(drafts):
        key = tuple(answer.partition(":")[0] for answer in draft.answers)
        keyed.append((uses[key], number))
        uses[key] += 1
    return [drafts[number] for _, number in sorted(keyed)]


def _in_turn(sources: Iterable[Sequence[Draft]]) -> list[Draft]:
    """Interleave the sources, one draft of each in turn."""
    queues = [list(source) for source in sources]
    taken: list[Draft] = []
    while any(queues):
        taken += [queue.pop(0) for queue in queues if queue]
    return taken

"""Questions that code itself poses: signatures, tasks of commits, tests by name, names in documentation."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.questions.error_dialects import DIALECTS
from benchmarks.questions.error_sites import CALLABLES, Source, order
from benchmarks.questions.pinned_repository import Commit, Snapshot
from retrieval.chunks.definitions import Definition
from retrieval.files.languages import language_of
from retrieval.training.past.hunks import is_test

# The first group that took part is the test's name or its description.
_STRING = r"(?:\"((?:[^\"\\\n]|\\.)+)\"|'((?:[^'\\\n]|\\.)+)'|`([^`\n$]+)`)"


_TESTS: dict[str, str] = {
    "bash": rf"(?m)^@test {_STRING}",
    "cpp": r"(?m)^TEST(?:_[FP])?\(\s*\w+,\s*(\w+)\)",
    "csharp": r"\[Test\]\s+public (?:async )?\w+ (\w+)\(",
    "elixir": rf"\btest {_STRING}",
    "go": r"(?m)^func Test(\w+)\(",
    "haskell": r"(?m)^prop_(\w+)",
    "java": r"@Test\s+(?:public )?void (?:test)?(\w+)\(",
    "javascript": rf"\bit\(\s*{_STRING}",
    "kotlin": r"@Test\s+fun (?:`([^`\n]+)`|(\w+))",
    "lua": rf"(?m)^T\[['\"].*\]\[{_STRING}\]\s*=",
    "php": r"function test(\w+)\(",
    "python": r"\bdef test_(\w+)\(",
    "ruby": rf"\b(?:it|test)\(?\s*{_STRING}",
    "rust": r"#\[test\]\s+fn (?:test_)?(\w+)",
    "scala": rf"\btest\(\s*{_STRING}",
    "swift": rf"(?:\bfunc test(\w+)|@Test\(\s*{_STRING})",
    "typescript": rf"\b(?:it|test)\(\s*{_STRING}",
}


_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_ESCAPE = re.compile(r"\\(.)")


COMMITS_BEFORE = 400
_TAIL = re.compile(r"(?:=>|->|[^{;=\n])*")
_TAILS = dict.fromkeys(("javascript", "typescript"), re.compile(r"[^{;=\n]*"))
_OUTPUT = re.compile(r"±|\^\^\^ |^={3}", re.MULTILINE)  # of benchmarks and tools: nobody's task


BODY_CHARS = 120  # a commit that explains itself
SUBJECT_CHARS = 40  # a subject that says something alone
TASK_CHARS = 1500  # longer messages are release notes
TASK_FILES = 3
SIGNATURE_CHARS = 300
TEST_WORDS = 4
NAME_CHARS = 4  # of a name; a plain lower-case word may be prose, or a name of somebody else's
NAMES = 4  # times as many questions as of the other kinds: names are ranked by weights of their own
_PARENTHESES = re.compile(r"[()\[\]{},]")
_SELF = re.compile(r"\s*(?:&?(?:mut )?self|cls|this)\b(?!\.)")
_SIGNATURE_END = re.compile(r"\s*(?:,?\s*\bdo\b.*|=>|->|:)\s*$")
_COMMENT = re.compile(r"//|/\*|\s#\s|--\s|\"\"\"")
_CHORE = re.compile(
    r"^\W*(?:\w+(?:\([^)]*\))?!?:\s*)?(?:revert|bump|release|merge|upgrade|prepare|version|changelog|format"
    r"|reformat|lint|typo|fix typo|regenerate|update (?:copyright|dep|version|action))"
    r"|^\W*(?:chore|docs?|style|ci|build)\b[(:]"
    r"|dependabot|\btypos?\b|clang-format|scalafmt|rustfmt|copyright|\bformatting\b|clippy|codespell|flaky"
    r"|doc(?:test|string|ument|s\b)|\w+docs?\b|comment|readme|spelling|\bcite\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"`+([A-Za-z_][A-Za-z0-9_]*)(?:\(\))?`+")
# Written down apart from retrieval/chunks/definitions.py, which is what these questions judge.
_DEFINES = re.compile(
    r"\b(?:class|struct|interface|trait|object|module|defmodule|enum|union|protocol|typealias|type|data|newtype"
    r"|def|defp|defmacro|func|function|fn|fun)\s+(?:[A-Za-z_]\w*[.:]+)*(?P<name>[A-Za-z_]\w*)"
)
_TEST_AFFIX = re.compile(r"^(?:test|spec)_|[._-]?(?:unit)?(?:[Tt]ests?|[Ss]pecs?|Suite)$")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer is; start and end are None for a whole file."""

    path: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and its answers, the primary one first."""

    query: str
    targets: tuple[Target, ...]


def signatures(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine the signatures of functions with two parameters or more that stand once in the repository."""
    everything = "\0".join(map(spaced, snapshot.texts.values()))
    found: list[Question] = []
    for source in snapshot.sources.values():
        for item in source.definitions:
            text = signature(source, item) if item.kind in CALLABLES else ""
            if text and everything.count(text) == 1:
                found.append(Question(text, (Target(source.path, item.start_line, item.end_line),)))
    return spread(found, most, key=f"{seed}/signature")


def signature(source: Source, item: Definition) -> str:
    """Read a definition from its name's line up to its body; "" unless it has several parameters."""
    text = "\n".join(source.text.split("\n")[item.name_line - 1 : item.end_line])
    name = re.escape(item.name)
    if source.language == "haskell":
        typed = re.match(rf"{name}\s*::.*(?:\n[ \t]+(?:->|=>|::).*)*", text)
        return spaced(typed[0]) if typed and typed[0].count("->") > 1 else ""
    head = re.search(rf"{name}[^(\n;{{]{{0,60}}\(", text)
    if not head:
        return ""
    end, parameters = closing(text, head.end())
    tail = _TAILS.get(source.language, _TAIL).match(text, end)
    whole = _SIGNATURE_END.sub("", spaced(text[:end] + (tail[0] if tail else "")))
    balanced = whole.count("(") == whole.count(")") and not _COMMENT.search(whole)
    return whole if parameters > 1 and balanced and len(whole) <= SIGNATURE_CHARS else ""


def closing(text: str, place: int) -> tuple[int, int]:
    """Return where the bracket opened before `place` closes, and how many parameters it holds but `self`."""
    depth, commas, last = 1, -bool(_SELF.match(text, place)), place
    for mark in _PARENTHESES.finditer(text, place):
        depth += (mark[0] in "([{") - (mark[0] in ")]}")
        if depth == 1 and mark[0] == ",":
            commas, last = commas + 1, mark.end()
        if depth == 0:
            return mark.end(), commas + bool(text[last : mark.start()].strip())
    return place, 0


def spaced(text: str) -> str:
    """Normalise white space: one blank between words, none inside brackets."""
    return re.sub(r"(?<=[(\[]) | (?=[)\]])", "", " ".join(text.split()))


def tasks(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Take the messages of small commits after the revision, or else before it, the telling ones first."""
    del seed  # the order is history's
    found = list(told(snapshot, snapshot.commits_after()))
    if len(found) < most:
        found += told(snapshot, snapshot.commits_before(most=COMMITS_BEFORE))
    return list({question.query: question for question in found}.values())[:most]


def told(snapshot: Snapshot, commits: Sequence[Commit]) -> Iterator[Question]:
    """Yield the commits that change one to three sources and say why, those with a body first."""
    for commit in sorted(commits, key=lambda commit: len(commit.body) < BODY_CHARS):
        code = [path for path in commit.paths if language_of(path) in DIALECTS and not is_test(path)]
        laid_out = [path.removeprefix(snapshot.strip) for path in code]
        inside = [path for path in laid_out if defines(snapshot, path)]
        text = f"{commit.subject}\n\n{commit.body}".strip()
        says = len(commit.body) >= BODY_CHARS or len(commit.subject) >= SUBJECT_CHARS
        small = inside and len(code) <= TASK_FILES and len(text) <= TASK_CHARS
        if small and says and not (_CHORE.search(commit.subject) or _OUTPUT.search(text)):
            yield Question(text, tuple(map(Target, inside)))


def defines(snapshot: Snapshot, path: str) -> bool:
    """Tell whether a path is a source of the snapshot that defines something: a list of packages does not."""
    return path in snapshot.sources and bool(snapshot.sources[path].definitions)


def tests(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine names of tests whose file's name is that of exactly one source; a name used twice is left out."""
    tested: dict[str, list[str]] = defaultdict(list)
    for path in snapshot.sources:
        tested[language_of(path) + stem(path)].append(path)
    found: dict[str, set[str]] = defaultdict(set)
    for path, text in snapshot.tests():
        owners = tested[language_of(path) + stem(path)]
        if len(owners) == 1:
            for name in test_names(language_of(path), text):
                found[name].add(owners[0])
    unique = [
        Question(name, (Target(next(iter(owners))),)) for name, owners in found.items() if len(owners) == 1
    ]
    return spread(unique, most, key=f"{seed}/test")


def stem(path: str) -> str:
    """Return what a test's file shares with the file it tests.

    >>> stem("tests/test_termui.py"), stem("src/termui.py"), stem("GsonTest.java")
    ('termui', 'termui', 'gson')
    """
    name = path.rpartition("/")[2].rpartition(".")[0]
    return _TEST_AFFIX.sub("", name).removeprefix("_").lower()


def names(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine names that prose writes as code and that one line of all sources defines."""
    written = {
        name
        for text in snapshot.prose()
        for name in _CODE.findall(text)
        if len(name) >= NAME_CHARS and ("_" in name or not name.islower())
    }
    places: dict[str, list[Target]] = defaultdict(list)
    for path, source in snapshot.sources.items():
        for number, line in enumerate(source.text.split("\n"), 1):
            for match in _DEFINES.finditer(line):
                places[match["name"]].append(Target(path, number, number))
    found = [Question(name, tuple(places[name])) for name in sorted(written) if len(places[name]) == 1]
    return spread(found, NAMES * most, key=f"{seed}/name")


def spread(questions: Iterable[Question], most: int, *, key: str) -> list[Question]:
    """Choose at most `most` questions by a hash of `key`, from as many files as there are."""
    shuffled = sorted(questions, key=lambda question: order(key + question.query))
    places: Counter[str] = Counter()
    ranked: list[tuple[int, Question]] = []
    for question in shuffled:
        ranked.append((places[question.targets[0].path], question))
        places[question.targets[0].path] += 1
    return [question for _, question in sorted(ranked, key=lambda pair: pair[0])[:most]]


def words(text: str) -> list[str]:
    """Split names and prose into lower-case words.

    >>> words("JSONReader_v2.impl")
    ['json', 'reader', 'v2', 'impl']
    """
    return [word.lower() for word in _WORD.findall(text)]


def test_names(language: str, text: str) -> Iterator[str]:
    """Yield the tests of a file as words; a description stays as it is written."""
    for match in re.finditer(_TESTS.get(language, "(?!)"), text):
        name = next(group for group in match.groups() if group)
        spoken = _ESCAPE.sub(r"\1", name) if " " in name.strip() else " ".join(words(name))
        spoken = spoken.removeprefix("test ")
        if len(spoken.split()) >= TEST_WORDS:
            yield spoken

"""Mine the questions that are pasted rather than asked, from public facts of the benchmark's repositories.

    python -m benchmarks.questions.mine --mirrors MIRRORS --manifest manifest.json --corpus REPOS \
        --queries queries.jsonl --out questions.jsonl

MIRRORS holds a git directory `owner+name/repo` a repository, with its history; REPOS the same repositories at
their pinned revisions, as plain folders. The kinds of question:

    error      an error message as a user sees it; the answer is the literal that says it
    trace      a stack trace; the answer is the function that threw
    path       part of a path as people remember it; the answer is the only file it can be
    signature  the first line of a function; the answer is the function
    task       what a commit said it does; the answer is the files it changed
    test       the name of a test, as words; the answer is the file it tests
    name       a name that the documentation writes as code; the answer is the line that defines it
    foreign    a question of queries.jsonl, translated by hand (translated.json); its answers are kept

No search is run, so no ranking decides what is asked. What is written holds other people's text: it is not
committed, and anybody who has the repositories makes the same bytes again.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.questions.error_dialects import DIALECTS
from benchmarks.questions.error_sites import CALLABLES, Source, Throw, enclosing, order, throws, trace
from benchmarks.questions.pinned_repository import Commit, Snapshot, is_test, snapshots
from retrieval.chunks.definitions import Definition
from retrieval.files.languages import language_of

HERE = Path(__file__).resolve().parent

BODY_CHARS = 120  # a commit that explains itself
SUBJECT_CHARS = 40  # a subject that says something alone
TASK_CHARS = 1500  # longer messages are release notes
TASK_FILES = 3
COMMITS_BEFORE = 400
SIGNATURE_CHARS = 300
FIXED_CHARS = 12  # of a message: shorter runs are found anywhere
TEST_WORDS = 4
NAME_CHARS = 4  # of a name; a plain lower-case word may be prose, or a name of somebody else's
NAMES = 4  # times as many questions as of the other kinds: names are ranked by weights of their own

_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_PARENTHESES = re.compile(r"[()\[\]{},]")
_TAIL = re.compile(r"(?:=>|->|[^{;=\n])*")
# An arrow of these opens the body.
_TAILS = dict.fromkeys(("javascript", "typescript"), re.compile(r"[^{;=\n]*"))
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
_OUTPUT = re.compile(r"±|\^\^\^ |^={3}", re.MULTILINE)  # of benchmarks and tools: nobody's task

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
_CODE = re.compile(r"`+([A-Za-z_][A-Za-z0-9_]*)(?:\(\))?`+")
# Written down apart from retrieval/chunks/definitions.py, which is what these questions judge.
_DEFINES = re.compile(
    r"\b(?:class|struct|interface|trait|object|module|defmodule|enum|union|protocol|typealias|type|data|newtype"
    r"|def|defp|defmacro|func|function|fn|fun)\s+(?:[A-Za-z_]\w*[.:]+)*(?P<name>[A-Za-z_]\w*)"
)
_ESCAPE = re.compile(r"\\(.)")
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


def main() -> None:
    """Read the arguments, mine every repository, write the questions and count them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirrors", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=3, help="of a kind, a repository [default: 3]")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for snapshot in tqdm(snapshots(args.manifest, args.mirrors, args.corpus), unit="repo", disable=None):
        for kind, mine in KINDS.items():
            chosen = mine(snapshot, args.most, args.seed)
            rows += [row(snapshot, kind, number, question) for number, question in enumerate(chosen)]
    rows += foreign(args.queries, HERE / "translated.json")
    args.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    for kind, count in Counter(row["category"] for row in rows).items():
        print(f"{kind:10} {count}")


def row(snapshot: Snapshot, kind: str, number: int, question: Question) -> dict[str, Any]:
    """Write a question as a line of the benchmark."""
    targets = [{**asdict(target), "primary": place == 0} for place, target in enumerate(question.targets)]
    return {
        "id": f"{snapshot.name}-{kind}-{number:02}",
        "repo": snapshot.name,
        "language": snapshot.language,
        "category": kind,
        "query": question.query,
        "targets": targets,
    }


def spread(questions: Iterable[Question], most: int, *, key: str) -> list[Question]:
    """Choose at most `most` questions by a hash of `key`, from as many files as there are."""
    shuffled = sorted(questions, key=lambda question: order(key + question.query))
    places: Counter[str] = Counter()
    ranked: list[tuple[int, Question]] = []
    for question in shuffled:
        ranked.append((places[question.targets[0].path], question))
        places[question.targets[0].path] += 1
    return [question for _, question in sorted(ranked, key=lambda pair: pair[0])[:most]]


def errors(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine messages whose longest fixed part stands once in the whole repository."""
    everything = "\0".join(snapshot.texts.values())
    found = [
        Question(throw.message, (Target(source.path, throw.start, throw.end),))
        for source in speaking(snapshot)
        for throw in throws(source, seed=seed)
        if len(throw.fixed.strip()) >= FIXED_CHARS and everything.count(throw.fixed) == 1
    ]
    return spread(found, most, key=f"{seed}/error")


def traces(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine stack traces, one a function."""
    places: dict[Target, tuple[Throw, Definition, Source]] = {}
    for source in speaking(snapshot):
        for throw in throws(source, seed=seed):
            if throw.fatal and (function := enclosing(source, throw.line)):
                target = Target(source.path, function.start_line, function.end_line)
                places.setdefault(target, (throw, function, source))
    messages = [Question(throw.message, (target,)) for target, (throw, _, _) in places.items()]
    chosen = [question.targets for question in spread(messages, most, key=f"{seed}/trace")]
    return [Question(told_trace(snapshot, *places[targets[0]]), targets) for targets in chosen]


def told_trace(snapshot: Snapshot, throw: Throw, function: Definition, source: Source) -> str:
    """Write a trace; only a function whose name is the only one of its kind is sought in other files."""
    kin = [other for other in speaking(snapshot) if other.language == source.language]
    namesakes = sum(item.name == function.name for other in kin for item in other.definitions)
    return trace(throw, function, source, kin if namesakes == 1 else [], repo=snapshot.name)


def speaking(snapshot: Snapshot) -> Iterator[Source]:
    """Yield the sources whose language's way of throwing is known."""
    return (source for source in snapshot.sources.values() if source.language in DIALECTS)


def paths(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine parts of paths whose words follow each other in one path of the repository only."""
    spoken = [f" {' '.join(words(path))} " for path in snapshot.texts]
    found: list[Question] = []
    for path in snapshot.sources:
        clear = [
            form
            for form in remembered(path)
            if sum(f" {' '.join(words(form))} " in other for other in spoken) == 1
        ]
        if clear:
            form = min(clear, key=lambda form: order(f"{seed}/{path}/{form}"))
            found.append(Question(form, (Target(path),)))
    return spread(found, most, key=f"{seed}/path")


def remembered(path: str) -> list[str]:
    """List what people say for a path: parent/stem, name, parent and stem as words, stem as words.

    >>> remembered("src/click/_termui_impl.py")
    ['click/_termui_impl', '_termui_impl.py', 'click termui impl', 'termui impl']
    """
    folder, _, name = path.rpartition("/")
    stem, parent = name.partition(".")[0], folder.rpartition("/")[2]
    spoken = " ".join(words(stem))
    forms = [f"{parent}/{stem}", name, f"{parent.lower()} {spoken}", spoken]
    return [form for form in forms if len(words(form)) > 1 and not form.startswith(("/", " "))]


def words(text: str) -> list[str]:
    """Split names and prose into lower-case words.

    >>> words("JSONReader_v2.impl")
    ['json', 'reader', 'v2', 'impl']
    """
    return [word.lower() for word in _WORD.findall(text)]


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


def test_names(language: str, text: str) -> Iterator[str]:
    """Yield the tests of a file as words; a description stays as it is written."""
    for match in re.finditer(_TESTS.get(language, "(?!)"), text):
        name = next(group for group in match.groups() if group)
        spoken = _ESCAPE.sub(r"\1", name) if " " in name.strip() else " ".join(words(name))
        spoken = spoken.removeprefix("test ")
        if len(spoken.split()) >= TEST_WORDS:
            yield spoken


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


def foreign(queries: Path, translated: Path) -> list[dict[str, Any]]:
    """Ask questions of the benchmark in another language; the answers stay."""
    asked = {row["id"]: row for row in map(json.loads, queries.read_text(encoding="utf-8").splitlines())}
    texts: Mapping[str, Mapping[str, str]] = json.loads(translated.read_text(encoding="utf-8"))
    return [
        {**asked[name], "id": f"{name}-{text['language']}", "category": "foreign", "query": text["query"]}
        for name, text in texts.items()
    ]


KINDS: dict[str, Callable[[Snapshot, int, int], list[Question]]] = {
    "error": errors,
    "trace": traces,
    "path": paths,
    "signature": signatures,
    "task": tasks,
    "test": tests,
    "name": names,
}

if __name__ == "__main__":
    main()

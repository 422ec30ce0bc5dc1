"""Which questions a package answers about itself, with the text that gives the answer away removed.

kind        question                                    answer
comment     a comment, phrased in one of several ways   the definition below it, the comment removed
file        a file's opening comment                    the file, that comment removed
error       an error message, its placeholders filled   the lines that raise it
test        a test's name                               the one definition that it names and calls
change      a changelog entry                           the one definition that it names
name        a sentence around an identifier             its definition
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from embedded_model import comments
from embedded_model.phrasing import ask, words_of
from retrieval.chunks import chunker
from retrieval.chunks.definitions import Definition, definitions, parse
from retrieval.files import encoding, exclusion, walker
from retrieval.files.languages import language_of
from retrieval.settings import Settings

PROSE = frozenset(
    {"markdown", "rst", "asciidoc", "text", "html", "latex", "xml", "json", "yaml", "toml", "ini", ""}
)
MOST = {"comment": 110, "file": 40, "error": 14, "test": 14, "change": 14, "name": 10}
"""Of a package, so that none outweighs the others."""
MOST_OF_FILE = 5

_ERROR = re.compile(
    r"\b(?:raise|throw|panic!?|fail(?:ure|With)?!?|die|abort|bail!|anyhow!|errors?\.New|Errorf|Error|Exception|error!?|ereport|Err)\b"
    r"[^\"'\n]{0,60}(?P<quote>[\"'])(?P<text>[A-Za-z][^\"'\n]{18,140})(?P=quote)"
)
_BLANK = re.compile(r"%[-+ #0-9.]*[a-zA-Z]|\$?#?\{[^{}]*\}|\\\([^)]*\)|\$\w+")
_FILLINGS = ("42", "foo", "x", "config", "main", "0", "name", "a.txt")
_TEST_PATH = re.compile(
    r"(^|/)(tests?|specs?|__tests__|testing)/|[_.-](test|spec)s?\.|(^|/)test_|Tests?\.\w+$", re.IGNORECASE
)
_TEST_NAME = re.compile(r"(?:[tT]est|it|should|when)(?:_|(?=[A-Z]))(?P<rest>\w{8,})")
_CHANGES = re.compile(r"(^|/)(changes|changelog|history|news|releases?)(\.\w+)?$", re.IGNORECASE)
_BULLET = re.compile(r"^\s*[-*+] +(?P<text>.{25,300})$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w{5,}")
_ABOUT = (
    "where is {} implemented",
    "how does {} work",
    "{} implementation",
    "what does {} do",
    "how is {} used",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer; lines are those of the package with comments removed.

    Attributes:
        kind: One of the table above.
        text: The text of the question.
        path: The file that answers.
        start_line: First line, 1-based; None for the whole file.
        end_line: Last line, inclusive; None for the whole file.
    """

    kind: str
    text: str
    path: str
    start_line: int | None = None
    end_line: int | None = None

    @property
    def answer(self) -> str:
        """The answer as it is spelled in a golden file."""
        return self.path if self.start_line is None else f"{self.path}:{self.start_line}-{self.end_line}"


@dataclass
class File:
    """A file of the package, read and split."""

    path: str
    lines: list[str]
    found: list[Definition] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)  # 1-based lines that are removed

    def at(self, line: int) -> int:
        """Return a line's number after the removal."""
        return line - sum(number < line for number in self.gone)


def strip(root: Path, *, seed: str) -> list[Asked]:
    """Generate questions from the package below `root`, and remove their comments from its files."""
    rng = random.Random(seed)  # noqa: S311 - the draw must be repeatable
    files = list(_files(root))
    asked: list[Asked] = []
    asked += _commented(files, rng)
    asked += _of_files(files, rng)
    for file in files:  # other questions are asked of the code without these comments
        if file.gone:
            file.lines = [line for number, line in enumerate(file.lines, 1) if number not in file.gone]
            (root / file.path).write_text("\n".join(file.lines) + "\n", encoding="utf-8")
            file.found = [
                replace(item, start_line=file.at(item.start_line), end_line=file.at(item.end_line))
                for item in file.found
            ]
    names = _unique(files)
    asked += _errors(files, rng)
    asked += _tested(files, names, rng)
    asked += _changed(root, names, rng)
    asked += _named(names, rng)
    return list({question.text.lower(): question for question in asked}.values())


def _files(root: Path) -> Iterator[File]:
    listing = walker.walk(root, max_bytes=Settings().max_file_bytes)
    for path in listing.files:
        language = language_of(path)
        if language in PROSE:
            continue
        data = walker.read(root, path)
        if exclusion.reason_in_content(path, data):
            continue
        text = encoding.decode(data).text
        tree = parse(language, text.encode("utf-8", "replace"), path=path)
        if tree is not None:
            yield File(path, chunker.lines_of(text), definitions(language, tree))


def _unique(files: Sequence[File]) -> dict[str, tuple[File, Definition]]:
    """Find the names that the package defines once outside its tests."""
    count: Counter[str] = Counter()
    places: dict[str, tuple[File, Definition]] = {}
    for file in files:
        if not _TEST_PATH.search(file.path):
            for item in file.found:
                count[item.name] += 1
                places[item.name] = (file, item)
    return {name: place for name, place in places.items() if count[name] == 1 and _NAME.fullmatch(name)}


def _commented(files: Sequence[File], rng: random.Random) -> list[Asked]:
    found: list[tuple[File, Definition, comments.Comment]] = []
    for file in files:
        if _TEST_PATH.search(file.path):
            continue
        told = [
            (file, item, comment)
            for item in file.found
            if item.end_line - item.start_line >= 2
            and (comment := comments.of_definition(file.lines, item.start_line, item.end_line))
            and comment.end_line - comment.start_line < 60
        ]
        found += rng.sample(told, min(MOST_OF_FILE, len(told)))
    rng.shuffle(found)
    asked: list[tuple[str, File, Definition]] = []
    texts: set[str] = set()
    for file, item, comment in found[: 2 * MOST["comment"]]:
        overlaps = file.gone & set(range(comment.start_line, comment.end_line + 1))
        if comment.sentence in texts or overlaps or len(asked) == MOST["comment"]:
            continue
        texts.add(comment.sentence)
        file.gone.update(range(comment.start_line, comment.end_line + 1))
        text = comment.text if rng.random() < 0.15 else ask(comment.sentence, rng)
        asked.append((comments.shortened(text), file, item))
    return [
        Asked("comment", text, file.path, file.at(max(item.start_line, 1)), file.at(item.end_line))
        for text, file, item in asked
    ]


def _of_files(files: Sequence[File], rng: random.Random) -> list[Asked]:
    asked: list[Asked] = []
    for file in rng.sample(list(files), len(files)):
        if len(asked) == MOST["file"]:
            break
        comment = comments.of_file(file.lines[:200])
        if comment is None or _TEST_PATH.search(file.path) or len(file.lines) < comment.end_line + 15:
            continue
        rows = set(range(comment.start_line, comment.end_line + 1))
        if rows & file.gone or any(
            item.start_line in (comment.end_line + 1, comment.end_line + 2) for item in file.found
        ):
            continue
        file.gone |= rows
        asked.append(Asked("file", comments.shortened(ask(comment.sentence, rng)), file.path))
    return asked


def _errors(files: Sequence[File], rng: random.Random) -> list[Asked]:
    asked: list[Asked] = []
    for file in files:
        if _TEST_PATH.search(file.path):
            continue
        for number, line in enumerate(file.lines, 1):
            found = _ERROR.search(line)
            if found and len(found["text"].split()) >= 4 and found["text"].isascii():
                text = (
                    _BLANK.sub(lambda _: rng.choice(_FILLINGS), found["text"])
                    .replace("\\n", " ")
                    .strip(" .:,")
                )
                asked.append(
                    Asked(
                        "error",
                        rng.choice((text, f"why do I get: {text}", f"error {text}")),
                        file.path,
                        number,
                        number,
                    )
                )
    return _few(asked, "error", rng)


def _tested(
    files: Sequence[File], names: Mapping[str, tuple[File, Definition]], rng: random.Random
) -> list[Asked]:
    asked: list[Asked] = []
    for file in files:
        if not _TEST_PATH.search(file.path):
            continue
        for item in file.found:
            test = _TEST_NAME.fullmatch(item.name)
            if not test:
                continue
            words = words_of(test["rest"])
            called = {
                name
                for line in file.lines[item.start_line - 1 : item.end_line]
                for name in _NAME.findall(line)
            }
            named = [
                name for name in called & names.keys() if words_of(name) in words and words_of(name) != words
            ]
            if named:
                place, target = names[max(named, key=len)]
                asked.append(Asked("test", words, place.path, target.start_line, target.end_line))
    return _few(asked, "test", rng)


def _changed(root: Path, names: Mapping[str, tuple[File, Definition]], rng: random.Random) -> list[Asked]:
    asked: list[Asked] = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if not path.is_file() or not _CHANGES.search(relative) or relative.startswith("debian/"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for bullet in _BULLET.finditer(text):
            named = [name for name in _NAME.findall(bullet["text"]) if name in names and not name.islower()]
            if len(set(named)) == 1 and comments.is_telling(bullet["text"].replace("`", "")):
                file, item = names[named[0]]
                told = comments.shortened(re.sub(r"[`*]{1,2}|\(?#\d+\)?|@\w+|\[.*?\]", "", bullet["text"]))
                if rng.random() < 0.5:
                    told = told.replace(named[0], words_of(named[0]))
                asked.append(
                    Asked(
                        "change",
                        " ".join(told.split()).rstrip("."),
                        file.path,
                        item.start_line,
                        item.end_line,
                    )
                )
    return _few(asked, "change", rng)


def _named(names: Mapping[str, tuple[File, Definition]], rng: random.Random) -> list[Asked]:
    asked: list[Asked] = []
    for name, (file, item) in sorted(names.items()):
        if item.end_line - item.start_line >= 3 and (name.islower() is False or "_" in name):
            asked.append(
                Asked("name", rng.choice(_ABOUT).format(name), file.path, item.start_line, item.end_line)
            )
    return _few(asked, "name", rng)


def _few(asked: Sequence[Asked], kind: str, rng: random.Random) -> list[Asked]:
    by_file: dict[str, list[Asked]] = defaultdict(list)
    for question in asked:
        by_file[question.path].append(question)
    some = [question for own in by_file.values() for question in rng.sample(own, min(2, len(own)))]
    return rng.sample(some, min(MOST[kind], len(some)))

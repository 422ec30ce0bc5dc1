"""What a repository of the benchmark held at its pinned revision, and what its commits said since."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.questions.error_sites import Source
from retrieval.chunks.definition_queries import PATTERNS
from retrieval.chunks.definitions import definitions, parse
from retrieval.files.encoding import decode
from retrieval.files.languages import language_of
from retrieval.training.past.hunks import is_test

_PROSE = (".md", ".rst", ".txt", ".adoc")
_TRAILER = re.compile(
    r"^\s*(?:[\w-]+-(?:by|to|from|id|revid):.*"
    r"|(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|bug|url|see also|related(?: to)?|report(?:ed)?"
    r"|cherry-picked from|follow[- ]up to)\b:?\s*(?:\w+\s)?\(?"
    r"(?:#\d|https?:|[\w-]+/[\w.-]+#\d|[0-9a-f]{7,}\b).*"
    r"|imported from github pr.*|merge [0-9a-f]{7,}.*|copybara.*|\(cherry picked.*|-{3,})$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*\((?:#|GH-|KTOR-)\d+\)\s*$")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's message without its trailers, and the files it changed.

    Attributes:
        subject: The first line, without the number of a pull request.
        body: The rest, or "".
        paths: As git knows them, from the root of the repository.
    """

    subject: str
    body: str
    paths: Sequence[str]


@dataclass(frozen=True)
class Snapshot:
    """A repository at its pinned revision.

    Attributes:
        name: The repository's name in the benchmark.
        language: Its language there.
        corpus: The folder it is laid out in.
        git_dir: Its history, which goes on after the revision.
        revision: The pinned commit.
        strip: What the laid-out paths lack at their start.
        root: The folder that was laid out, below `strip`; "" for all.
    """

    name: str
    language: str
    corpus: Path
    git_dir: Path
    revision: str
    strip: str
    root: str

    @cached_property
    def texts(self) -> dict[str, str]:
        """Every laid-out file, decoded, by path in order."""
        files = sorted(path for path in self.corpus.rglob("*") if path.is_file())
        return {path.relative_to(self.corpus).as_posix(): decode(path.read_bytes()).text for path in files}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The code among them that is no test, parsed."""
        return {
            path: source
            for path, text in self.texts.items()
            if not is_test(path) and (source := read_source(path, text))
        }

    def tests(self) -> Iterator[tuple[str, str]]:
        """Yield the path and text of every test of the revision, laid out or not."""
        return self._files(lambda path: is_test(path) and language_of(path) in PATTERNS)

    def prose(self) -> Iterator[str]:
        """Yield the text of every document of the revision, laid out or not."""
        return (text for _, text in self._files(lambda path: path.endswith(_PROSE)))

    def commits_after(self) -> list[Commit]:
        """List the commits that touched the laid-out folder after the revision, oldest first."""
        return self._log("--reverse", f"{self.revision}..HEAD")

    def commits_before(self, *, most: int) -> list[Commit]:
        """List the commits that touched the laid-out folder up to the revision, newest first."""
        return self._log(f"--max-count={most}", self.revision)

    def _log(self, *options: str) -> list[Commit]:
        form = "--format=%x1e%s%x1f%b%x1f"
        folder = [self.strip + self.root] if self.strip + self.root else []
        out = self._git("log", "--no-merges", "--full-diff", "--name-only", form, *options, "--", *folder)
        return [_commit(record) for record in out.split("\x1e")[1:]]

    def _files(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        for path in self._git("ls-tree", "-r", "--name-only", self.revision).splitlines():
            if wanted(path):
                yield path, self._git("show", f"{self.revision}:{path}")

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.git_dir), "-c", "core.quotePath=false", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")


def snapshots(manifest: Path, mirrors: Path, corpus: Path) -> list[Snapshot]:
    """List the repositories of a manifest, in its order."""
    return [_snapshot(entry, mirrors, corpus) for entry in json.loads(manifest.read_text(encoding="utf-8"))]


def read_source(path: str, text: str) -> Source | None:
    """Parse a file; None for one whose language has no grammar."""
    language = language_of(path)
    tree = parse(language, text.encode("utf-8", "replace"), path=path)
    return Source(path, language, text, tree, definitions(language, tree)) if tree else None


def _snapshot(entry: Mapping[str, str], mirrors: Path, corpus: Path) -> Snapshot:
    return Snapshot(
        name=entry["name"],
        language=entry["language"],
        corpus=corpus / entry["name"],
        git_dir=mirrors / entry["github"].replace("/", "+", 1) / "repo",
        revision=entry["rev"],
        strip=entry.get("strip", ""),
        root=entry["root"],
    )


def _commit(record: str) -> Commit:
    subject, body, paths = record.split("\x1f")
    kept = [line.rstrip() for line in body.splitlines() if not _TRAILER.match(line)]
    text = re.sub(r"<!--.*?-->|\n(?=\n\n)", "", "\n".join(kept), flags=re.DOTALL).strip()
    return Commit(_NUMBER.sub("", subject.strip()), text, paths.split())

r"""How callers write paths and patterns, and how each is interpreted: `./src`, `src\app`, `a.py:12`, braces.

Text that equals a listed path is that path, even if it could be a pattern, as `app/[slug]/page.tsx` could.
Text with only one possible meaning is accepted, and a note says how it was read.
"""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from retrieval.errors import ArgumentError, shorten
from retrieval.files import globs as patterns
from retrieval.files import walker
from retrieval.files.globs import Glob
from retrieval.paths import spellings
from retrieval.paths.spellings import Spellings
from retrieval.text import unified

MOST = 1_000
"""Most patterns in one filter; each path is compared with every pattern that is not a plain name."""
MOST_COMPILED = 50_000
"""Most characters in the filter's patterns with wildcards; compiling so many takes 0.1 s."""

_LINES = re.compile(r"L\d+(?:C\d+)?(?:-L?\d+(?:C\d+)?)?")
_NUMBERS = re.compile(r":\d+(?:[-:]\d+)*")
_PLAIN = re.compile(r"[\w@+-][\w@+.-]*/?")  # a name, which matches any folder or file with it


class Reader:
    """Interprets patterns as callers write them, using the listed paths."""

    def __init__(self, paths: Iterable[str], *, root: str, folder: str) -> None:
        """Start without patterns.

        Args:
            paths: The listed files, relative to the folder.
            root: The root, for absolute paths below it.
            folder: The folder of the root that patterns are relative to, or "".
        """
        self._root = root.rstrip("/\\")
        self._folder = folder
        self._files = frozenset(paths)
        self._compiled = 0  # characters that became regular expressions
        self.texts: list[str] = []  # the patterns as interpreted
        self.notes: list[str] = []  # where the interpretation differs from the text

    def read(self, globs: Iterable[str]) -> list[Glob]:
        """Compile patterns.

        Raises:
            ArgumentError: A pattern is invalid or leads out of the root, or there are too many.
        """
        found: list[Glob] = []
        for text in globs:
            before = len(self.texts)
            found += [glob for piece in self._pieces(text) for glob in self._globs(piece, asked=text)]
            taken = list(dict.fromkeys(map(unified, self.texts[before:])))
            if taken != [unified(text.strip())]:
                self.notes.append(
                    f"path {shorten(text) or repr(text)} was read as {shorten(' and '.join(taken))}"
                )
        return found

    @cached_property
    def _folders(self) -> frozenset[str]:
        return walker.folders_of(self._files)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(path.rpartition("/")[2] for path in (*self._files, *self._folders))

    def _is_listed(self, path: str) -> bool:
        return path in self._files or path in self._folders

    def _pieces(self, text: str) -> list[str]:
        """Split `*.py,*.ts` in two, but neither braces nor a listed name that contains a comma."""
        if len(text) > patterns.LONGEST:
            raise ArgumentError(
                f"path {shorten(text)} is too long",
                remedy=f"a pattern has at most {patterns.LONGEST:,} characters",
            )
        if "," not in text or self._is_listed(text.strip().removeprefix("!").strip("/")):
            return [text.strip()]
        return [piece.strip() for piece in _split(text) if piece.strip()] or [text.strip()]

    def _globs(self, piece: str, *, asked: str) -> Iterator[Glob]:
        is_negated = piece.startswith("!")
        body = piece[is_negated:]
        bodies = [body] if self._is_listed(body.strip("/")) else dict.fromkeys(_expanded(body))
        for one in (form for each in bodies for form in self._spelled(each)):
            text, glob = self._glob(one, is_negated=is_negated)
            if glob.problem:
                raise ArgumentError(
                    f"path {shorten(repr(asked))} is not a gitignore pattern: {glob.problem}",
                    remedy="write e.g. src/ or *.py or !tests/",
                )
            self.texts.append("!" * is_negated + text)
            self._compiled += len(text) if glob.regex else 0
            if len(self.texts) > MOST or self._compiled > MOST_COMPILED:
                raise ArgumentError(
                    f"path has more than {MOST:,} patterns, or {MOST_COMPILED:,} characters of patterns with "
                    "wildcards",
                    remedy="name folders or suffixes instead",
                )
            yield glob

    def _spelled(self, body: str) -> tuple[str, ...]:
        """Return a pattern in the Unicode form of the listed path that it names, or in all forms."""
        inside = body.strip("/")
        if body.isascii() and not self._has_marks:
            return (body,)
        if self._is_listed(inside) or inside in self._names:
            return (body,)
        for known in (self._listed, self._named):
            if listed := known.listed(inside):
                return (body.replace(inside, listed, 1),)
        return spellings.forms(body)

    @cached_property
    def _has_marks(self) -> bool:
        return not all(path.isascii() for path in self._files)

    @cached_property
    def _listed(self) -> Spellings:
        return Spellings(self._files | self._folders)

    @cached_property
    def _named(self) -> Spellings:
        return Spellings(self._names)

    def _glob(self, body: str, *, is_negated: bool) -> tuple[str, Glob]:
        """Compile one pattern; return how it was interpreted, and the result."""
        if _PLAIN.fullmatch(body):
            return body, patterns.compiled(os.fsencode(body), is_negated=is_negated)
        plain = self._plain(body)
        if not plain and not is_negated:
            return "every file", patterns.compiled(b"**")
        inside = plain.removeprefix("/")
        if (name := inside.rstrip("/")) in self._names and _has_special(name):
            return body, Glob(is_negated, literal=os.fsencode(name))
        for form in dict.fromkeys(self._forms(inside)):
            if self._is_listed(form.strip("/")):
                # As in gitignore, a bare name matches any folder or file below.
                if form == body and "/" not in form.rstrip("/") and not _has_special(form):
                    break
                is_same = form.strip("/") == body.strip("/")
                shown = body if is_same else f"{'' if '/' in form.rstrip('/') else '/'}{form}"
                return shown, patterns.literal(os.fsencode(form.strip("/")), is_negated=is_negated)
        turned = plain.replace("\\", "/")
        if turned.lstrip("/").partition("/")[0] in self._folders and "/" in turned:
            plain = turned  # nobody escapes the first letter of a name, so these are Windows separators
        return plain, patterns.compiled(os.fsencode(plain), is_negated=is_negated)

    def _forms(self, path: str) -> Iterator[str]:
        """Yield every form in which a path may be listed."""
        for form in (path, path.replace("\\", "/")):
            for written in (form, _unplaced(form)):
                yield written
                if self._folder:
                    yield written.removeprefix(f"{self._folder}/")

    def _plain(self, body: str) -> str:
        """Make a path relative to the root; "" means the root, and a leading slash anchors the path there.

        Raises:
            ArgumentError: The path leads out of the root.
        """
        text, root = body, self._root
        for base in (f"{root}/{self._folder}" if self._folder else root, root):
            slashed = text.replace("\\", "/") if "\\" in base else text
            start = base.replace("\\", "/")
            if start and (slashed == start or slashed.startswith(f"{start}/")):
                text = slashed[len(start) :] or "/"
                break
        parts = text.replace("\\", "/").split("/") if text.startswith((".\\", "..\\")) else text.split("/")
        if not {".", ".."} & set(parts):
            return "" if text == "/" else text
        normal = posixpath.normpath("/".join(parts).lstrip("/"))
        if normal.startswith(".."):
            raise ArgumentError(
                f"path {shorten(repr(body))} leads out of the root", remedy="paths are relative to it"
            )
        if normal == ".":
            return ""
        return f"/{normal}{'/' * (not parts[-1])}"


def _unplaced(text: str) -> str:
    """Strip the line numbers from a location: `a.py:12-20`, `a.py#L12`."""
    path, mark, lines = text.rpartition("#")
    if mark and _LINES.fullmatch(lines):
        return path
    at = text.find(":", len(text.rstrip("0123456789:-")))
    return text[:at] if at > 0 and _NUMBERS.fullmatch(text, at) else text


def _has_special(text: str) -> bool:
    return any(mark in text for mark in "*?[\\")


def _split(text: str) -> list[str]:
    """Split a text at the commas outside braces and brackets."""
    pieces, depth, start = [], 0, 0
    for at, mark in enumerate(text):
        depth += (mark in "{[") - (mark in "}]" and depth > 0)
        if mark == "," and not depth:
            pieces.append(text[start:at])
            start = at + 1
    return [*pieces, text[start:]]


def _expanded(body: str) -> Iterator[str]:
    """Expand braces as a shell does: `*.{ts,tsx}` is `*.ts` and `*.tsx`.

    Raises:
        ArgumentError: The braces expand to too many patterns.
    """
    pending, count = [body], 0
    while pending:
        text = pending.pop()
        count += 1
        if count > 2 * MOST:
            raise ArgumentError(f"path {shorten(repr(body))} stands for more than {MOST:,} patterns")
        end = text.find("}")
        start = text.rfind("{", 0, max(end, 0))
        choices = text[start + 1 : end].split(",") if start >= 0 else []
        if len(choices) < 2:  # noqa: PLR2004 - not a choice, and a name may contain braces
            yield text
        else:
            pending += (f"{text[:start]}{choice}{text[end + 1 :]}" for choice in reversed(choices))

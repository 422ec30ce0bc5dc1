"""What a gitignore pattern matches: decided as git's own wildmatch does, in time linear in the path.

A pattern becomes a regular expression that cannot backtrack into what it has matched: each part between two
stars is taken at its first place, in an atomic group, as Python's `fnmatch` does. Patterns and paths are
bytes, as in git, so a name that is not UTF-8 is matched too. An invalid pattern matches nothing, as in git,
and says why.
"""

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LONGEST = 4_096
"""Bytes of a pattern; Linux has no longer path."""

_SPECIAL = re.compile(rb"[*?\[\\]")
_STAR, _FOLDERS, _ANY = b"*", b"**/", b"**"  # within a folder; some folders or none; anything
_WILD: Final = (_FOLDERS, _ANY)
_SLASH = frozenset(b"/")
_PRINTABLE = frozenset(range(0x20, 0x7F))
_CLASSES = {
    b"alnum": frozenset((string.ascii_letters + string.digits).encode()),
    b"alpha": frozenset(string.ascii_letters.encode()),
    b"blank": frozenset(b" \t"),
    b"cntrl": frozenset({*range(0x20), 0x7F}),
    b"digit": frozenset(string.digits.encode()),
    b"graph": _PRINTABLE - {0x20},
    b"lower": frozenset(string.ascii_lowercase.encode()),
    b"print": _PRINTABLE,
    b"punct": frozenset(string.punctuation.encode()),
    b"space": frozenset(b" \t\n\r"),  # git's own table knows neither form feed nor vertical tab
    b"upper": frozenset(string.ascii_uppercase.encode()),
    b"xdigit": frozenset(string.hexdigits.encode()),
}


class _InvalidError(ValueError):
    """A pattern that matches nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern.

    Attributes:
        is_negated: Whether it takes back what an earlier pattern matched.
        only_folders: Whether it matches folders alone.
        is_anchored: Whether it is held against the whole path, else against its last part.
        literal: The only text that it matches; None where it has wildcards.
        suffix: Where it is a star and a suffix, the suffix.
        regex: What it matches otherwise; None where it matches nothing.
        problem: What is wrong with it, or "".
    """

    is_negated: bool = False
    only_folders: bool = False
    is_anchored: bool = False
    literal: bytes | None = None
    suffix: bytes | None = None
    regex: re.Pattern[bytes] | None = None
    problem: str = ""


def parse(line: bytes) -> Glob | None:
    r"""Read a line of an ignore file; None where it is blank or a comment.

    >>> parse(b"# build") is None, parse(b"out/").only_folders, parse(b"[a").problem
    (True, True, 'the bracket [ is never closed')
    """
    line = _trimmed(line.removesuffix(b"\r").partition(b"\0")[0])
    if not line or line.startswith(b"#"):
        return None
    return compiled(line[1:], is_negated=True) if line.startswith(b"!") else compiled(line)


def lines_of(data: bytes) -> list[bytes]:
    """Part an ignore file into its lines as git does: at line feeds alone."""
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def compiled(body: bytes, *, is_negated: bool = False) -> Glob:
    """Compile a pattern without its exclamation mark."""
    only_folders, body = body.endswith(b"/"), body.removesuffix(b"/")
    is_anchored, body = b"/" in body, body.removeprefix(b"/")
    problem = "it names nothing" if not body else ""
    if len(body) > LONGEST:
        problem = f"it is longer than {LONGEST:,} bytes"
    if problem:
        return Glob(is_negated, only_folders, is_anchored, problem=problem)
    if not _SPECIAL.search(body):
        return Glob(is_negated, only_folders, is_anchored, literal=body)
    if not is_anchored and body.startswith(b"*") and not _SPECIAL.search(body[1:]):
        return Glob(is_negated, only_folders, suffix=body[1:])
    try:
        tokens, problem = _tokens(body)
    except _InvalidError as error:
        return Glob(is_negated, only_folders, is_anchored, problem=str(error))
    regex = re.compile(_regex(tokens), re.DOTALL)
    return Glob(is_negated, only_folders, is_anchored, regex=regex, problem=problem)


def literal(path: bytes, *, is_negated: bool = False) -> Glob:
    """Make the pattern that matches one path and what is below it."""
    return Glob(is_negated, is_anchored=True, literal=path)


class Rules:
    """Patterns in order, of which the last that matches decides."""

    def __init__(self, globs: Iterable[Glob]) -> None:
        """Sort the patterns by how they are looked up: thousands of names cost one look each."""
        self.globs: Sequence[Glob] = tuple(globs)
        self._names: dict[bytes, list[int]] = {}
        self._paths: dict[bytes, list[int]] = {}
        self._suffixes: dict[bytes, list[int]] = {}
        self._others: list[int] = []  # the last first
        for number, glob in enumerate(self.globs):
            if glob.literal is not None:
                table = self._paths if glob.is_anchored else self._names
                table.setdefault(glob.literal, []).insert(0, number)
            elif glob.suffix is not None:
                self._suffixes.setdefault(glob.suffix, []).insert(0, number)
            elif glob.regex:
                self._others.insert(0, number)
        self._lengths = sorted({len(suffix) for suffix in self._suffixes})

    def last(self, path: bytes, *, is_folder: bool) -> int:
        """Return the number of the last pattern that matches a path itself, or -1."""
        name = path.rpartition(b"/")[2]
        found = [self._names.get(name), self._paths.get(path)]
        found += [self._suffixes.get(name[len(name) - size :]) for size in self._lengths if size <= len(name)]
        best = -1
        for numbers in found:
            for number in numbers or ():
                if is_folder or not self.globs[number].only_folders:
                    best = max(best, number)
                    break
        for number in self._others:
            glob = self.globs[number]
            if number < best:
                break
            is_asked = glob.regex and (is_folder or not glob.only_folders)
            if is_asked and glob.regex and glob.regex.match(path if glob.is_anchored else name):
                return number
        return best

    def verdict(self, path: bytes, *, is_folder: bool) -> bool | None:
        """Tell whether a path itself is matched, or taken back; None where no pattern speaks of it."""
        number = self.last(path, is_folder=is_folder)
        return None if number < 0 else not self.globs[number].is_negated


def _trimmed(line: bytes) -> bytes:
    """Take away blanks at the end, unless a backslash keeps them."""
    kept = line.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if backslashes % 2 and len(kept) < len(line) else kept


def _tokens(body: bytes) -> tuple[list[bytes], str]:
    """Part a pattern into wildcards and regular expressions of one byte each; also what is odd about it.

    Raises:
        _InvalidError: It matches nothing.
    """
    tokens: list[bytes] = []
    problem = ""
    special = _SPECIAL.search(body)
    start = special.start() if special else 0  # git compares what is before by itself
    at = 0
    while at < len(body):
        byte = body[at : at + 1]
        if byte == b"*":
            token, at = _star(body, at, start)
            if not (tokens and tokens[-1] == token == _STAR):
                tokens.append(token)
        elif byte == b"[":
            members, at, odd = _members(body, at)
            problem = problem or odd
            tokens.append(_one_of(members))
        elif byte == b"?":
            tokens.append(b"[^/]")
            at += 1
        else:
            at += byte == b"\\"
            if at >= len(body):
                raise _InvalidError("it ends in a lone backslash")
            tokens.append(re.escape(body[at : at + 1]))
            at += 1
    return tokens, problem


def _star(body: bytes, at: int, start: int) -> tuple[bytes, int]:
    """Read the stars at a place; two of them pass through folders where they are a folder's whole name."""
    end = at
    while body[end : end + 1] == b"*":
        end += 1
    is_whole = at == start or body[at - 1 : at] == b"/"
    if end - at == 1 or not is_whole or not (end == len(body) or body[end:].startswith((b"/", b"\\/"))):
        return _STAR, end
    return (_FOLDERS, end + 1) if body[end : end + 1] == b"/" else (_ANY, end)


def _members(body: bytes, at: int) -> tuple[frozenset[int], int, str]:
    """Read a bracket expression; return the bytes it matches, the place behind it, and what is odd about it.

    Raises:
        _InvalidError: It is none.
    """
    at += 1
    is_negated = body[at : at + 1] in (b"!", b"^")
    at += is_negated
    found: set[int] = set()
    before, odd, is_first = -1, "", True
    while is_first or body[at : at + 1] != b"]":
        is_first = False
        byte, at = _next(body, at)
        if byte == ord("-") and body[at - 1 : at] == b"-" and before >= 0 and _goes_on(body, at):
            byte, at = _next(body, at)
            found.update(range(before, byte + 1))
            if before > byte:
                odd = odd or f"the range {chr(before)}-{chr(byte)} is backwards"
            before = -1
        elif (
            byte == ord("[")
            and body[at - 1 : at + 1] == b"[:"
            and (name := _class_name(body, at + 1)) is not None
        ):
            if name not in _CLASSES:
                raise _InvalidError(f"[:{name.decode('ascii', 'replace')}:] is no class of characters")
            found |= _CLASSES[name]
            at += len(name) + 3
            before = -1
        else:
            found.add(byte)
            before = byte
    return frozenset(set(range(1, 256)) - found if is_negated else found) - _SLASH, at + 1, odd


def _next(body: bytes, at: int) -> tuple[int, int]:
    """Read a byte of a bracket expression, escaped or not, and the place behind it."""
    at += body[at : at + 1] == b"\\"
    if at >= len(body):
        raise _InvalidError("the bracket [ is never closed")
    return body[at], at + 1


def _goes_on(body: bytes, at: int) -> bool:
    return at < len(body) and body[at : at + 1] != b"]"


def _class_name(body: bytes, at: int) -> bytes | None:
    """Read a name up to `:]`; None where the bracket that follows closes no class."""
    end = body.find(b"]", at)
    if end < 0:
        raise _InvalidError("the bracket [ is never closed")
    return body[at : end - 1] if end > at and body[end - 1 : end] == b":" else None


def _one_of(members: frozenset[int]) -> bytes:
    if not members:
        return b"(?!)"
    ordered = sorted(members)
    starts = [byte for byte in ordered if byte - 1 not in members]
    ends = [byte for byte in ordered if byte + 1 not in members]
    ranges = (b"\\x%02x-\\x%02x" % ends_of for ends_of in zip(starts, ends, strict=True))
    return b"[" + b"".join(ranges) + b"]"  # ranges, as compiling each byte of a class by itself takes long


def _regex(tokens: Sequence[bytes]) -> bytes:
    """Join tokens so that a match takes time in proportion to pattern times path.

    What stands between two wildcards is matched at the first place where it can be, and never tried elsewhere
    again. That loses nothing: between `**` it covers a fixed number of slashes, and between `*` it covers a
    fixed number of bytes, so the first place leaves most for the rest.
    """
    runs: list[list[bytes]] = [[]]
    wilds: list[bytes] = []
    for token in tokens:
        if token in _WILD:
            wilds.append(token)
            runs.append([])
        else:
            runs[-1].append(token)
    parts = [_run(runs[0], is_last=not wilds)]
    for number, (wild, run) in enumerate(zip(wilds, runs[1:], strict=True), 1):
        is_last = number == len(wilds)
        if is_last and wild == _ANY and not run:
            parts.append(b".*\\Z")
            continue
        lead = b"(?:.*?/)??" if wild == _FOLDERS else b".*?"
        parts.append(b"(?>" + lead + _run(run, is_last=is_last) + b")")
    return b"".join(parts)


def _run(tokens: Sequence[bytes], *, is_last: bool) -> bytes:
    """Join tokens without `**`."""
    chunks: list[list[bytes]] = [[]]
    for token in tokens:
        if token == _STAR:
            chunks.append([])
        else:
            chunks[-1].append(token)
    first, *others = (b"".join(chunk) for chunk in chunks)
    parts = [first]
    for number, chunk in enumerate(others, 1):
        if is_last and number == len(others):
            parts.append(b"[^/]*" + chunk)
        elif chunk:
            parts.append(b"(?>[^/]*?" + chunk + b")")
        else:
            parts.append(b"[^/]*")
    return b"".join(parts) + (b"\\Z" if is_last else b"")

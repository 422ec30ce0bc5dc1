"""What a gitignore pattern matches: the same as git's wildmatch, in time linear in the path.

A pattern is compiled to a regular expression that cannot backtrack: each part between two stars matches at
its first position, in an atomic group, as in Python's `fnmatch`. Patterns and paths are bytes, as in git, so
names that are not UTF-8 match too. An invalid pattern matches nothing, as in git, and its `problem` says why.
"""

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LONGEST = 4_096
"""Longest pattern, in bytes; Linux paths are no longer."""

_SPECIAL = re.compile(rb"[*?\[\\]")
_STAR, _FOLDERS, _ANY = b"*", b"**/", b"**"  # within a folder; zero or more folders; anything
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
    b"space": frozenset(b" \t\n\r"),  # git's table has neither form feed nor vertical tab
    b"upper": frozenset(string.ascii_uppercase.encode()),
    b"xdigit": frozenset(string.hexdigits.encode()),
}


class _InvalidError(ValueError):
    """The pattern matches nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Glob:
    """One compiled gitignore pattern.

    Attributes:
        is_negated: Whether the pattern undoes the match of an earlier one.
        only_folders: Whether the pattern matches only folders.
        is_anchored: Whether the pattern is compared with the whole path, not only its last part.
        literal: The only text that matches; None for a pattern with wildcards.
        suffix: The suffix, when the pattern is a star and a suffix.
        regex: The expression for any other pattern; None when it matches nothing.
        problem: What is wrong with the pattern, or "".
    """

    is_negated: bool = False
    only_folders: bool = False
    is_anchored: bool = False
    literal: bytes | None = None
    suffix: bytes | None = None
    regex: re.Pattern[bytes] | None = None
    problem: str = ""


def parse(line: bytes) -> Glob | None:
    r"""Parse a line of an ignore file; None for a blank line or a comment.

    >>> parse(b"# build") is None, parse(b"out/").only_folders, parse(b"[a").problem
    (True, True, 'the bracket [ is never closed')
    """
    line = _trimmed(line.removesuffix(b"\r").partition(b"\0")[0])
    if not line or line.startswith(b"#"):
        return None
    return compiled(line[1:], is_negated=True) if line.startswith(b"!") else compiled(line)


def lines_of(data: bytes) -> list[bytes]:
    """Split an ignore file into lines as git does: only at line feeds."""
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def compiled(body: bytes, *, is_negated: bool = False) -> Glob:
    """Compile a pattern, given without its exclamation mark."""
    only_folders, body = body.endswith(b"/"), body.removesuffix(b"/")
    is_anchored, body = b"/" in body, body.removeprefix(b"/")
    problem = "the pattern is empty" if not body else ""
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
    """Return the pattern that matches one path and everything below it."""
    return Glob(is_negated, is_anchored=True, literal=path)


class Rules:
    """An ordered list of patterns, of which the last match decides."""

    def __init__(self, globs: Iterable[Glob]) -> None:
        """Group the patterns by kind of lookup, so that thousands of names cost one lookup per path."""
        self.globs: Sequence[Glob] = tuple(globs)
        self._names: dict[bytes, list[int]] = {}
        self._paths: dict[bytes, list[int]] = {}
        self._suffixes: dict[bytes, list[int]] = {}
        self._others: list[int] = []  # last first
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
        """Return the position of the last pattern that matches the path itself, or -1."""
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
        """Return True if the path itself is matched, False if negated, None if no pattern matches it."""
        number = self.last(path, is_folder=is_folder)
        return None if number < 0 else not self.globs[number].is_negated


def _trimmed(line: bytes) -> bytes:
    """Strip trailing spaces, except one escaped by a backslash."""
    kept = line.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if backslashes % 2 and len(kept) < len(line) else kept


def _tokens(body: bytes) -> tuple[list[bytes], str]:
    """Split a pattern into wildcards and one-byte regular expressions; also return a problem, or "".

    Raises:
        _InvalidError: The pattern matches nothing.
    """
    tokens: list[bytes] = []
    problem = ""
    special = _SPECIAL.search(body)
    start = special.start() if special else 0  # git compares the literal prefix separately
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
                raise _InvalidError("the pattern ends in a lone backslash")
            tokens.append(re.escape(body[at : at + 1]))
            at += 1
    return tokens, problem


def _star(body: bytes, at: int, start: int) -> tuple[bytes, int]:
    """Read the stars at a position; two of them cross folders when they are the whole name of one."""
    end = at
    while body[end : end + 1] == b"*":
        end += 1
    is_whole = at == start or body[at - 1 : at] == b"/"
    if end - at == 1 or not is_whole or not (end == len(body) or body[end:].startswith((b"/", b"\\/"))):
        return _STAR, end
    return (_FOLDERS, end + 1) if body[end : end + 1] == b"/" else (_ANY, end)


def _members(body: bytes, at: int) -> tuple[frozenset[int], int, str]:
    """Read a bracket expression; return the bytes it matches, the position after it, and a problem or "".

    Raises:
        _InvalidError: The expression is invalid.
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
                raise _InvalidError(f"[:{name.decode('ascii', 'replace')}:] is not a character class")
            found |= _CLASSES[name]
            at += len(name) + 3
            before = -1
        else:
            found.add(byte)
            before = byte
    return frozenset(set(range(1, 256)) - found if is_negated else found) - _SLASH, at + 1, odd


def _next(body: bytes, at: int) -> tuple[int, int]:
    """Read one byte of a bracket expression, escaped or not; return it and the position after it."""
    at += body[at : at + 1] == b"\\"
    if at >= len(body):
        raise _InvalidError("the bracket [ is never closed")
    return body[at], at + 1


def _goes_on(body: bytes, at: int) -> bool:
    return at < len(body) and body[at : at + 1] != b"]"


def _class_name(body: bytes, at: int) -> bytes | None:
    """Read a class name up to `:]`; None when the next bracket does not close a class."""
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
    return b"[" + b"".join(ranges) + b"]"  # ranges, because compiling each byte separately is slow


def _regex(tokens: Sequence[bytes]) -> bytes:
    """Join tokens into an expression that matches in time proportional to pattern times path.

    The tokens between two wildcards match at their first possible position and are not tried at another.
    No match is lost: between `**` they cover a fixed number of slashes, and between `*` a fixed number of
    bytes, so the first position leaves the most for the remaining tokens.
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
    """Join a run of tokens that contains no `**`."""
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

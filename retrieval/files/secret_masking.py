"""Which values of a text look like secrets (keys, tokens, passwords), and what replaces them.

A file's text is masked as it is read, before it is indexed, so chunks, terms, passages and models only see
masked text. Line numbers do not change.
The detector is MongoDB's Kingfisher, which scans in this process and uses no network (decisions/0013).
"""

import functools
import hashlib
import importlib.metadata
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

VERSION = 1
"""Increment when other values are masked, or masked differently: every index is then rebuilt."""

RULES = Path(__file__).with_name("secret_rules.yml")
CONFIDENCE: Literal["medium"] = "medium"
"""Lowest confidence of rules and findings. "low" would also mask `user:pass@host` and 12 more examples in the
21 DEV repositories (benchmarks/runs/2026-11-24-security)."""
REPEATED_CHARS = 16
"""A value this long is masked at every repetition in its text, even without the context that a rule needs:
no ordinary word is this long."""

_MAKER = re.compile(r"^(?:betterleaks\.|veles\.secrets/|goldrank\.)|\.\d+$")
_LINE = re.compile(rb"([ \t]*)([^\n]*?)(\r?(?:\n|\Z))", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without its secrets.

    Attributes:
        text: The text, with the same number of lines.
        spans: First and last line of each masked value, 1-based and inclusive, in order.
    """

    text: str
    spans: tuple[tuple[int, int], ...] = ()

    def count(self, start_line: int, end_line: int) -> int:
        """Count the masked values that overlap a range of lines."""
        return sum(first <= end_line and last >= start_line for first, last in self.spans)


@dataclass(frozen=True, slots=True)
class _Value:
    """A secret in the bytes of a text; offsets are 0-based, the end is exclusive."""

    start: int
    end: int
    kind: str


def fingerprint() -> str:
    """Identify the detector and its rules: an index built with others must be rebuilt."""
    rules = hashlib.blake2b(RULES.read_bytes(), digest_size=4).hexdigest()
    detector = importlib.metadata.version("kingfisher-secret-scanner")
    return f"secrets {VERSION} {rules} kingfisher {detector}"


def mask(text: str) -> Masked:
    """Replace each value that looks like a secret by a mark that names its kind."""
    data = text.encode("utf-8", "replace")
    values = _apart(_values(data))
    if not values:
        return Masked(text)
    masked, spans, end, line = bytearray(), [], 0, 1
    for value in values:
        line += data.count(b"\n", end, value.start)
        secret = data[value.start : value.end]
        spans.append((line, line + secret.count(b"\n")))
        line += secret.count(b"\n")
        masked += data[end : value.start] + _mark(secret, value.kind)
        end = value.end
    masked += data[end:]
    return Masked(masked.decode("utf-8", "replace"), tuple(spans))


def prepare() -> None:
    """Load the detector: takes half a second, and some seconds the first time on a machine."""
    _scanner()


def is_ready(patience_s: float) -> bool:
    """Load the detector on another thread; return whether it finishes within `patience_s` seconds."""

    def load() -> None:
        with suppress(Exception):  # the next call of `mask` raises it
            prepare()

    loading = threading.Thread(target=load, name="detector", daemon=True)
    loading.start()
    loading.join(patience_s)
    return not loading.is_alive()


def release() -> None:
    """Unload the detector, which takes 25 MB; it is loaded again when needed."""
    with _loading:
        _loaded.cache_clear()


def _mark(secret: bytes, kind: str) -> bytes:
    """Mark each line of a secret, so that no line is lost; blank lines stay blank."""
    mark = f"[masked: {kind}]".encode()
    return _LINE.sub(lambda line: line[1] + (mark if line[2].strip() else line[2]) + line[3], secret)


def _values(data: bytes) -> Iterator[_Value]:
    """Find the values that look like secrets, unsorted; values may overlap."""
    if data.startswith(_BOM):  # the detector skips it, so every offset would be three bytes too low
        data = data.replace(_BOM, b"   ", 1)
    repeated: dict[bytes, str] = {}
    for finding in _scanner().scan(data):
        if not finding.visible or finding.confidence == "low":
            continue
        kind, place = _kind(finding.rule_id), finding.location
        start, end = place["start_offset"], place["end_offset"]
        yield _Value(start, end, kind)
        if end - start >= REPEATED_CHARS:
            repeated[data[start:end]] = kind
    for secret, kind in repeated.items():
        start = data.find(secret)
        while start >= 0:
            yield _Value(start, start + len(secret), kind)
            start = data.find(secret, start + len(secret))


def _apart(values: Iterable[_Value]) -> list[_Value]:
    """Merge overlapping values; the kind of the first names both."""
    joined: list[_Value] = []
    for value in sorted(values, key=lambda value: (value.start, -value.end, value.kind)):
        if joined and value.start < joined[-1].end:
            first = joined[-1]
            joined[-1] = _Value(first.start, max(first.end, value.end), first.kind)
        else:
            joined.append(value)
    return joined


def _kind(rule: str) -> str:
    """Return a rule's name without its maker and number."""
    return _MAKER.sub("", rule)


def _scanner() -> "Scanner":
    with _loading:  # callers wait while it loads, instead of loading it again
        return _loaded()


@functools.cache
def _loaded() -> "Scanner":
    from kingfisher_sdk import Rules, Scanner

    return Scanner(Rules([RULES], confidence=CONFIDENCE))

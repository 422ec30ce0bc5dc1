"""How many characters spans of a laid-out or followed tree hold."""

from collections.abc import Callable
from pathlib import Path


def sizes_below(root: Path) -> Callable[[tuple[str, int, int]], int]:
    """Return a function that counts the characters of a span, line ends included; a file is read once."""
    lengths: dict[str, list[int]] = {}

    def size(span: tuple[str, int, int]) -> int:
        path, start, end = span
        if path not in lengths:
            text = (root / path).read_text(encoding="utf-8", errors="replace")
            lengths[path] = [len(line) + 1 for line in text.splitlines()]
        return sum(lengths[path][start - 1 : end])

    return size

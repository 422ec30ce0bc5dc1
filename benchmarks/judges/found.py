"""At which ranks the answers to a question were found, and how much is read up to the right line."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.judges.question_sets import Target

Span = tuple[str, int, int]
"""A result: path, first and last line, 1-based and inclusive."""

_MISSING = "-"
_COLUMNS = ("id", "form", "files", "lines", "characters")


@dataclass(frozen=True, slots=True)
class Found:
    """The ranks of a question's targets, 1-based.

    Attributes:
        files: For each target file, folder or (where results are counted) target, the ranks that answer.
        lines: For each target with lines, the rank of the first result that touches them, or None.
        characters: How many characters the results hold up to the first that touches a target's lines, and
            in all if none does; None if no target has lines.
    """

    files: tuple[tuple[int, ...], ...]
    lines: tuple[int | None, ...] = ()
    characters: int | None = None


def find(
    targets: Sequence[Target],
    results: Sequence[Span],
    *,
    counts: Literal["files", "chunks"],
    size: Callable[[Span], int],
) -> Found:
    """Find the targets among results.

    Args:
        targets: What answers the question.
        results: Best first.
        counts: "files" ranks distinct files, "chunks" ranks results.
        size: Returns the characters of a result.
    """
    files = _file_ranks(targets, results) if counts == "files" else _chunk_ranks(targets, results)
    spans = [target for target in targets if target.start is not None]
    if not spans:
        return Found(files)
    right = [any(touches(result, span) for span in spans) for result in results]
    read = results[: right.index(True) + 1] if any(right) else results
    lines = tuple(
        next((rank for rank, result in enumerate(results, 1) if touches(result, span)), None)
        for span in spans
    )
    return Found(files, lines, sum(size(result) for result in read))


def touches(result: Span, target: Target) -> bool:
    """Tell whether a result is of a target, and shares a line with it if the target has lines."""
    path, start, end = result
    if target.start is None or target.end is None:
        return stands(path, target.path)
    return path == target.path and start <= target.end and end >= target.start


def stands(path: str, target: str) -> bool:
    """Tell whether a file is a target, or lies in a target folder.

    >>> stands("src/a/b.py", "src/a/"), stands("src/ab.py", "src/a")
    (True, False)
    """
    return path == target or (target.endswith("/") and path.startswith(target))


def to_line(question: str, form: str, found: Found) -> str:
    r"""Write what was found as a line of tab-separated columns, without its end.

    >>> to_line("q1", "asked", Found(((2, 5), ()), (None,), 812))
    'q1\tasked\t2+5 -\t-\t812'
    """
    files = " ".join("+".join(map(str, ranks)) or _MISSING for ranks in found.files)
    lines = " ".join(_MISSING if rank is None else str(rank) for rank in found.lines)
    characters = "" if found.characters is None else str(found.characters)
    return f"{question}\t{form}\t{files}\t{lines}\t{characters}"


def from_line(line: str) -> tuple[tuple[str, str], Found]:
    """Read a line that `to_line` wrote; return the question's id with the form, and what was found."""
    question, form, files, lines, characters = line.rstrip("\n").split("\t")
    ranks = tuple(
        () if text == _MISSING else tuple(int(rank) for rank in text.split("+")) for text in files.split()
    )
    spans = tuple(None if text == _MISSING else int(text) for text in lines.split())
    return (question, form), Found(ranks, spans, int(characters) if characters else None)


def to_text(found: Iterable[tuple[tuple[str, str], Found]]) -> str:
    """Write a file of ranks, with a line that names its columns."""
    rows = ["\t".join(_COLUMNS), *(to_line(*key, item) for key, item in found)]
    return "".join(f"{row}\n" for row in rows)


def from_text(text: str) -> dict[tuple[str, str], Found]:
    """Read a file of ranks, by question and form, in its order."""
    return dict(from_line(line) for line in text.splitlines()[1:])


def _file_ranks(targets: Sequence[Target], results: Sequence[Span]) -> tuple[tuple[int, ...], ...]:
    """Rank distinct files at their first result; a folder is answered by each of its files."""
    paths = list(dict.fromkeys(path for path, _, _ in results))
    return tuple(
        tuple(rank for rank, path in enumerate(paths, 1) if stands(path, wanted))
        for wanted in dict.fromkeys(target.path for target in targets)
    )


def _chunk_ranks(targets: Sequence[Target], results: Sequence[Span]) -> tuple[tuple[int, ...], ...]:
    """Rank results; a target is answered by the first that touches it."""
    return tuple(
        tuple(rank for rank, result in enumerate(results, 1) if touches(result, target))[:1]
        for target in targets
    )

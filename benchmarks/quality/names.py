"""Ask for identifiers: does the first result hold the whole name, and is any told to be absent?

    python -m benchmarks.quality.names --trees TREES --cache CACHE --repos helix-editor+helix@079a789e8c ...

From each repository EACH identifiers are drawn that stand in 1 to MOST_FILES of its searched files, with seed
0. Printed are the shares whose first result, and whose first eight results, hold the identifier as it is
written; the share that is told that it may not be here; and, of the identifiers that one chunk defines, the
share whose first result is that definition.
"""

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.ranks import opened
from retrieval.search import searcher
from retrieval.search.searcher import Answer, Request
from retrieval.sync.view import View

EACH = 60
MOST_FILES = 10
SHOWN = 8
_IDENTIFIER = re.compile(r"(?<![\w$])[A-Za-z_][A-Za-z0-9_]{4,40}(?![\w$])")
_CODE_LIKE = re.compile(r"[a-z0-9][A-Z]|[A-Za-z]_[A-Za-z]|[A-Z]{2}")


def main() -> None:
    """Read the arguments, ask, and print the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trees", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--repos", nargs="+", required=True, help="folders of --trees")
    args = parser.parse_args()
    total: Counter[str] = Counter()
    print("repository\tasked\tin the first\tin eight\ttold absent\tdefined once\tdefinition first")
    for name in args.repos:
        view = opened(args.trees / name, args.cache).view()
        counts = measure(view, drawn(view))
        total += counts
        print(row(name, counts), flush=True)
    print(row("all", total))


def drawn(view: View) -> list[str]:
    """Draw identifiers that stand in few files."""
    files: dict[str, int] = defaultdict(int)
    for path in view.paths:
        for name in set(_IDENTIFIER.findall("\n".join(view.lines(path) or ()))):
            files[name] += 1
    known = sorted(name for name, count in files.items() if count <= MOST_FILES and _CODE_LIKE.search(name))
    return random.Random(0).sample(known, min(EACH, len(known)))  # noqa: S311 - to be repeated


def measure(view: View, names: Sequence[str]) -> Counter[str]:
    """Ask for each name and count what came of it."""
    counts: Counter[str] = Counter()
    defined = definitions(view, names)
    for name in names:
        answer = searcher.search(view, Request(name, SHOWN, rerank="no"), None)
        held = [_holds(result.passage.lines, name) for result in answer.results]
        counts["asked"] += 1
        counts["in the first"] += held[:1] == [True]
        counts["in eight"] += any(held)
        counts["told absent"] += _is_told_absent(answer)
        if len(defined[name]) == 1:
            counts["defined once"] += 1
            first = answer.results[0].passage.chunk if answer.results else None
            counts["definition first"] += first is not None and name in first.names
    return counts


def definitions(view: View, names: Sequence[str]) -> dict[str, list[str]]:
    """Find the chunks that define each name."""
    found: dict[str, list[str]] = defaultdict(list)
    wanted = set(names)
    for path in view.paths:
        for chunk in view.snapshot.chunks_of(path):
            for name in wanted.intersection(chunk.names):
                found[name].append(chunk.span)
    return found


def row(name: str, counts: Counter[str]) -> str:
    """Write a line of the table."""
    asked, once = counts["asked"] or 1, counts["defined once"] or 1
    shares = [f"{counts[key] / asked:.3f}" for key in ("in the first", "in eight", "told absent")]
    definition = f"{counts['definition first'] / once:.3f}"
    return "\t".join([name, str(counts["asked"]), *shares, str(counts["defined once"]), definition])


def _holds(lines: Sequence[str], name: str) -> bool:
    return any(re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", line) for line in lines)


def _is_told_absent(answer: Answer) -> bool:
    return answer.confidence is None or answer.confidence.is_low


if __name__ == "__main__":
    main()

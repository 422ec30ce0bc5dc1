"""Rank the answers to this repository's own questions: rewrite the committed ranks, or check them.

    python -m tools.rankings             # make rankings: writes tests/rankings/
    python -m tools.rankings --check     # fails if the MRR fell by more than TOLERANCE

golden.tsv has one line per question: the rank of the first result in each expected file, "-" if it is not
among the first 50, then the question. summary.txt has the means. Only the first stage runs, so no model is
needed. The ranks change slightly with every edit of this repository; a ranking change shows as a diff of both
files.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retrieval.rank.need import read_need
from retrieval.rank.ranker import find_and_rank
from retrieval.sync.repository import Repository

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "rankings"
TOP_K = 50
TOLERANCE = 0.05

Ranks = Sequence[int | None]


def main() -> None:
    """Rank every question; write the ranks, or compare them with the committed ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    questions = json.loads((ROOT / "golden.json").read_text(encoding="utf-8"))
    found = list(ranks(questions))
    now = summary(found)
    text = "".join(f"{name}\t{value:.4f}\n" for name, value in now.items())
    print(text, end="")
    if args.check:
        before = dict(line.split("\t") for line in (FOLDER / "summary.txt").read_text("utf-8").splitlines())
        if now["MRR"] < float(before["MRR"]) - TOLERANCE:
            sys.exit(f"MRR was {before['MRR']}: see why, or write the new ranks with `make rankings`")
        return
    FOLDER.mkdir(exist_ok=True)
    rows = (
        "\t".join([*(str(rank or "-") for rank in row), question["q"]])
        for question, row in zip(questions, found, strict=True)
    )
    (FOLDER / "golden.tsv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (FOLDER / "summary.txt").write_text(text, encoding="utf-8")


def ranks(questions: Sequence[Mapping[str, Any]]) -> Iterator[Ranks]:
    """Yield for each question the rank of each expected file, 1-based, or None."""
    with tempfile.TemporaryDirectory() as cache:
        repository = Repository(ROOT, cache=Path(cache), max_bytes=1_000_000)
        repository.refresh()
        snapshot = repository.view().snapshot
        # Without the evidence of commits, else every commit would change the ranks.
        for question in questions:
            order = [
                item.chunk.path for item in find_and_rank(read_need(question["q"]), snapshot, limit=TOP_K)
            ]
            yield [order.index(path) + 1 if path in order else None for path in question["expect_paths"]]


def summary(found: Sequence[Ranks]) -> dict[str, float]:
    """Return the mean reciprocal rank of the first expected file, and the share found within each cutoff."""
    first = [min((rank for rank in row if rank), default=None) for row in found]
    cutoffs = {
        f"hit@{k}": sum(rank is not None and rank <= k for rank in first) / len(first) for k in (1, 5, 10)
    }
    return {"MRR": sum(1 / rank for rank in first if rank) / len(first), **cutoffs}


if __name__ == "__main__":
    main()

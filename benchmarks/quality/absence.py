"""How often a question is told that nothing seems to answer, of its own repository and of another one.

    python -m benchmarks.quality.absence --corpus REPOS --queries queries.jsonl --cache CACHE

The other repository is the one seven places on in the alphabet. Printed beside the rate is what it would be
if names that stand there were not looked for.
"""

import argparse
from collections import Counter
from pathlib import Path

from benchmarks.quality.ranks import by_repository, opened
from retrieval.rank.confidence import CALIBRATIONS, judge
from retrieval.rank.features import extract_features
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank, weights_for

FAR = 7


def main() -> None:
    """Ask every question twice; print the rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    rows = by_repository(args.queries)
    names = sorted(rows)
    snapshots = {name: opened(args.corpus / name, args.cache).view().snapshot for name in names}
    asked: Counter[tuple[str, str]] = Counter()
    told, without = asked.copy(), asked.copy()
    for number, name in enumerate(names):
        other = names[(number + FAR) % len(names)]
        for row in rows[name]:
            need = read_need(row["query"])
            for whose, snapshot in (("its own", snapshots[name]), ("another", snapshots[other])):
                kind = (whose, "name" if need.is_symbol else "question")
                features = extract_features(need, snapshot)
                best = rank(features, weights_for(need), limit=1)
                confidence = judge(need, snapshot, features, best)
                asked[kind] += 1
                told[kind] += confidence.is_low
                threshold = CALIBRATIONS[need.kind].threshold
                without[kind] += confidence.value < threshold
    print("asked of\twhat\tasked\ttold that nothing seems to answer\tif names were not looked for")
    for kind, count in sorted(asked.items()):
        print(f"{kind[0]}\t{kind[1]}s\t{count}\t{told[kind] / count:.3f}\t{without[kind] / count:.3f}")


if __name__ == "__main__":
    main()

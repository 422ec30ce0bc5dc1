"""When guesses are set aside beside their question, and whether the place that a reply then names answers it.

    python -m benchmarks.judges.set_aside --people people-dev.jsonl --trees TREES --cache CACHE

Every call is asked twice: with its own guesses, and with those of another question about the same tree. For
both, and for several thresholds of trust, the table has the calls with less trust, those whose answer is
among the first eight results, and those whose answer is the place that the reply would name instead.
"""

import argparse
import itertools
from pathlib import Path

from tqdm import tqdm

from benchmarks.fitting.evidence import WRONG, wordings
from benchmarks.judges.asking import Places, opened_trees
from benchmarks.judges.found import stands
from benchmarks.judges.question_sets import read_people
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank, trust_in_guesses, weights_for
from retrieval.search.first_stage import measure
from retrieval.search.vocabulary import fitting_place

THRESHOLDS = (0.25, 0.5, 0.75, 1.0)
SHOWN = 8


def main() -> None:
    """Ask every call with both kinds of guesses, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("people", "trees", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    places = Places({"people": args.trees}, Path(), Path(), args.cache)
    questions = sorted(read_people(args.people).questions, key=lambda question: question.tree)
    rows: list[tuple[str, float, bool, bool]] = []
    with tqdm(total=len(questions), unit="question", disable=None) as bar:
        for tree, group in itertools.groupby(questions, key=lambda question: question.tree):
            own = list(group)
            for question, repository, _ in opened_trees("people", tree, own, places):
                view, paths = repository.view(), {target.path for target in question.targets}
                for form, wording in wordings(question, own, ("call", WRONG)):
                    measured = measure(view, read_need(wording.query, wording.expect))
                    weights = weights_for(measured.need)
                    shown = {one.chunk.path for one in rank(measured.features, weights, limit=SHOWN)}
                    fits = fitting_place(measured.features, weights, shown)
                    rows.append((
                        form,
                        trust_in_guesses(measured.features, weights),
                        any(stands(path, target) for path in shown for target in paths),
                        fits is not None and any(stands(fits.path, target) for target in paths),
                    ))  # fmt: skip
                bar.update()
    print("guesses\ttrust below\tcalls\tanswer in eight\tanswer in the place that is named, not in eight")
    for form in ("call", WRONG):
        for least in THRESHOLDS:
            below = [(hit, named) for one, trust, hit, named in rows if one == form and trust < least]
            hits, named = sum(hit for hit, _ in below), sum(named and not hit for hit, named in below)
            label = "own" if form == "call" else "another question's"
            print(f"{label}\t{least:g}\t{len(below)}\t{hits}\t{named}")


if __name__ == "__main__":
    main()

"""Learn from shuffled labels, many times, and count how often the gate would promote what was learned.

    python -m benchmarks.quality.label_shuffle --repo REPO --golden GOLDEN --base MODEL \
        --cache CACHE --work WORK

Within each question the labels are dealt anew to its pairs, so a model can learn nothing that is true;
whatever gain it shows on questions that it did not see is chance. Each seed deals, parts and trains in its
own way. A line a seed: the gain over the first stage and the base with its interval and p, the weight that
was chosen, and the gate's answer. What was computed is kept below WORK, so an interrupted run goes on.
"""

import argparse
import dataclasses
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.quality.ranks import opened
from retrieval.training.evaluation import cross_validation
from retrieval.training.fit.recipe import PRESETS
from retrieval.training.golden import golden_file
from retrieval.training.pairs import mining
from retrieval.training.pairs.mining import LabeledPair, Mined
from retrieval.training.release import gate


def main() -> None:
    """Read the arguments, learn nothing, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repo", type=Path, required=True)
    parser.add_argument("--golden", type=Path, required=True)
    parser.add_argument("--base", required=True, help="a CrossEncoder folder")
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is computed")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, help="use only this many questions, the first ones")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--depth", type=int, default=10, help="candidates read [default: 10]")
    parser.add_argument("--max-tokens", type=int, default=128, help="of a pair in training [default: 128]")
    args = parser.parse_args()
    asked, repository = golden_file.load(args.golden), opened(args.repo, args.cache)
    asked = dataclasses.replace(asked, questions=asked.questions[: args.first])
    promoted = gained = 0
    for seed in range(args.seeds):
        recipe = dataclasses.replace(
            PRESETS["default"], base=args.base, revision="", epochs=1, learning_rate=5e-5,
            validation_share=0, max_tokens=args.max_tokens, seed=seed,
        )  # fmt: skip
        mined = shuffled(mining.mine(asked, repository.view(), seed=seed), seed=seed)
        plan = cross_validation.Plan(recipe, folds=args.folds, depth=args.depth)
        judged = cross_validation.judge(asked, repository.view(), mined, plan, args.work)
        decision = gate.decide(judged.report, weight=judged.weight, questions=len(judged.report.asked))
        promoted += decision.promote
        gained += all(item.low > 0 and item.p <= gate.ALPHA for item in judged.report.comparisons)
        gains = "  ".join(
            f"{item.opponent} {item.gain:+.4f} [{item.low:+.4f}, {item.high:+.4f}] p {item.p:.3f}"
            for item in judged.report.comparisons
        )
        answer = "PROMOTED" if decision.promote else "refused"
        print(f"seed {seed:>2}  weight {judged.weight:<4g}  {gains}  {answer}", flush=True)
    groups = judged.report.comparisons[0].groups
    print(
        f"{promoted} of {args.seeds} promoted, {gained} gained beyond chance; "
        f"{len(judged.report.asked)} questions in {groups} groups"
    )


def shuffled(mined: Mined, *, seed: int) -> Mined:
    """Deal each question's labels anew to its pairs: as many positives as before, at random."""
    rng = np.random.default_rng(seed)
    by_question: dict[str, list[LabeledPair]] = defaultdict(list)
    for pair in mined.pairs:
        by_question[pair.question_id].append(pair)
    dealt = [
        dataclasses.replace(pair, label=int(label))
        for own in by_question.values()
        for pair, label in zip(own, rng.permutation([pair.label for pair in own]), strict=True)
    ]
    return dataclasses.replace(mined, pairs=tuple(dealt))


if __name__ == "__main__":
    main()

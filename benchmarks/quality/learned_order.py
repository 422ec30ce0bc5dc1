"""What a repository's own past teaches its order, on repositories that nothing else was tuned on.

    python -m benchmarks.quality.learned_order --mirrors MIRRORS --work WORK --out order.txt \
        tox-dev/tox jhy/jsoup

For each repository: the questions that are mined, the seconds of mining, measuring and climbing, the gain on
the later questions, and whether the gate promotes. Then the same with shuffled answers, where nothing can be
learned: each question gets the answers of another, and the gate must refuse. `--steps` tries other values of
`learning.STEP`, for the repositories that chose it. Evidence is kept in WORK, so that a second run is short.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from retrieval.rank.weights import QUESTION
from retrieval.settings import Settings
from retrieval.sync.sync import fingerprint
from retrieval.training.order import learning, lessons
from retrieval.training.order.evidence import Pool, answered
from retrieval.training.order.learning import LearnedOrder
from retrieval.training.order.lessons import Lesson, Places
from retrieval.training.past.hermetic_git import git_in
from retrieval.training.past.questions import PastQuestion, past_questions

SHUFFLES = 60
SEED = 20261128


def main() -> None:
    """Read the arguments, learn every repository, and write a line of each as it is done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", help="owner/name")
    parser.add_argument("--mirrors", type=Path, required=True, help="git directories owner+name/repo")
    parser.add_argument("--work", type=Path, required=True, help="folder of clones, indexes and evidence")
    parser.add_argument("--out", type=Path, help="file to append to")
    parser.add_argument("--shuffles", type=int, default=SHUFFLES)
    parser.add_argument("--steps", type=float, nargs="*", default=[], help="other values of learning.STEP")
    args = parser.parse_args()
    for name in args.names:
        for line in learned(name, args):
            print(line, flush=True)
            if args.out:
                with args.out.open("a", encoding="utf-8") as out:
                    out.write(f"{line}\n")


def learned(name: str, args: argparse.Namespace) -> Iterator[str]:
    """Learn one repository; yield what there is to say."""
    mirror = args.mirrors / name.replace("/", "+", 1) / "repo"
    git = git_in(mirror)
    start = time.monotonic()
    mined = past_questions(git, git("rev-parse", "HEAD").decode().strip(), most=lessons.MOST)
    questions = lessons.teachable(mined.questions)
    mining_s, start = time.monotonic() - start, time.monotonic()
    found = measured(questions, mirror, args.work / name.replace("/", "+", 1))
    measuring_s, start = time.monotonic() - start, time.monotonic()
    pools = [lesson.pool for lesson in reversed(found)]  # oldest first
    result = learning.learn(pools, QUESTION)
    climbing_s = time.monotonic() - start
    left_out = ", ".join(f"{count} {why}" for why, count in mined.left_out.items())
    yield f"{name}: {mined.looked_at} commits, {len(found)} questions; left out: {left_out}"
    yield f"  mined in {mining_s:.0f} s, measured in {measuring_s:.0f} s, climbed in {climbing_s:.0f} s"
    yield from described(result)
    for step in args.steps:
        learning.STEP = step
        yield f"  with a step of {step:g}:"
        yield from described(learning.learn(pools, QUESTION))
    if args.shuffles:
        yield f"  shuffled: {shuffled(pools, args.shuffles)} of {args.shuffles} promoted"


def measured(questions: Sequence[PastQuestion], mirror: Path, folder: Path) -> list[Lesson]:
    """Measure each question, newest first."""
    places = Places(mirror, folder, Settings().max_file_bytes, fingerprint())
    with tqdm(total=len(questions), desc=folder.name, disable=None) as bar:

        def progress(done: int, _total: int) -> None:
            bar.update(done - bar.n)

        return lessons.gather(questions, places, progress=progress)


def shuffled(pools: Sequence[Pool], times: int) -> int:
    """Count how often an order is promoted that was learned from and judged by answers of other questions."""
    rng = np.random.default_rng(SEED)
    promoted = 0
    for _ in tqdm(range(times), desc="shuffled", disable=None):
        others = rng.permutation(len(pools))
        result = learning.learn(
            [answered(pool, pools[other].answers) for pool, other in zip(pools, others, strict=True)],
            QUESTION,
        )
        promoted += result.decision.promote
    return promoted


def described(result: LearnedOrder) -> Iterator[str]:
    """Say what was learned, and whether it may serve."""
    changes = ", ".join(f"{part} {old:g} -> {new:g}" for part, (old, new) in result.moved.items())
    yield f"  {result.lessons} lessons: {changes or 'nothing'}"
    verdict = "promoted" if result.decision.promote else "refused"
    yield f"  {verdict}, judged by {result.decision.questions}"
    yield from (
        f"    {item.measure}: {item.before:.3f} {item.gain:+.3f} [{item.low:+.3f}, {item.high:+.3f}]"
        for item in result.decision.gains
    )
    if not result.decision.promote:
        yield from (f"    {reason}" for reason in result.decision.reasons)


if __name__ == "__main__":
    main()

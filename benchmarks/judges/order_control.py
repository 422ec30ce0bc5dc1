"""Whether an order that a repository's commits taught also helps with questions that people ask of it.

    python -m benchmarks.judges.order_control --people people-dev.jsonl --trees TREES --mirrors MIRRORS \
        --work WORK --cache CACHE [--here] NAMES

For each repository the order is learned as `goldrank learn` does, from the commits before the oldest tree
that its questions are asked of, and judged by it. Then both orders are asked the questions of people, as they
asked them, those that a search reads as plain questions. The gain is printed whether the order was promoted
or not. --here does the same with this repository and its golden file.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fitting.evidence import gather
from benchmarks.judges.asking import Places
from benchmarks.judges.question_sets import read_people
from benchmarks.quality import learned_order
from benchmarks.quality.fusion import interval
from retrieval.rank.learned_order import LEARNED
from retrieval.rank.weights import QUESTION, WEIGHTS
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.training.golden import golden_file
from retrieval.training.order import learning, lessons
from retrieval.training.order.evidence import Evidence, joined
from retrieval.training.order.learning import LearnedOrder, with_question
from retrieval.training.order.measures import judge
from retrieval.training.past.hermetic_git import Git, git_in
from retrieval.training.past.questions import past_questions

HERE = Path(__file__).parents[2]
SHOWN = ("ndcg10", "hit1", "line_recall10")


def main() -> None:
    """Learn each repository and judge it by what people ask."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="owner/name")
    for folder in ("people", "trees", "mirrors", "work", "cache"):
        parser.add_argument(f"--{folder}", type=Path, required=True)
    parser.add_argument("--here", action="store_true", help="also this repository and its golden file")
    args = parser.parse_args()
    places = Places({"people": args.trees}, args.mirrors, args.work / "trees", args.cache)
    people = read_people(args.people)
    for name in args.names:
        own = [question for question in people.questions if question.repo == name]
        git = git_in(args.mirrors / name.replace("/", "+", 1) / "repo")
        head = oldest(git, [question.tree.partition("@")[2] for question in own])
        result = learned(args.mirrors / name.replace("/", "+", 1) / "repo", git, head, args.work)
        asked = gather([replace(people, questions=tuple(own))], ("asked",), places).evidence
        tell(name, result, asked)
    if args.here:
        git = git_in(HERE, trusted=HERE)
        result = learned(HERE, git, git("rev-parse", "HEAD").decode().strip(), args.work)
        repository = Repository(HERE, cache=args.cache, max_bytes=Settings().max_file_bytes)
        repository.refresh()
        repository.read_past()
        found = lessons.of_golden(golden_file.load(HERE / "golden.json"), repository.view())
        pools = [pool for pool, _ in found]
        tell("this repository, golden.json", result, joined(pools))


def oldest(git: Git, commits: Sequence[str]) -> str:
    """Return the full hash of the commit that was made first."""
    times = {
        git("rev-parse", commit).decode().strip(): int(git("show", "-s", "--format=%ct", commit))
        for commit in set(commits)
    }
    return min(times, key=lambda commit: times[commit])


def learned(mirror: Path, git: Git, head: str, work: Path) -> LearnedOrder:
    """Learn an order from the commits before one."""
    questions = lessons.teachable(past_questions(git, head, most=lessons.MOST).questions)
    name = mirror.parent.name if mirror.name == "repo" else mirror.name
    found = learned_order.measured(questions, mirror, work / "past" / name)
    return learning.learn([lesson.pool for lesson in reversed(found)], QUESTION)


def tell(name: str, result: LearnedOrder, asked: Evidence) -> None:
    """Print what was learned, and what it gains on the questions of people."""
    moved = ", ".join(f"{part} {old:g} -> {new:g}" for part, (old, new) in result.moved.items())
    verdict = "promoted" if result.decision.promote else "refused"
    print(f"{name}: {result.lessons} lessons: {moved or 'nothing moved'}; {verdict}", flush=True)
    if not result.moved:
        return
    before, after = judge(asked, WEIGHTS), judge(asked, with_question(result.weights))
    is_plain = np.array([kind == LEARNED for kind in asked.kinds])
    for measure in SHOWN:
        gains = (after.measures[measure] - before.measures[measure])[is_plain]
        gains = gains[~np.isnan(gains)]
        if len(gains):
            low, high = interval(gains)
            print(
                f"  {measure}: {gains.mean():+.3f} [{low:+.3f}, {high:+.3f}] on {len(gains)} questions",
                flush=True,
            )


if __name__ == "__main__":
    main()

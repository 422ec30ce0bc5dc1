"""What a repository's own past teaches its model, on repositories that the embedded model never saw.

    python -m benchmarks.quality.learned_model --mirrors MIRRORS --work WORK --cache CACHE \
        --out model.jsonl tox-dev/tox jhy/jsoup

For each repository: questions, lessons, seconds, what the tuned model gains on the later questions over the
embedded one, and whether the gate promotes it. `--recipe` takes other values of the recipe, as many as are
to be compared: loss=marginmse,learning_rate=1e-4. `--keep` and `--weight` mix and trust each trained model in
other ways, which costs a reading and no training; a mixture of 0 is the embedded model, for what another
weight alone gains. `--shuffled` trains on wrong answers: the passages of every
lesson keep their places, but another of them is the answer, and the later questions likewise are answered by
other candidates; the gate must refuse. A row that is in OUT already is not made again.

WORK holds what `benchmarks.quality.learned_order` keeps there; CACHE the restored embedded model.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from retrieval.rank.weights import WEIGHTS
from retrieval.rerank import exported_model
from retrieval.rerank.model_loading import open_scorer
from retrieval.settings import Settings
from retrieval.sync.sync import fingerprint
from retrieval.training.export.export import export, trainable
from retrieval.training.fit.recipe import Recipe
from retrieval.training.order import lessons
from retrieval.training.order.evidence import answered
from retrieval.training.order.gate import OrderDecision
from retrieval.training.order.lessons import Places
from retrieval.training.past.hermetic_git import git_in
from retrieval.training.past.questions import past_questions
from retrieval.training.tuning import learning
from retrieval.training.tuning.first_order import Asked
from retrieval.training.tuning.past_pairs import lessons_of
from retrieval.training.tuning.served import Logits, Questions, Trust, in_order, read_all

SEED = 20261128
LONGEST = exported_model.read_manifest(exported_model.FOLDER).max_tokens
DEPTH, WEIGHT = Settings().rerank_depth, Settings().rerank_weight


def main() -> None:
    """Read the arguments, learn every repository, and append a row of each model as it is judged."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", help="owner/name")
    parser.add_argument("--mirrors", type=Path, required=True, help="git directories owner+name/repo")
    parser.add_argument("--work", type=Path, required=True, help="folder of clones, indexes and evidence")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the restored model")
    parser.add_argument("--out", type=Path, required=True, help="rows of JSON to append to")
    parser.add_argument("--recipe", nargs="*", default=[""], help="name=value,… [default: the shipped one]")
    parser.add_argument("--keep", type=float, nargs="*", default=[], help="other mixtures of each training")
    parser.add_argument("--weight", type=float, nargs="*", default=[WEIGHT], help="in the fused score")
    parser.add_argument("--shuffled", type=int, default=0, help="trainings on wrong answers")
    args = parser.parse_args()
    for name in args.names:
        for row in learned(name, args):
            print(described(row), flush=True)
            with args.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")


def learned(name: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Learn one repository by each recipe that has no row yet; yield the rows."""
    rows = args.out.read_text(encoding="utf-8").splitlines() if args.out.exists() else []
    done = {(row["repository"], row["recipe"], row["shuffle"]) for row in map(json.loads, rows)}
    runs = [(text, shuffle) for text in args.recipe for shuffle in range(args.shuffled + 1)]
    runs = [run for run in runs if (name, *run) not in done]
    if not runs:
        return
    asked, measuring_s = measured(name, args.mirrors, args.work / name.replace("/", "+", 1))
    for text, shuffle in runs:
        some = shuffled(asked, shuffle) if shuffle else asked
        yield from judged(some, recipe_of(text, args.cache), args, {
            "repository": name, "recipe": text, "shuffle": shuffle, "questions": len(asked),
            "measuring_s": round(measuring_s),
        })  # fmt: skip


def measured(name: str, mirrors: Path, folder: Path) -> tuple[list[Asked], float]:
    """Measure the questions of a repository, oldest first; also return the seconds."""
    start = time.monotonic()
    mirror = mirrors / name.replace("/", "+", 1) / "repo"
    git = git_in(mirror)
    mined = past_questions(git, git("rev-parse", "HEAD").decode().strip(), most=lessons.MOST)
    questions = lessons.teachable(mined.questions)
    places = Places(mirror, folder, Settings().max_file_bytes, fingerprint())
    with tqdm(total=len(questions), desc=folder.name, disable=None) as bar:
        found = lessons.gather(
            questions, places, teaches="model", progress=lambda done, _total: bar.update(done - bar.n)
        )
    asked = [
        Asked(item.question.commit, item.question.subject, item.pool, item.readings)
        for item in reversed(found)
        if item.readings
    ]
    return asked, time.monotonic() - start


def judged(
    asked: Sequence[Asked], recipe: Recipe, args: argparse.Namespace, facts: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Train by a recipe, and yield a row for each mixture and weight."""
    given = lessons_of(asked, WEIGHTS, depth=DEPTH)
    later = in_order(given.later, WEIGHTS, depth=DEPTH)
    trust = Trust(WEIGHT, DEPTH)
    before = read_all(later, open_scorer(exported_model.NAME), trust)
    work = args.work / "trained" / facts["repository"].replace("/", "+", 1)
    shutil.rmtree(work, ignore_errors=True)
    trained = learning.train(given.pairs, replace(recipe, keep=1), work / "tuned")
    facts |= {
        "lessons": given.questions,
        "pairs": len(given.pairs),
        "later": len(given.later),
        "read": sum(one is not None for one in before),
        "training_s": round(trained.seconds),
        "losses": [round(epoch.training_loss, 3) for epoch in trained.epochs],
    }
    for keep in args.keep or [recipe.keep]:
        after, judging_s = (
            _read_mixed(later, Path(recipe.base), trained.folder, keep) if keep else (before, 0)
        )
        for weight in args.weight:
            decision = learning.judged(later, (before, WEIGHT), (after, weight)).decision
            yield {**facts, "keep": keep, "weight": weight, "judging_s": judging_s, **told(decision)}


def _read_mixed(later: Questions, base: Path, tuned: Path, keep: float) -> tuple[list[Logits | None], int]:
    """Mix a training with its base, export it, and let it read; also return the seconds."""
    start = time.monotonic()
    mixed = tuned.with_name(f"mixed-{keep:g}")
    mix(base, tuned, keep, mixed)
    graph = export(mixed, mixed.with_name(f"graph-{keep:g}"), name="tuned", max_tokens=LONGEST)
    read = read_all(later, open_scorer(str(graph)), Trust(WEIGHT, DEPTH))
    return read, round(time.monotonic() - start)


def mix(base: Path, tuned: Path, keep: float, out: Path) -> None:
    """Average two models' weights, as `trainer` does."""
    shutil.copytree(tuned, out)
    one, other = (load_file(folder / "model.safetensors") for folder in (base, tuned))
    mixed = {
        name: ((1 - keep) * one[name] + keep * array).astype(array.dtype)
        if array.dtype.kind == "f" and name in one
        else array
        for name, array in other.items()
    }
    save_file(mixed, out / "model.safetensors", metadata={"format": "pt"})


def shuffled(asked: Sequence[Asked], seed: int) -> list[Asked]:
    """Answer each question by other candidates of its own."""
    rng = np.random.default_rng([SEED, seed])
    return [replace(item, pool=answered(item.pool, _answers(item, rng))) for item in asked]


def _answers(item: Asked, rng: np.random.Generator) -> list[tuple[str, int | None, int | None]]:
    """Draw as many of a question's candidates as answer it, among the first DEPTH."""
    count = max(1, len(np.unique(np.intersect1d(item.readings.rows[:DEPTH], item.pool.hits[:, 0]))))
    chunks = [item.readings.chunks[i] for i in rng.permutation(min(DEPTH, len(item.readings.chunks)))[:count]]
    return [(chunk.path, chunk.start_line, chunk.end_line) for chunk in chunks]


def recipe_of(text: str, cache: Path) -> Recipe:
    """Read `name=value,…` as changes of the shipped recipe."""
    base = trainable(exported_model.NAME, cache)
    changes: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        changes[name] = type(getattr(learning.RECIPE, name))(value)
    return replace(learning.RECIPE, **changes, base=base)


def told(decision: OrderDecision) -> dict[str, Any]:
    """Write a decision as plain values."""
    return {
        "promoted": decision.promote,
        "gains": {item.measure: [item.before, item.gain, item.low, item.high] for item in decision.gains},
        "reasons": list(decision.reasons),
    }


def described(row: dict[str, Any]) -> str:
    """Write a row as a line."""
    gains = "; ".join(
        f"{measure} {gain:+.3f} [{low:+.3f}, {high:+.3f}]"
        for measure, (_, gain, low, high) in row["gains"].items()
    )
    kind = f"shuffled {row['shuffle']}" if row["shuffle"] else row["recipe"] or "shipped"
    verdict = "promoted" if row["promoted"] else "refused"
    return (
        f"{row['repository']} {kind}, keep {row['keep']:g}, weight {row['weight']:g}: "
        f"{row['lessons']} lessons, {row['later']} later, {row['training_s']} s: {gains}: {verdict}"
    )


if __name__ == "__main__":
    main()

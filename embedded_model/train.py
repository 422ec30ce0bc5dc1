"""Train the embedded model on mined pairs, in rounds, and measure each round.

    python -m embedded_model.train --work WORK ... --base FOLDER --out OUT [--teacher NAME] \
        [--round N RATE] ...

Each round trains on N questions of its own with `retrieval.training.fit.trainer`, which also tunes users'
models, and starts from the model of the previous round. To continue an interrupted round, repeat the command.
One package or repository in eight is held out: the table gives nDCG and MRR on its questions after each
round, among the mined candidates, for the model alone and with the first stage.

    OUT/base/      the model that the first round starts from: FOLDER, or some of its layers
    OUT/round-N/   the model after round N: a CrossEncoder folder
    OUT/curve.tsv  the table
"""

import argparse
import csv
import hashlib
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PairScorer, read_pairs
from retrieval.rerank.model_loading import CrossEncoderScorer
from retrieval.training.evaluation import metrics
from retrieval.training.export.export import restored
from retrieval.training.fit import trainer
from retrieval.training.fit.identity import identity
from retrieval.training.fit.recipe import Recipe
from retrieval.training.golden import golden_file
from retrieval.training.pairs import labeled_pairs
from retrieval.training.pairs.labeled_pairs import LabeledPair

SEED = 20261124
HELD_OUT = 8  # one package in this many is held out
TESTED = 150  # questions of held-out packages
SHARES = {"comment": 0.6, "name": 0.3, "error": 0.4}
"""Of the questions of a kind, where not all: the first stage alone answers most that quote or name."""
TEACHER_SHARE = 0.5  # of what a question's passages should get; the other half is the answer's
BATCH = 8  # questions per step
NEGATIVES = (0, 1, 2, 3, 5)  # which of a question's, by first-stage rank: three of the best five, two deeper
MAX_TOKENS = 136  # an excerpt has less, and a longer tail costs every pair of its batch

Lesson = Sequence[LabeledPair]
"""A question's pairs."""


def main() -> None:
    """Train the rounds that are missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--work", type=Path, nargs="+", required=True, help="folders of lessons, as mine.py makes them"
    )
    parser.add_argument(
        "--base", type=Path, required=True, help="a CrossEncoder folder, an exported one, or an encoder's"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", default="", help="layers of the base that are kept [default: all]")
    parser.add_argument("--skip", type=int, default=0, help="questions the base learned from [default: 0]")
    parser.add_argument("--round", nargs=2, action="append", default=[], metavar=("N", "RATE"))
    parser.add_argument(
        "--keep", type=float, default=1, help="share of the trained weights that a round keeps"
    )
    parser.add_argument("--teacher", default="", help="whose scores are learned too, as teachers.py names it")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    taught, tested = lessons(args.work, args.teacher)
    model = start(args.base, args.out / "base", args.layers)
    table = args.out / "curve.tsv"
    rows = list(csv.DictReader(table.open(), delimiter="\t")) if table.exists() else []
    done = args.skip
    if not rows:
        rows = [told(0, taught[:done], 0.0, examine(model, tested))]
    for number, (count, rate) in enumerate(args.round, 1):
        some = taught[done : done + int(count)]
        done += int(count)
        out = args.out / f"round-{number}"
        recipe = Recipe(
            base=str(model),
            loss="listnet",
            epochs=1,
            batch_size=BATCH,
            learning_rate=float(rate),
            validation_share=0,
            keep=args.keep,
            max_tokens=MAX_TOKENS,
            seed=SEED + number,
            teacher_share=TEACHER_SHARE if args.teacher else 0,
        )
        if not is_made(out, f"{identity(str(model))} {recipe} {_hash(some)}"):
            seconds = learn(some, recipe, out)
            rows = [*rows[:number], told(number, taught[:done], seconds, examine(out, tested))]
            write(rows, table)
        model = out
    print(table.read_text() if table.exists() else rows)


def is_made(folder: Path, mark: str) -> bool:
    """Return whether a folder exists and was made from these inputs; record them if it does not."""
    note = folder.with_name(f"{folder.name}.made-from")
    if not folder.exists():
        note.write_text(mark, encoding="utf-8")
        return False
    if not note.is_file() or note.read_text(encoding="utf-8") != mark:
        sys.exit(f"{folder} was made from another base, recipe or lessons; remove it, or name another --out")
    return True


def _hash(some: Sequence[Lesson]) -> str:
    rows = [(pair.query, pair.passage, pair.label, pair.teacher) for lesson in some for pair in lesson]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def lessons(works: Sequence[Path], teacher: str = "") -> tuple[list[Lesson], list[Lesson]]:
    """Read the training questions, in an order that mixes the packages, and the test questions.

    Args:
        works: Folders of lessons; what each holds out is tested.
        teacher: Whose scores the pairs get, if any.
    """
    taught: list[Lesson] = []
    tested: list[Lesson] = []
    rng = random.Random(SEED)  # noqa: S311 - the order must be repeatable
    for file in (file for work in works for file in sorted((work / "pairs").glob("*.jsonl"))):
        own = [_thinned(lesson) for lesson in read_lessons(file, rng, teacher)]
        own = [lesson for lesson in own if 0 < sum(pair.label for pair in lesson) < len(lesson)]
        (tested if is_held_out(file.stem) else taught).extend(own)
    rng.shuffle(taught)
    rng.shuffle(tested)
    return taught, tested[:TESTED]


def read_lessons(file: Path, rng: random.Random, teacher: str = "") -> list[Lesson]:
    """Read a file of pairs as lessons, and keep of each kind of question its share.

    `teacher` as in `lessons`.
    """
    scores = read_scores(file.parents[1] / "scores" / teacher / file.name) if teacher else {}
    asked = golden_file.load(file.parents[1] / "golden" / f"{file.stem}.json")
    share = {question.question_id: SHARES.get(question.tags[0], 1.0) for question in asked.questions}
    by_question: dict[str, list[LabeledPair]] = defaultdict(list)
    for pair in labeled_pairs.read(file).pairs:
        by_question[pair.question_id].append(replace(pair, teacher=scores.get(key_of(pair))))
    return [own for identity, own in by_question.items() if rng.random() < share[identity]]


def read_scores(file: Path) -> dict[tuple[str, str], float]:
    """Read a teacher's scores, as teachers.py writes them."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {(question, span): score for question, span, score in rows}


def key_of(pair: LabeledPair) -> tuple[str, str]:
    """Return what identifies a pair among a repository's: its question and its place."""
    return pair.question_id, pair.chunk.span


def _thinned(lesson: Lesson) -> Lesson:
    negatives = sorted((pair for pair in lesson if not pair.label), key=lambda pair: pair.rank)
    return [pair for pair in lesson if pair.label] + [negatives[i] for i in NEGATIVES if i < len(negatives)]


def is_held_out(package: str) -> bool:
    """Return whether a package is held out for testing."""
    return int(hashlib.sha256(package.encode()).hexdigest(), 16) % HELD_OUT == 0


def start(base: Path, folder: Path, layers: str) -> Path:
    """Create the model that the first round starts from: the base, or a copy with some of its layers."""
    if is_made(folder, f"{identity(str(base))} {layers}"):
        return folder
    import torch
    from sentence_transformers import CrossEncoder

    torch.manual_seed(SEED)
    whole = restored(base, folder.parent) if (base / exported_model.GRAPH).exists() else base
    model = CrossEncoder(str(whole), num_labels=1, local_files_only=True, trust_remote_code=False)
    bert: Any = model[0].auto_model
    if layers:
        encoder = bert.bert.encoder
        kept = [int(layer) for layer in layers.split(",")]
        encoder.layer = torch.nn.ModuleList([encoder.layer[layer] for layer in kept])
        bert.config.num_hidden_layers = len(kept)
    # One pass over many questions does not overfit, and on a CPU dropout takes a quarter of the time.
    bert.config.hidden_dropout_prob = bert.config.attention_probs_dropout_prob = 0.0
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def learn(some: Sequence[Lesson], recipe: Recipe, out: Path) -> float:
    """Train a round; return the seconds it took."""
    with tqdm(unit="step", disable=None) as bar:

        def progress(finished: int, planned: int) -> None:
            bar.total = planned
            bar.update(finished - bar.n)

        done = trainer.train([pair for lesson in some for pair in lesson], recipe, out, progress=progress)
    (out / "trained.json").write_text(json.dumps({"seconds": done.seconds, "losses": done.step_losses}))
    return done.seconds


def examine(model: Path, tested: Sequence[Lesson]) -> dict[str, str]:
    """Rank the held-out packages' candidates: by first-stage rank, by the model, and by both."""
    scorer = CrossEncoderScorer(str(model))
    read = [
        logits_of(lesson[0].query, [pair.passage for pair in lesson], scorer)
        for lesson in tqdm(tested, unit="question", disable=None)
    ]
    return examined(list(zip(tested, read, strict=True)))


def logits_of(query: str, passages: Sequence[str], scorer: PairScorer) -> list[float]:
    """Read pairs as the server does, all of them."""
    return [logit or 0.0 for logit in read_pairs(query, passages, scorer).logits]


def examined(scored: Sequence[tuple[Lesson, Sequence[float]]]) -> dict[str, str]:
    """Return MRR and nDCG of the first stage's order, of the scores alone, and of both added."""
    alone, fused, first = [], [], []
    for lesson, logits in scored:
        scores = np.array(logits, dtype=float)
        places = np.array([1 / (pair.rank or 51) for pair in lesson])
        labels = np.array([pair.label for pair in lesson])
        spread = (scores - scores.min()) / max(np.ptp(scores), 1e-9)
        alone.append(_quality(scores, labels))
        first.append(_quality(places, labels))
        fused.append(_quality(spread + places**0.5, labels))
    return {
        f"{name}_{measure}": f"{np.mean([row[i] for row in rows]):.4f}"
        for name, rows in (("first", first), ("alone", alone), ("fused", fused))
        for i, measure in enumerate(("mrr", "ndcg"))
    }


def told(number: int, learned: Sequence[Lesson], seconds: float, quality: dict[str, str]) -> dict[str, Any]:
    """Write a round's row of the table; `learned` is everything trained on by its end."""
    counts = {"questions": len(learned), "pairs": sum(map(len, learned))}
    return {"round": number, **counts, "seconds": round(seconds), **quality}


def write(rows: Sequence[dict[str, Any]], table: Path) -> None:
    """Write the table."""
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[-1].keys(), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _quality(scores: Any, labels: Any) -> tuple[float, float]:
    """Return reciprocal rank and nDCG of the whole order of a few candidates."""
    ranks = [int(rank) for rank in np.flatnonzero(labels[np.argsort(-scores, kind="stable")]) + 1]
    return metrics.reciprocal_rank(ranks, len(labels)), metrics.ndcg(ranks, cutoff=len(labels))


if __name__ == "__main__":
    main()

"""Find how far a cross-encoder should be trusted: nDCG@10 at each weight, chosen on other repositories.

    python -m benchmarks.quality.fusion --corpus REPOS --queries queries.jsonl --model DIR --logits L.jsonl

The model reads each question's best candidates once; what it said is kept in L.jsonl (not committed), so an
interrupted run goes on where it stopped. Then every weight is tried. The gain that counts is out of fold:
each repository is ranked with the weight that was best on the others; the interval is over repositories.
"""

import argparse
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.quality.ranks import by_repository, ndcg, opened
from retrieval.rank.need import read_need
from retrieval.records import Candidate, Chunk
from retrieval.rerank.fusion import fuse, pair_text, read_pairs
from retrieval.rerank.model_loading import open_scorer
from retrieval.search import first_stage
from retrieval.search.caller_passages import rank_passages

WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TOP_K = 50
RESAMPLES = 10_000

Row = Mapping[str, Any]


def main() -> None:
    """Read the arguments, let the model read, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument(
        "--model", required=True, help="a CrossEncoder folder, an exported one, or a model's name"
    )
    parser.add_argument(
        "--logits", type=Path, required=True, help="what the model said, kept for the next run"
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--depth", type=int, default=20, help="candidates read [default: 20]")
    args = parser.parse_args()
    queries = by_repository(args.queries)
    read_all(queries, args)
    rows = {row["id"]: row for row in map(json.loads, args.logits.read_text(encoding="utf-8").splitlines())}
    model = args.model.rstrip("/").rpartition("/")[2]
    for tool, scores in (("rag_search", searched), ("rag_rerank", held)):
        print(f"\n{tool}: {model} reads the best {args.depth} of the first stage")
        report(queries, {weight: scores(queries, rows, weight) for weight in WEIGHTS})


def read_all(queries: Mapping[str, Sequence[Row]], args: argparse.Namespace) -> None:
    """Append to the file of logits what it does not hold yet."""
    args.logits.touch()
    done = {json.loads(line)["id"] for line in args.logits.read_text(encoding="utf-8").splitlines()}
    scorer = open_scorer(args.model)
    missing = sum(row["id"] not in done for rows in queries.values() for row in rows)
    with args.logits.open("a", encoding="utf-8") as out, tqdm(total=missing, unit="query") as bar:
        for name, rows in queries.items():
            repository = opened(args.corpus / name, args.cache)
            view = repository.view()
            for row in (row for row in rows if row["id"] not in done):
                candidates = first_stage.candidates_of(view, read_need(row["query"]), limit=TOP_K)
                passages = view.chunk_texts(item.chunk for item in candidates[: args.depth])
                texts = [pair_text(passage.chunk, passage.text) for passage in passages]
                logits = read_pairs(row["query"], texts, scorer).logits
                found = [[c.chunk.path, c.chunk.start_line, c.chunk.end_line, c.score] for c in candidates]
                among = {c.chunk: c.score for c in rank_passages(row["query"], passages)}
                held = [among[passage.chunk] for passage in passages]
                said = {"id": row["id"], "results": found, "logits": logits, "held": held}
                out.write(json.dumps(said) + "\n")
                out.flush()
                bar.update()


def report(queries: Mapping[str, Sequence[Row]], table: Mapping[float, Mapping[str, float]]) -> None:
    """Print nDCG@10 by weight, then what choosing on other repositories gains on each."""
    kinds = sorted({row["category"] for group in queries.values() for row in group})
    print("\t".join(["weight", "ndcg10", *kinds]))
    for weight, scores in table.items():
        columns = [_mean(queries, scores, kind) for kind in (None, *kinds)]
        print("\t".join([f"{weight:g}", *(f"{column:.4f}" for column in columns)]))
    for kind in (None, *kinds):
        chosen, gains = _out_of_fold(queries, table, kind)
        low, high = interval(gains)
        picks = ", ".join(f"{weight:g} x{chosen.count(weight)}" for weight in sorted(set(chosen)))
        print(f"out of fold, {kind or 'all'}: {gains.mean():+.4f} [{low:+.4f}, {high:+.4f}] with {picks}")
    chosen, gains = _out_of_fold(queries, table, None)
    print("repository\tlanguage\tweight\tgain")
    for (repo, rows), weight, gain in zip(queries.items(), chosen, gains, strict=True):
        print("\t".join([repo, rows[0]["language"], f"{weight:g}", f"{gain:+.4f}"]))


def searched(
    queries: Mapping[str, Sequence[Row]], rows: Mapping[str, Row], weight: float
) -> dict[str, float]:
    """Return nDCG@10 by question, for the first stage of the index; a name alone is not reranked."""
    return {
        query["id"]: _fused(
            query,
            [score for *_, score in rows[query["id"]]["results"]],
            rows[query["id"]],
            0 if read_need(query["query"]).is_symbol else weight,
        )
        for query in itertools.chain(*queries.values())
    }


def held(queries: Mapping[str, Sequence[Row]], rows: Mapping[str, Row], weight: float) -> dict[str, float]:
    """Return nDCG@10 by question, for BM25 among the candidates that the model read."""
    return {
        query["id"]: _fused(query, rows[query["id"]]["held"], rows[query["id"]], weight)
        for query in itertools.chain(*queries.values())
    }


def _fused(query: Row, first_stage: Sequence[float], row: Row, weight: float) -> float:
    chunks = [Chunk(path, start, end) for path, start, end, _ in row["results"]]
    logits = [*row["logits"], *[None] * (len(first_stage) - len(row["logits"]))]
    order = sorted(range(len(first_stage)), key=lambda i: -first_stage[i])
    candidates = [Candidate(chunks[i], first_stage[i], rank) for rank, i in enumerate(order, 1)]
    ranked = fuse(candidates, [logits[i] for i in order], weight=weight)
    best = [item.candidate.chunk for item in ranked]
    return ndcg(query, [(chunk.path, chunk.start_line, chunk.end_line) for chunk in best])


def _mean(queries: Mapping[str, Sequence[Row]], scores: Mapping[str, float], kind: str | None) -> float:
    asked = [row for group in queries.values() for row in group if kind in {None, row["category"]}]
    return sum(scores[row["id"]] for row in asked) / len(asked)


def _out_of_fold(
    queries: Mapping[str, Sequence[Row]],
    table: Mapping[float, Mapping[str, float]],
    kind: str | None,
) -> tuple[list[float], NDArray[np.float64]]:
    """Return each repository's chosen weight and its mean gain over weight 0, float64 [n_repositories]."""
    by_repo: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for repo, group in queries.items():
        for row in (row for row in group if kind in {None, row["category"]}):
            for weight in table:
                by_repo[repo][weight].append(table[weight][row["id"]])
    chosen, gains = [], []
    for repo, own in by_repo.items():
        others = [scores for name, scores in by_repo.items() if name != repo]
        best = max(table, key=lambda weight: (np.mean(np.concatenate([s[weight] for s in others])), -weight))
        chosen.append(best)
        gains.append(np.mean(own[best]) - np.mean(own[0.0]))
    return chosen, np.array(gains)


def interval(gains: NDArray[np.float64], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean, resampling its terms."""
    draws = np.random.default_rng(seed).choice(gains, (RESAMPLES, len(gains))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()

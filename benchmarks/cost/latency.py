"""CPU time of a query without reranking, stage by stage, in a large repository, beside tantivy alone.

    python -m benchmarks.cost.latency --root DIR --queries queries.jsonl --cache CACHE [--questions 200]

DIR is any large folder of code; an environment's site-packages gives hundreds of thousands of chunks. Each
question is asked once, as a server would be asked: what earlier questions left in caches may help it. The
peer is the bare top-100 search of the body field for the same stems: what any use of it costs at least.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from tantivy import Occur, Query
from tqdm import tqdm

from retrieval.index.reader import schema
from retrieval.rank import ranker
from retrieval.rank.confidence import judge
from retrieval.rank.features import QUERY_FEATURES, WordingFeatures
from retrieval.rank.need import read_need
from retrieval.rank.pool import find
from retrieval.search import first_stage
from retrieval.sync.repository import Repository
from retrieval.sync.view import View

TOP_K = 8


def main() -> None:
    """Read the arguments, index, ask, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--questions", type=int, default=200, help="how many are asked [default: 200]")
    args = parser.parse_args()
    repository = Repository(args.root, cache=args.cache, max_bytes=1_000_000)
    with tqdm(unit="file", disable=None) as bar:
        repository.refresh(progress=lambda done, _total: _advance(bar, done))
    texts = [json.loads(line)["query"] for line in args.queries.read_text(encoding="utf-8").splitlines()]
    texts = texts[:: max(1, len(texts) // args.questions)][: args.questions]
    snapshot = repository.view().snapshot
    print(f"{len(snapshot):,} chunks, {repository.store_bytes() / 1e6:.0f} MB, {len(texts)} questions")
    rows = [steps(repository, text) for text in tqdm(texts, unit="query", disable=None)]
    peer = float(np.median([row["tantivy alone"] for row in rows]))
    print("step\tp50 ms\tp95 ms\tratio to tantivy alone")
    for name in rows[0]:
        p50, p95 = np.percentile([row[name] for row in rows], [50, 95])
        print(f"{name}\t{p50:.2f}\t{p95:.2f}\t{p50 / peer:.2f}")


def _advance(bar: Any, done: int) -> None:
    bar.update(done - bar.n)


def alone(index: tantivy.Index, stems: Sequence[str]) -> object:
    """Search as barely as the engine allows."""
    terms = [Query.term_query(index.schema, "body", stem, "freq") for stem in stems]
    return index.searcher().search(Query.boolean_query([(Occur.Should, term) for term in terms]), 100)


def whole(view: View, text: str) -> object:
    """Run the whole first stage, the confidence of its best candidate included."""
    need = read_need(text)
    features = first_stage.features_of(view, need)
    placed = ranker.rank(features, ranker.weights_for(need), limit=TOP_K)
    return placed, judge(need, view.snapshot, features, placed)


def steps(repository: Repository, text: str) -> dict[str, float]:
    """Return the CPU milliseconds of each step of the first stage."""
    whole_ms = cpu_ms(lambda: whole(repository.view(), text))  # first, as no step has warmed anything yet
    need, view = read_need(text), repository.view()
    snapshot, query = view.snapshot, need.query
    index = tantivy.Index(schema(), path=str(repository.store_folder / "chunks"))
    past = {path: touch.score for path, touch in first_stage.evidence_of(view, need).items()}
    pool = find(need, snapshot, past)
    features = first_stage.features_of(view, need)
    placed = ranker.rank(features, ranker.weights_for(need), limit=TOP_K)
    timed: dict[str, Callable[[], object]] = {
        "reading the query": lambda: read_need(text),
        "opening the index": lambda: repository.view().snapshot,
        "evidence of commits": lambda: first_stage.evidence_of(repository.view(), need),
        "finding the pool": lambda: find(need, repository.view().snapshot, past),
        **{name: partial(WordingFeatures(query, snapshot, pool).feature, name) for name in QUERY_FEATURES},
        "placing": lambda: ranker.rank(features, ranker.weights_for(need), limit=TOP_K),
        "confidence": lambda: judge(need, snapshot, features, placed),
        "tantivy alone": lambda: alone(index, query.stems),
    }
    return {"the whole first stage": whole_ms, **{name: cpu_ms(step) for name, step in timed.items()}}


def cpu_ms(step: Callable[[], object]) -> float:
    """Return the CPU milliseconds of one run."""
    start = time.process_time()
    step()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()

"""What reading costs, and whether bytes say what float32 says: the second stage, measured on real questions.

    python -m benchmarks.quality.second_stage --corpus REPOS --queries Q.jsonl [--queries MORE.jsonl] \
        --full DIR [--beside DIR] [--model EXPORTED] --cache CACHE [--timed 60] [--compared 500]

REPOS holds one folder per repository, as for quality.py; --full is the same model as a CrossEncoder folder
in float32. Two tables are printed.

Cost: the real server is asked over its pipe, its index made and its model warm; wall time is what the client
waits, CPU time and memory are the server process's. Beside it, for the same candidates of each question,
sentence-transformers reads them as it would without us: whole chunks, 256 tokens, batches of 32; the same
model, and with --beside another, as the public one of six layers that goldrank began with. All use the cores
they find, in turns, so that a busy machine slows all: believe the ratios of CPU times. The start is from the
first byte of the process to a reranked answer, a server a repository.

Agreement: what the exported graph and the CrossEncoder say of the same pairs, which both read as excerpts
cut at the same token.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy.stats import kendalltau, spearmanr
from tqdm import tqdm

from benchmarks.cost.startup import Server, ask, greet, serving
from benchmarks.quality.ranks import by_repository, opened
from retrieval.rank.need import read_need
from retrieval.rerank import exported_model
from retrieval.rerank.excerpt import excerpt
from retrieval.rerank.fusion import pair_text
from retrieval.rerank.model_loading import MAX_TOKENS, load_cross_encoder, open_scorer
from retrieval.search import first_stage
from retrieval.search.searcher import Request, may_rerank
from retrieval.sync.repository import Repository

USUAL_BATCH = 32  # CrossEncoder.predict's own
TOP = 10
ALIKE = 3  # candidates below which an order says nothing

Row = Mapping[str, Any]
Took = tuple[float, float]
"""Seconds of wall and of CPU."""


def main() -> None:
    """Read the arguments, measure, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, action="append", required=True, help="may be repeated")
    parser.add_argument("--full", required=True, help="the model in float32, a CrossEncoder folder")
    parser.add_argument("--beside", action="append", default=[], help="another CrossEncoder folder to time")
    parser.add_argument(
        "--model", default=exported_model.NAME, help="an exported folder [default: the one inside]"
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--depth", type=int, default=30, help="candidates read [default: 30]")
    parser.add_argument("--timed", type=int, default=60, help="questions that are timed [default: 60]")
    parser.add_argument(
        "--compared", type=int, default=500, help="questions that are compared [default: 500]"
    )
    args = parser.parse_args()
    rows = [row for file in args.queries for group in by_repository(file).values() for row in group]
    rows = [row for row in rows if may_rerank(Request(row["query"], TOP))]  # a name alone is not reranked
    compare(rows[: args.compared], args)
    cost(rows[:: max(1, len(rows) // args.timed)][: args.timed], args)


def cost(rows: Sequence[Row], args: argparse.Namespace) -> None:
    """Ask the server, and have sentence-transformers read the same candidates; print what each took."""
    usual = [
        load_cross_encoder(folder, revision="", max_tokens=MAX_TOKENS) for folder in (args.full, *args.beside)
    ]
    for model in usual:
        model.predict([("warm", "up")], show_progress_bar=False)
    titles = [f"sentence-transformers alone, {len(_layers(model))} layers" for model in usual]
    starts, resident, ours = [], [], []
    theirs: list[list[Took]] = [[] for _ in usual]
    with tqdm(total=len(rows), unit="query", disable=None) as bar:
        for name, group in _grouped(rows):
            repository = opened(args.corpus / name, args.cache)
            with _served(args.corpus / name, args) as (server, started):
                process = psutil.Process(server.pid)
                ask(server, group[0]["query"] + " first of all")  # whatever is opened once
                starts.append(time.perf_counter() - started)
                for row in group:
                    before = sum(process.cpu_times()[:2])
                    start = time.perf_counter()
                    ask(server, row["query"])
                    ours.append((time.perf_counter() - start, sum(process.cpu_times()[:2]) - before))
                    texts = _texts(repository, row["query"], args)
                    for model, took in zip(usual, theirs, strict=True):
                        took.append(_read_usually(model, row["query"], texts))
                    bar.update()
                resident.append(process.memory_info().rss / 1e6)
    print(f"\n{len(rows)} questions, {args.depth} candidates each\twall p50 ms\tp95\tCPU p50 ms\tp95\tmean")
    for title, taken in zip(("rag_search with reranking", *titles), (ours, *theirs), strict=True):
        milliseconds = 1000 * np.array(taken)  # float64 [n_queries, 2]
        wall, cpu = np.percentile(milliseconds, [50, 95], axis=0).T
        columns = [*wall, *cpu, milliseconds[:, 1].mean()]
        print("\t".join([title, *(f"{column:.0f}" for column in columns)]))
    for title, taken in zip(titles, theirs, strict=True):
        ratio = sum(cpu for _, cpu in taken) / sum(cpu for _, cpu in ours)
        print(f"CPU time of {title} in that of rag_search: {ratio:.2f}")
    print(f"from process start to the first reranked answer: {np.median(starts):.2f} s (median)")
    print(
        f"resident memory of the server: {np.median(resident):.0f} MB (median), {max(resident):.0f} at most"
    )


def compare(rows: Sequence[Row], args: argparse.Namespace) -> None:
    """Let both read the same pairs; print how far their orders agree."""
    folder = exported_model.folder_of(args.model)
    if folder is None:
        raise SystemExit(f"{args.model} is no exported model")
    graph, full = (
        open_scorer(args.model),
        load_cross_encoder(
            args.full, revision="", max_tokens=exported_model.read_manifest(folder).max_tokens
        ),
    )
    from torch.nn import Identity

    table = []
    with tqdm(total=len(rows), unit="query", disable=None) as bar:
        for name, group in _grouped(rows):
            repository = opened(args.corpus / name, args.cache)
            for row in group:
                texts = [excerpt(row["query"], text) for text in _texts(repository, row["query"], args)]
                bar.update()
                if len(texts) < ALIKE:
                    continue
                pairs = [(row["query"], text) for text in texts]
                said = full.predict(pairs, batch_size=8, show_progress_bar=False, activation_fn=Identity())
                bytes_said = graph.score(row["query"], texts)
                best = [set(np.argsort(-logits, kind="stable")[:TOP]) for logits in (said, bytes_said)]
                table.append(
                    (
                        spearmanr(said, bytes_said).statistic,
                        kendalltau(said, bytes_said).statistic,
                        len(best[0] & best[1]) / len(best[0]),
                        float(np.abs(said - bytes_said).mean()),
                    )
                )
    print(f"\n{len(table)} questions, {args.depth} candidates: the graph against float32\tmean\tp5\tleast")
    names = ("Spearman", "Kendall", f"overlap of the best {TOP}", "mean difference of logits")
    for title, column in zip(names, np.array(table).T, strict=True):
        print(
            f"{title}\t{np.nanmean(column):.4f}\t{np.nanpercentile(column, 5):.4f}\t{np.nanmin(column):.4f}"
        )


def _grouped(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    for name, group in itertools.groupby(sorted(rows, key=lambda row: row["repo"]), lambda row: row["repo"]):
        yield name, list(group)


def _texts(repository: Repository, query: str, args: argparse.Namespace) -> list[str]:
    """Return what the model would be shown of the first stage's best, whole."""
    view = repository.view()
    candidates = first_stage.candidates_of(view, read_need(query), limit=args.depth)
    passages = view.chunk_texts(candidate.chunk for candidate in candidates)
    return [pair_text(passage.chunk, passage.text) for passage in passages]


def _layers(model: Any) -> Any:
    return model[0].auto_model.bert.encoder.layer


def _read_usually(model: Any, query: str, texts: Sequence[str]) -> Took:
    """Read as sentence-transformers does."""
    wall, cpu = time.perf_counter(), time.process_time()
    model.predict([(query, text) for text in texts], batch_size=USUAL_BATCH, show_progress_bar=False)
    return time.perf_counter() - wall, time.process_time() - cpu


@contextmanager
def _served(root: Path, args: argparse.Namespace) -> Iterator[tuple[Server, float]]:
    """Start a server and list its tools, as clients do; also tell when it was started."""
    options = ["--cache", str(args.cache), "--model", args.model, "--rerank-depth", str(args.depth)]
    command = [sys.executable, "-m", "mcp_server", "serve", str(root), *options, "--rerank-weight", "0.5"]
    started = time.perf_counter()
    with serving(command) as server:
        greet(server)
        yield server, started


if __name__ == "__main__":
    main()

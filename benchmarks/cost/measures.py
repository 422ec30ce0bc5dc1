"""What goldrank costs in the scale benchmark: each measure in a process of its own, started by scale.py.

    python -m benchmarks.cost.measures MEASURE --corpus CORPUS --folder WORK --root DIR --cache CACHE

Prints one JSON object, measure by name: times in seconds (p50 and p95 in milliseconds), memory and disk in
bytes. Queries are not reranked: a cross-encoder reads the same few candidates however large the corpus is.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from tqdm import tqdm

from benchmarks.cost.peers import QUESTIONS, TERMS, peak_bytes, percentiles, size_bytes
from retrieval.chunks import split_file, tokenizer
from retrieval.chunks.chunk_text import ChunkText
from retrieval.chunks.stored_chunk import StoredChunk, unspaced
from retrieval.files import exclusion, walker
from retrieval.rank import ranker
from retrieval.rank.confidence import judge
from retrieval.rank.need import read_need
from retrieval.search import first_stage, searcher
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

TOP_K = 8
EDITS = 10
STARTS = 5  # fresh processes, of which the median counts
SERVED = 20  # questions asked with a look at the disk before each
FEW, MANY = 1_000, 10_000  # queries after which memory is read
PATIENCE_S, POLL_S = 7200.0, 1.0
_WORD = re.compile(r"\w+")
_SEARCHED = re.compile(r"([\d,]+) chunks")  # in the first line of a reply


@dataclass(frozen=True, slots=True)
class Site:
    """Where things are.

    Attributes:
        corpus: What corpora.py made.
        folder: What is handed to the peers.
        root: What is indexed: the corpus's files or a copy.
        cache: Where its index lies.
    """

    corpus: Path
    folder: Path
    root: Path
    cache: Path

    def repository(self) -> Repository:
        """Open the root."""
        return Repository(self.root, cache=self.cache, max_bytes=Settings().max_file_bytes)

    def questions(self) -> list[str]:
        """Read the questions."""
        lines = (self.corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["query"] for line in lines]


def main() -> None:
    """Take one measure and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measure", choices=MEASURES)
    for name in ("--corpus", "--folder", "--root", "--cache"):
        parser.add_argument(name, type=Path, required=True)
    args = parser.parse_args()
    print(json.dumps(MEASURES[args.measure](Site(args.corpus, args.folder, args.root, args.cache))))


def terms(site: Site) -> dict[str, float]:
    """Write for the peers each chunk's terms, and each question's stems and words without stop words."""
    files = chunks = 0
    with (site.folder / TERMS).open("w", encoding="utf-8") as out:
        for _, cut in cut_below(site.root):
            files += 1
            chunks += len(cut)
            out.writelines(unspaced(stored.body) + "\n" for stored in cut)
    with (site.folder / QUESTIONS).open("w", encoding="utf-8") as out:
        for text in site.questions():
            words = [word for word in _WORD.findall(text) if word.lower() not in tokenizer.QUERY_STOP_WORDS]
            row = {"query": text, "stems": read_need(text).stems, "words": words or text.split()}
            out.write(json.dumps(row) + "\n")
    return {"files": files, "chunks": chunks, "terms": (site.folder / TERMS).stat().st_size}


def cut_below(root: Path) -> Iterator[tuple[str, Sequence[StoredChunk]]]:
    """Cut every file of a folder that a search may find."""
    root = walker.resolve_root(root)
    for path in walker.walk(root, max_bytes=Settings().max_file_bytes).files:
        data = walker.read(root, path)
        if not exclusion.reason_in_content(path, data):
            yield path, split_file.split(path, data).chunks


def index(site: Site) -> dict[str, float]:
    """Bring the index up to date and tell memory and disk."""
    repository = site.repository()
    with tqdm(unit="file", disable=None, leave=False) as bar:
        spent = _cost(lambda: repository.refresh(progress=lambda done, _total: _advance(bar, done)))
    store = size_bytes(repository.store_folder)
    return {
        "refresh_cpu": spent.cpu,
        "build_rss": peak_bytes(),
        "disk": store,
        "kept": size_bytes(site.cache) - store,
        "chunks": len(repository.view().snapshot),
    }


def first(site: Site) -> dict[str, float]:
    """Ask one question on the command line, in fresh processes, of an index that is there."""
    return _told("first", [_cli(site) for _ in range(STARTS)])


def queries(site: Site) -> dict[str, float]:
    """Ask every question of one open index; then some as a search does, which looks at the disk first."""
    repository = site.repository()
    repository.refresh()
    asked = [_cost(partial(answer, repository, text)).cpu for text in site.questions()]
    request = partial(searcher.Request, top_k=TOP_K, rerank="no")
    some = site.questions()[:SERVED]
    served = [_cost(partial(_served, repository, request(text))) for text in some]
    return {
        **percentiles([1000 * cpu for cpu in asked]),
        "rss": peak_bytes(),
        "served_cpu": statistics.median(cost.cpu for cost in served),
        "served_wall": statistics.median(cost.wall for cost in served),
    }


def _served(repository: Repository, request: searcher.Request) -> searcher.Answer:
    """Search as a server does: bring the index up to date first."""
    done = repository.refresh()
    return searcher.search(repository.view(), request, None, refresh=done)


def growth(site: Site) -> dict[str, float]:
    """Ask the questions over and over and tell how memory grows."""
    repository = site.repository()
    repository.refresh()
    found: dict[str, float] = {}
    questions = islice(cycle(site.questions()), MANY)
    for count, text in enumerate(tqdm(questions, total=MANY, disable=None, leave=False), 1):
        answer(repository, text)
        if count in {FEW, MANY}:
            found[f"rss_{count}"] = _resident_bytes()
    return found


def update(site: Site) -> dict[str, float]:
    """Search after one file changed: in a process that goes on, then in fresh ones."""
    repository = site.repository()
    repository.refresh()
    text = site.questions()[0]
    answer(repository, text)
    idle = [_cost(repository.refresh) for _ in range(STARTS)]
    refreshes, searches, watched, fresh = [], [], [], []
    listed = repository.view().paths
    paths = listed[:: max(1, len(listed) // EDITS)][:EDITS]
    for path in tqdm(paths, unit="edit", disable=None, leave=False):
        with edited(repository.root / path):
            refreshes.append(_cost(repository.refresh))
            searches.append(_cost(partial(answer, repository, text)))
        repository.refresh()
        with edited(repository.root / path):  # as a server in a large tree does, which is told what changed
            watched.append(_cost(partial(repository.refresh, touched=frozenset({path}))))
        repository.refresh()
    for path in paths[:STARTS]:
        with edited(repository.root / path):
            fresh.append(_cli(site))
        repository.refresh()
    return {
        **_told("idle", idle),
        **_told("edit", refreshes),
        **_told("asked", searches),
        **_told("watched", watched),
        **_told("fresh", fresh),
    }


def server(site: Site) -> dict[str, float]:
    """Start a server on a root that was never indexed; time its first reply and the first over all of it."""
    return anyio.run(_serve, site)


async def _serve(site: Site) -> dict[str, float]:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server", "serve", str(site.root), "--cache", str(site.cache)],
        env=dict(os.environ),
    )
    total = json.loads((site.corpus / "corpus.json").read_text(encoding="utf-8"))["chunks"]
    questions = site.questions()[:SERVED]
    start = time.perf_counter()
    async with Client(command, read_timeout_seconds=PATIENCE_S) as client:
        found: dict[str, float] = {"server_up": time.perf_counter() - start}
        searched = 0
        while searched < total and time.perf_counter() - start < PATIENCE_S:
            searched = await _ask(client, questions[0])
            found.setdefault("server_first", time.perf_counter() - start)
            found.setdefault("server_first_chunks", searched)
            await anyio.sleep(0 if searched >= total else POLL_S)
        found["server_whole"] = time.perf_counter() - start
        pid = _child()
        found["server_rss"], cpu = peak_bytes(pid), _cpu_of(pid)
        walls = []
        for question in questions:
            asked = time.perf_counter()
            await _ask(client, question)
            walls.append(time.perf_counter() - asked)
        found["server_asked_cpu"] = (_cpu_of(pid) - cpu) / len(questions)
        found["server_asked_wall"] = statistics.median(walls)
    return found


async def _ask(client: Client, question: str) -> int:
    """Ask a server without reranking; return how many chunks it says that it searched."""
    reply = await client.call_tool("rag_search", {"query": question, "rerank": False})
    text = "\n".join(content.text for content in reply.content)  # type: ignore[union-attr]  # text is all we send
    match = _SEARCHED.search(text.partition("\n")[0])
    return int(match[1].replace(",", "")) if match else 0


def _child() -> int:
    """Return the one process that this one started (Linux)."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return int(children.read_text(encoding="utf-8").split()[0])


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds of another process and of those that it waited for (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def answer(repository: Repository, text: str) -> list[ChunkText]:
    """Answer from the index as it is: the whole first stage, and the lines of its best."""
    view = repository.view()
    need, snapshot = read_need(text), view.snapshot
    features = first_stage.features_of(view, need)
    placed = ranker.rank(features, ranker.weights_for(need), limit=TOP_K)
    judge(need, snapshot, features, placed)
    return view.chunk_texts(candidate.chunk for candidate in placed)


@contextmanager
def edited(file: Path) -> Iterator[None]:
    """Let a file have a line more, for a while."""
    before, status = file.read_bytes(), file.stat()
    file.write_bytes(before + b"\nscale benchmark edit\n")
    try:
        yield
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@dataclass(frozen=True, slots=True)
class _Cost:
    cpu: float  # seconds
    wall: float


def _cost(step: Callable[[], object]) -> _Cost:
    cpu, wall = _cpu(), time.perf_counter()
    step()
    return _Cost(_cpu() - cpu, time.perf_counter() - wall)


def _cpu() -> float:
    """Return the CPU seconds of this process and of what it started and waited for, such as git."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + usage.ru_utime + usage.ru_stime


def _cli(site: Site) -> _Cost:
    """Search once from the command line, with whatever that process starts."""
    command = [sys.executable, "-m", "mcp_server", "search", site.questions()[0], "--no-rerank"]
    start = time.perf_counter()
    with subprocess.Popen(
        [*command, "--repo", site.root, "--cache", site.cache], stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return _Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start)


def _told(name: str, costs: Sequence[_Cost]) -> dict[str, float]:
    return {
        f"{name}_cpu": statistics.median(cost.cpu for cost in costs),
        f"{name}_wall": statistics.median(cost.wall for cost in costs),
    }


def _advance(bar: Any, done: int) -> None:
    bar.update(done - bar.n)


def _resident_bytes() -> int:
    """Return the memory that this process holds now (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


MEASURES: dict[str, Callable[[Site], dict[str, float]]] = {
    "terms": terms,
    "index": index,
    "first": first,
    "queries": queries,
    "growth": growth,
    "update": update,
    "server": server,
}


if __name__ == "__main__":
    main()

"""kill -9 at random moments of indexing and updating, with servers that answer meanwhile.

    python -m benchmarks.robustness.kill_random --source DIR [--kills 240] [--servers 2] [--seed 1]

Copies DIR (any folder with Python files) and edits the copy round by round. In each round one or two
processes bring its index up to date and are killed after a random part of the time that such work takes; now
and then a server is killed too and started anew. The servers are asked without pause; `truth.py` judges
their replies.

After each round a fresh process brings the index up to date. Then the whole index, every chunk of it, is held
against the files that git lists, cut anew here. Whatever takes longer than LIMIT_S counts as hung.
"""

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
import anyio.to_thread
import numpy as np
import tantivy

from benchmarks.robustness.edit_journal import Editor, Journal, copied
from benchmarks.robustness.killed_server import HITS, LIMIT_S, Server, Told, cache_of
from retrieval.chunks import chunker
from retrieval.chunks.stored_chunk import StoredChunk
from retrieval.files import encoding, exclusion, walker
from retrieval.index import integrity
from retrieval.index.reader import schema
from retrieval.records import Chunk
from retrieval.sync import chunk_cache
from retrieval.sync.repository import Repository
from retrieval.sync.store import store_folder

MAX_BYTES = 1_000_000  # as by default
COLD = ("first", "first, nothing cut before", "rebuild")
KINDS = ("update", *COLD, "command")
SHARES = (10, 3, 3, 3, 3)  # how often each kind is killed
SWITCH = (20, 60)  # edits of a round that is like a branch switch
FEW = (1, 6)  # edits of any other round
SERVERS_TOO = 0.4  # of the rounds: servers write as well, and are killed in the middle of it
QUIET = 0.4  # of the rounds: servers that nobody asks leave the work to the victims
EDITED_MEANWHILE = 0.3  # of the rounds: edits come while the index is written
ENOUGH = 20  # faults to look into


# What a victim runs: it says where it is, so that it is known what a kill has hit. It begins when it is told,
# since a server would else have done its work before it is up.
VICTIM = """
import sys
from contextlib import contextmanager
from pathlib import Path
from mcp_server.cli import main
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store

writing = Store.writing

@contextmanager
def told(self, *, patience_s):
    with writing(self, patience_s=patience_s):
        print("writing", flush=True)
        yield
    print("written", flush=True)

Store.writing = told
_, kind, root, cache = sys.argv
print("ready", flush=True)
sys.stdin.readline()
print("begun", flush=True)
if kind in ("rebuild", "command"):
    sys.argv[1:] = ["index", root, "--cache", cache, *(["--rebuild"] if kind == "rebuild" else [])]
    main()
Repository(Path(root), cache=Path(cache), max_bytes=1_000_000).refresh(patience_s=60)
print("done", flush=True)
"""

FRESH = """
import sys
from pathlib import Path
from retrieval.sync.repository import Repository
done = Repository(Path(sys.argv[1]), cache=Path(sys.argv[2]), max_bytes=1_000_000).refresh(patience_s=60)
assert not done.pending, done
"""


def main() -> None:
    """Read the arguments, run, print the counts; exit 1 on any fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=240)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    start = time.monotonic()
    with copied(args.source) as root:
        told = anyio.run(run, root, args)
    for name, count in sorted(told.counts.items()):
        print(f"{count:>7} {name}")
    print(f"seconds to a reply: p50 {np.percentile(told.waits, 50):.2f}, longest {max(told.waits):.1f}")
    for fault in told.faults[:50]:
        print(fault)
    print(f"{len(told.faults)} faults in {time.monotonic() - start:.0f} s")
    sys.exit(bool(told.faults))


async def run(root: Path, args: argparse.Namespace) -> Told:
    """Let servers answer while the rounds go on, and ask each once more when they are over."""
    told, journal = Told(), Journal()
    is_over, quiet = threading.Event(), threading.Event()
    editor = Editor(root, journal, seed=args.seed)
    servers = [Server(root, number, quiet, seed=args.seed) for number in range(args.servers)]
    async with anyio.create_task_group() as group:
        for server in servers:
            group.start_soon(server.answer, journal, is_over, told)
        await anyio.to_thread.run_sync(partial(rounds, root, editor, servers, args, told))
        is_over.set()
    return told


def rounds(root: Path, editor: Editor, servers: "list[Server]", args: argparse.Namespace, told: Told) -> None:
    """Edit, kill and check until there were enough kills."""
    quiet = servers[0].quiet  # of all
    chooser = random.Random(args.seed)  # noqa: S311 - to be repeated, not to be secret
    check(root, told)
    quiet.set()
    lasting = {kind: work(root, editor, kind, chooser) for kind in KINDS}
    quiet.clear()
    told.counts.update(
        {f"ms that this takes, unkilled: {kind}": round(1000 * s) for kind, s in lasting.items()}
    )
    while told.counts["kills"] < args.kills and len(told.faults) <= ENOUGH:
        (kind,) = chooser.choices(KINDS, SHARES)
        victims = [Victim(root, kind) for _ in range(chooser.choice((1, 1, 2)))]
        doomed: list[Victim | Server] = [*victims]
        if chooser.random() < SERVERS_TOO:
            doomed.append(chooser.choice(servers))
        if chooser.random() < QUIET:
            quiet.set()
            told.counts["rounds in which the servers are asked only after the kills"] += 1
        edit(editor, chooser)
        unmake(root, kind)
        for victim in victims:
            victim.begin()
        if chooser.random() < EDITED_MEANWHILE:
            edit(editor, chooser)
        chooser.shuffle(doomed)
        for one in doomed:
            time.sleep(chooser.uniform(0, 1.2 * lasting[kind] / len(doomed)))
            one.kill(told)
        quiet.clear()
        told.counts["rounds"] += 1
        check(root, told)
    told.counts["files left over in the store at the end"] = len(left_over(root))


def edit(editor: Editor, chooser: random.Random) -> None:
    """Make a few edits, or as many as a branch switch does."""
    for _ in range(chooser.randint(*chooser.choice((FEW, SWITCH)))):
        editor.step()


def unmake(root: Path, kind: str) -> None:
    """Throw away what a first indexing must not find."""
    if kind == "first, nothing cut before":
        chunk_cache.remove(cache_of(root))
    if kind.startswith("first"):
        Repository(root, cache=cache_of(root), max_bytes=MAX_BYTES).rebuild()


def work(root: Path, editor: Editor, kind: str, chooser: random.Random) -> float:
    """Measure how long a kind of work takes when nobody kills it, seconds."""
    victim = Victim(root, kind)
    for _ in range(chooser.randint(*SWITCH)):
        editor.step()
    unmake(root, kind)
    start = time.monotonic()
    victim.begin()
    victim.process.communicate(timeout=LIMIT_S)
    return time.monotonic() - start


class Victim:
    """A process that brings the index up to date once it is told to, and is killed."""

    def __init__(self, root: Path, kind: str) -> None:
        command = [sys.executable, "-c", VICTIM, kind, str(root), str(cache_of(root))]
        self.kind = kind
        self.process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        self.process.stdout.readline()  # type: ignore[union-attr]  # a pipe; it says "ready"

    def begin(self) -> None:
        """Let it begin."""
        self.process.stdin.write(b"\n")  # type: ignore[union-attr]  # a pipe
        self.process.stdin.flush()  # type: ignore[union-attr]  # a pipe

    def kill(self, told: Told) -> None:
        """Kill it and note what that hit."""
        self.process.kill()
        said = self.process.communicate(timeout=LIMIT_S)[0].decode().splitlines()
        was_alive = self.process.returncode < 0
        told.counts["kills"] += was_alive
        last = said[-1] if said and said[-1] in HITS else "done"
        hit = HITS[last] if was_alive else "too late, it had ended"
        told.counts[f"kill of {self.kind}: {hit}"] += 1


def check(root: Path, told: Told) -> None:
    """Let a fresh process bring the index up to date; hold all that is in it against the disk."""
    command = [sys.executable, "-c", FRESH, str(root), str(cache_of(root))]
    try:
        fresh = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        told.faults.append(f"a fresh process hung for {LIMIT_S:.0f} s")
        return
    if fresh.returncode:
        told.faults.append(f"a fresh process failed: {fresh.stderr[-500:]}")
    folder = store_folder(cache_of(root), root) / "chunks"
    there, wanted = Counter(indexed(folder)), Counter(on_disk(root))
    told.counts["chunks held against the disk"] += sum(wanted.values())
    told.counts["files held against the disk"] += len({chunk.path for chunk in wanted})
    for what, chunks in (("lost", wanted - there), ("not on disk", there - wanted)):
        told.faults.extend(f"{what}: {chunk}" for chunk in list(chunks)[:5])
    told.faults.extend(f"damaged: {name}" for name in integrity.damaged(folder))


def left_over(root: Path) -> list[str]:
    """Name the files of killed processes that lie in the store and belong to nothing."""
    store = store_folder(cache_of(root), root)
    segments = json.loads((store / "chunks" / "meta.json").read_bytes())["segments"]
    live = {segment["segment_id"].replace("-", "") for segment in segments}
    lost = [path for path in (store / "chunks").iterdir() if path.name.partition(".")[0] not in live]
    known = ("meta.json", ".managed.json", ".tantivy-meta.lock", ".tantivy-writer.lock")
    lost = [path for path in lost if path.name not in known]
    return [path.name for path in (*lost, *store.glob("published.*"), *store.glob("cookies/*"))]


def indexed(folder: Path) -> Iterator[Chunk]:
    """Read every chunk of an index."""
    opened = tantivy.Index(schema(), path=str(folder))
    searcher = opened.searcher()
    for _, address in searcher.search(tantivy.Query.all_query(), max(1, searcher.num_docs)).hits:
        yield StoredChunk.from_bytes(searcher.doc(address)["record"][0]).chunk


def on_disk(root: Path) -> Iterator[Chunk]:
    """Cut every file that git lists and a search may read."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-zco", "--exclude-standard"], capture_output=True, check=True
    )
    paths = [path for path in listed.stdout.decode().split("\0") if path and (root / path).exists()]
    for path in walker.judged(root, paths, max_bytes=MAX_BYTES).files:
        yield from cut(path, (root / path).read_bytes())


@lru_cache(10_000)
def cut(path: str, data: bytes) -> tuple[Chunk, ...]:
    """Cut a file as it is now."""
    return (
        ()
        if exclusion.reason_in_content(path, data)
        else tuple(chunker.chunk_file(path, encoding.decode(data).text))
    )


if __name__ == "__main__":
    main()

"""Questions to a server whose index is not ready: answered in a moment, and what is missing is said."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import MAX_BYTES, found, git, write
from mcp import Client

from mcp_server.protocol.tools import build_server
from mcp_server.serving.background_index import BackgroundIndexer
from mcp_server.serving.workspace import Workspace
from retrieval.errors import CancelledError, RootError
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store, store_folder
from retrieval.sync.sync import Refresh

FOREVER_S = 60.0


def opened(root: Path) -> Repository:
    """Open a repository with its cache beside it."""
    return Repository(root, cache=root.parent / "cache", max_bytes=MAX_BYTES)


def never() -> bool:
    """Tell that nobody cancelled."""
    return False


def writing(root: Path) -> Store:
    """Return the store of a root, whose lock a test may hold."""
    return Store(store_folder(root.parent / "cache", root.resolve()))


def until_whole(indexer: BackgroundIndexer) -> Refresh:
    """Ask until nothing is pending."""
    deadline = time.monotonic() + FOREVER_S
    while (done := indexer.refresh(is_cancelled=never)).pending and time.monotonic() < deadline:
        pass
    return done


def until_watched(indexer: BackgroundIndexer, repository: Repository) -> None:
    """Ask until a question is answered without a look through the whole tree."""
    deadline = time.monotonic() + FOREVER_S
    while time.monotonic() < deadline:
        before = repository.listing_s
        indexer.refresh(is_cancelled=never)
        if repository.listing_s == before:
            return
    pytest.fail("the watch never began")


def test_a_question_waits_a_moment_for_what_is_quick(example: Path) -> None:
    """An edit is indexed in milliseconds; the answer should know it."""
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=FOREVER_S)
    assert indexer.refresh(is_cancelled=never).changed == 4
    write(example, {"src/new.py": "def gamma(): pass\n"})
    assert indexer.refresh(is_cancelled=never) == Refresh(changed=1)
    assert found(repository, "gamma") == ["src/new.py"]


def test_a_question_does_not_wait_for_another_process(example: Path) -> None:
    """What that process does may take minutes."""
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=0.05)
    with writing(example).writing(patience_s=1):
        done = indexer.refresh(is_cancelled=never)
        assert done.pending
        assert "the index is being made" in done.note
    assert until_whole(indexer).pending == 0
    assert found(repository, "rateLimit") == ["src/limits.ts"]


@contextmanager
def indexing_elsewhere(root: Path, done: int, total: int) -> Iterator[int]:
    """Have another process hold the lock of a root, so far as it says; yield its number."""
    folder = str(writing(root).folder)
    code = (
        "import sys; from pathlib import Path; from retrieval.sync.store import Store\n"
        f"store = Store(Path({folder!r}))\n"
        "with store.writing(patience_s=60):\n"
        f"    store.lock.report_progress({done}, {total}); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.stdin.close()


def test_a_question_does_not_wait_in_vain(example: Path) -> None:
    """Where the whole takes minutes, some seconds more bring no better answer."""
    indexer = BackgroundIndexer(opened(example), wait_s=FOREVER_S)
    start = time.monotonic()
    with indexing_elsewhere(example, 3, 10**9) as pid:
        done = indexer.refresh(is_cancelled=never)
        assert done.pending
        assert (
            f"the index is being made: another goldrank process ({pid}, 3 of 1,000,000,000 files" in done.note
        )
    assert time.monotonic() - start < FOREVER_S, "it waited for all of its patience"


def test_a_whole_index_is_not_said_to_be_made(example: Path) -> None:
    """Who reads that nothing is indexed yet asks again, or not at all."""
    opened(example).refresh()
    write(example, {"src/new.py": "def gamma(): pass\n"})
    indexer = BackgroundIndexer(opened(example), wait_s=FOREVER_S)
    with indexing_elsewhere(example, 3, 10**9):
        done = indexer.refresh(is_cancelled=never)
    assert "the index is being brought up to date" in done.note


def test_a_question_hears_that_it_is_waited_for(example: Path) -> None:
    """A client ends a call that says nothing."""
    told: list[tuple[int, int]] = []
    indexer = BackgroundIndexer(opened(example), wait_s=0.2)
    with writing(example).writing(patience_s=1):
        indexer.refresh(progress=lambda *far: told.append(far), is_cancelled=never)
    assert (0, 0) in told, "before a total is known"


def test_an_edit_is_answered_or_said_to_be_pending_on_a_busy_machine(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An assistant asks for what it wrote this moment while a build takes every core."""
    monkeypatch.setattr("mcp_server.serving.background_index.WATCH_FROM_S", 0.0)
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=0.5)
    until_whole(indexer)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        for number in range(10):
            write(example, {f"src/n{number}.py": f"def gamma_{number}(): pass\n"})
            done = indexer.refresh(is_cancelled=never)
            assert done.pending or f"src/n{number}.py" in found(repository, f"gamma_{number}")
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_cancelled_question_lets_the_index_be_made(example: Path) -> None:
    """The next question will want it."""
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=FOREVER_S)
    with writing(example).writing(patience_s=1), pytest.raises(CancelledError):
        indexer.refresh(is_cancelled=lambda: True)
    assert not until_whole(indexer).pending
    assert found(repository, "rateLimit") == ["src/limits.ts"]


def test_a_question_is_not_answered_by_a_look_that_began_before_it(example: Path) -> None:
    """Else an edit made while the index is being made would be missed by the next question."""
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=FOREVER_S)
    answers: list[list[str]] = []
    with writing(example).writing(patience_s=1):
        indexer.begin()  # it has looked, or is about to, and waits for the lock
        write(example, {"src/late.py": "def gamma(): pass\n"})

        def ask() -> None:
            indexer.refresh(is_cancelled=never)
            answers.append(found(repository, "gamma"))

        asking = threading.Thread(target=ask)
        asking.start()
    asking.join(FOREVER_S)
    assert answers == [["src/late.py"]]


def test_a_root_that_vanished_is_told_to_every_question_until_it_is_back(example: Path) -> None:
    """A failure in the background must not be lost, nor last."""
    indexer = BackgroundIndexer(opened(example), wait_s=FOREVER_S)
    example.rename(example.parent / "gone")
    for _ in range(2):
        with pytest.raises(RootError, match="does not exist"):
            indexer.refresh(is_cancelled=never)
    (example.parent / "gone").rename(example)
    assert indexer.refresh(is_cancelled=never).changed == 4


def test_what_was_touched_while_a_look_failed_is_not_forgotten(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells of a change once; whoever hears it and fails must look at everything."""
    monkeypatch.setattr("mcp_server.serving.background_index.WATCH_FROM_S", 0.0)
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=FOREVER_S)
    until_watched(indexer, repository)
    away = example.rename(example.parent / "away")
    write(away, {"src/client.py": "def gamma(): pass\n"})
    with pytest.raises(RootError):
        indexer.refresh(is_cancelled=never)
    away.rename(example)
    assert indexer.refresh(is_cancelled=never).changed == 1
    assert found(repository, "gamma") == ["src/client.py"]


def test_a_watched_tree_is_followed(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large tree no question looks through everything, and none misses an edit."""
    monkeypatch.setattr("mcp_server.serving.background_index.WATCH_FROM_S", 0.0)
    git(example, "init", "-q")
    write(example, {".gitignore": "out/\n"})
    repository = opened(example)
    indexer = BackgroundIndexer(repository, wait_s=FOREVER_S)
    until_watched(indexer, repository)
    looks = 0
    for number in range(20):
        before = repository.listing_s
        write(example, {f"src/n{number}.py": f"def gamma_{number}(): pass\n", f"out/{number}.py": "x"})
        assert indexer.refresh(is_cancelled=never).pending == 0
        assert f"src/n{number}.py" in found(repository, f"gamma_{number}")
        looks += repository.listing_s != before
    assert looks < 20, "each looked through everything"  # out/ is new at first, and a machine may be busy
    (example / "src").rename(example / "lib")
    assert indexer.refresh(is_cancelled=never).pending == 0
    assert found(repository, "rateLimit") == ["lib/limits.ts"]
    assert not any(path.startswith(("src/", "out/")) for path in repository.view().paths)


def test_what_the_system_did_not_tell_is_found_by_a_sweep(example: Path) -> None:
    """Some writes are never told: through a mapped file, or from another machine."""
    repository = opened(example)
    repository.refresh()
    write(example, {"src/client.py": "def gamma(): pass\n", "src/new.py": "def delta(): pass\n"})
    (example / "README.md").unlink()
    repository.refresh(
        touched=frozenset()
    )  # may find the others: files that changed this moment are read again
    assert found(repository, "delta") == [], "nothing was told"
    missed = repository.changed_since_listed()
    assert missed >= {"src/new.py"}
    repository.refresh(touched=missed)
    assert found(repository, "gamma") == ["src/client.py"]
    assert found(repository, "delta") == ["src/new.py"]
    assert "README.md" not in repository.view().paths


@pytest.mark.anyio
async def test_the_first_answer_comes_from_names_while_nothing_is_indexed(example: Path) -> None:
    """A client gives up on a tool that does not answer; this one says what it has and what it lacks."""
    settings = Settings(cache=example.parent / "cache", model="", index_wait_s=0.05)
    write(example, {".env": "RATE_LIMITS=secret\n", "limits.bin": b"\0limits"})
    with writing(example).writing(patience_s=1):
        writing(example).lock.report_progress(3, 10)
        async with Client(build_server(Workspace([example], settings), version="0")) as client:
            result = await client.call_tool("rag_search", {"query": "where are the limits of requests"})
            filtered = await client.call_tool("rag_search", {"query": "limits", "path": ["tests/"]})
    (content,), (nothing,) = result.content, filtered.content
    assert content.type == nothing.type == "text"
    assert "example (being updated) | " in content.text
    assert "only files with matching names were read" in content.text
    assert f"another goldrank process ({os.getpid()}" not in content.text, "it is our own"
    assert "what is not indexed yet is not found" in content.text
    assert "1. src/limits.ts:1-3" in content.text
    assert "secret" not in content.text
    assert "limits.ts" not in nothing.text


def test_the_past_is_read_behind_the_first_answer_and_follows_head(tmp_path: Path) -> None:
    """Messages are evidence, but no question waits until all of them are read."""
    root = write(tmp_path / "root", {"a.py": "x = 1\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "Feed the walrus")
    repository = opened(root)
    indexer = BackgroundIndexer(repository, wait_s=FOREVER_S)
    indexer.refresh(is_cancelled=never)
    deadline = time.monotonic() + FOREVER_S
    while not repository.view().past and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(repository.view().past.files(["walru"])) == ["a.py"]
    git(root, "commit", "-q", "--amend", "-m", "Feed the penguin")
    indexer.refresh(is_cancelled=never)
    assert list(repository.view().past.files(["penguin"])) == ["a.py"]
    assert not repository.view().past.files(["walru"])
    indexer.stop()

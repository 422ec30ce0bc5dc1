"""One git process reads all blobs of a repository: it must not outlive its use, nor a reader its death."""

import gc
import os
import signal
import threading
from pathlib import Path

import psutil
import pytest
from fakes import git, polled
from remotes import Remote

from retrieval.mirrors.blobs import Blobs

PATIENCE_S = 30


@pytest.fixture(name="remote")
def remote_fixture(tmp_path: Path) -> Remote:
    """A repository with files of many sizes."""
    return Remote(tmp_path, {f"f{n}.bin": bytes([n]) * (n * n * 100) for n in range(40)})


def names(remote: Remote) -> list[str]:
    """Name the blobs, in the order of their numbers."""
    return [git(remote.folder, "rev-parse", f"main:f{n}.bin").strip() for n in range(40)]


def test_threads_that_read_at_once_get_their_own_blobs(remote: Remote) -> None:
    """A reply that shows lines of another file is worse than none."""
    blobs, known, wrong = Blobs(remote.folder), names(remote), list[int]()

    def read(start: int) -> None:
        for n in range(start, start + 40):
            data = blobs.read(known[n % 40])
            if data != bytes([n % 40]) * ((n % 40) ** 2 * 100):
                wrong.append(n)

    threads = [threading.Thread(target=read, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    blobs.close()


def test_a_process_that_is_killed_is_started_again(remote: Remote) -> None:
    """The system may kill any process, and a server runs for months."""
    blobs, known = Blobs(remote.folder), names(remote)
    blobs.read(known[3])
    first = blobs.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert blobs.read(known[4]) == bytes([4]) * 1600
    assert blobs.pid != first
    blobs.close()


def test_the_process_ends_when_it_is_idle_closed_or_forgotten(remote: Remote) -> None:
    """Forty served repositories must not keep forty processes that nobody asks."""
    known = names(remote)
    idle = Blobs(remote.folder, idle_s=0.05)
    idle.read(known[1])
    assert polled(lambda: idle.pid is None)
    assert idle.read(known[1]) == b"\1" * 100
    closed = Blobs(remote.folder)
    closed.read(known[1])
    closed.close()
    assert closed.pid is None
    forgotten = Blobs(remote.folder)
    forgotten.read(known[1])
    pid = forgotten.pid
    del forgotten
    gc.collect()
    assert pid is not None
    assert polled(lambda: not psutil.pid_exists(pid))
    idle.close()


@pytest.mark.parametrize("name", ["0" * 40, "HEAD", "main:f1.bin\nHEAD", "", "--batch-all-objects"])
def test_what_is_no_blob_here_is_an_error_of_a_file(remote: Remote, name: str) -> None:
    """Callers know an OSError as a file that is gone; another text must not reach git's input."""
    blobs = Blobs(remote.folder)
    with pytest.raises(OSError, match=r"lacks|names no object"):
        blobs.read(name)
    tree = git(remote.folder, "rev-parse", "main^{tree}").strip()
    with pytest.raises(OSError, match="is a tree"):
        blobs.read(tree)
    blobs.close()

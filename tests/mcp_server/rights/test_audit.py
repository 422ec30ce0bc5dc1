"""The audit log: a line a call, whatever the disk does."""

import json
import threading
from pathlib import Path

import pytest

from mcp_server.rights.audit import AuditLog, Entry
from retrieval.errors import ArgumentError

ENTRY = Entry("ann", "rag_search", "answered", ("https://h/a/b",), 3, 12)


def test_each_call_is_a_line_of_json(tmp_path: Path) -> None:
    """Every tool that reads logs reads these."""
    log = AuditLog(tmp_path / "audit.log")
    log.write(ENTRY)
    log.write(Entry("line\nbreak", "rag_rerank", "refused", (), 0, 1))
    log.close()
    first, second = map(json.loads, (tmp_path / "audit.log").read_text().splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "caller": "ann",
        "tool": "rag_search",
        "outcome": "answered",
        "repositories": ["https://h/a/b"],
        "places": 3,
        "milliseconds": 12,
    }
    assert second["caller"] == "line\nbreak"


def test_the_log_is_added_to_after_a_restart_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    """A restart must not erase who read what."""
    for _ in range(2):
        log = AuditLog(tmp_path / "audit.log")
        log.write(ENTRY)
        log.close()
    assert len((tmp_path / "audit.log").read_text().splitlines()) == 2
    assert (tmp_path / "audit.log").stat().st_mode & 0o077 == 0


def test_a_log_that_is_full_is_renamed_and_old_ones_are_removed(tmp_path: Path) -> None:
    """A server that runs for years must not fill the disk."""
    log = AuditLog(tmp_path / "audit.log", most_bytes=1_000, older=2)
    for _ in range(100):
        log.write(ENTRY)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_cannot_be_written_stops_no_answer_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """`/dev/full` fails as a full disk does."""
    log = AuditLog(Path("/dev/full"))
    for _ in range(3):
        log.write(ENTRY)
    log.close()
    assert caplog.text.count("a line of the audit log is lost: [Errno 28]") == 3


def test_a_log_that_cannot_be_opened_is_refused_before_the_server_starts(tmp_path: Path) -> None:
    """An audit that records nothing is noticed when it is needed."""
    with pytest.raises(ArgumentError, match="cannot be written: No such file or directory; name a file"):
        AuditLog(tmp_path / "missing" / "audit.log")


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    """Calls end on many threads at once."""
    log = AuditLog(tmp_path / "audit.log")

    def write() -> None:
        for _ in range(50):
            log.write(ENTRY)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert len([json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]) == 400

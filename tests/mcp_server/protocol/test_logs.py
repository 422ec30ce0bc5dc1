"""The server's log: on standard error, and in a file that stays small."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_server.protocol import logs
from retrieval.settings import Settings


@contextmanager
def bare() -> Iterator[logging.Logger]:
    """Lend the root logger without pytest's handlers, as a process finds it; give it back as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    try:
        yield root
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)


def test_a_named_file_gets_what_standard_error_gets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many clients show a server's standard error nowhere."""
    file = tmp_path / "logs" / "goldrank.log"
    with bare() as root:
        logs.begin(Settings(log_file=str(file), log_level="INFO"))
        root.info("the index is whole")
        root.debug("too much")
    said = capsys.readouterr().err
    assert "INFO root: the index is whole" in said
    assert file.read_text(encoding="utf-8") == said


def test_the_files_of_a_log_stay_within_their_bound(tmp_path: Path) -> None:
    """A server runs for weeks, and nobody looks after its log."""
    with bare() as root:
        logs.begin(Settings(log_file=str(tmp_path / "log"), log_level="INFO"))
        for number in range(600):
            root.info("%d %s", number, "x" * 9_900)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["log", "log.1", "log.2", "log.3"]
    assert all(file.stat().st_size <= logs.FILE_BYTES for file in files)
    assert " 599 xxx" in files[0].read_text(encoding="utf-8")


def test_a_log_file_that_cannot_be_written_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that answers without a log is worth more than none."""
    (tmp_path / "file").touch()
    with bare() as root:
        logs.begin(Settings(log_file=str(tmp_path / "file" / "log")))
        assert len(root.handlers) == 1
    assert "file/log cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["log", "log.2"])
def test_a_file_that_holds_something_else_is_never_rolled_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A log of bounded size deletes its oldest lines: they must not be somebody's notes."""
    (tmp_path / name).write_text("my notes\n" * 200_000, encoding="utf-8")
    before = (tmp_path / name).read_bytes()
    with bare() as root:
        logs.begin(Settings(log_file=str(tmp_path / "log"), log_level="INFO"))
        for number in range(400):
            root.info("%d %s", number, "x" * 9_900)
    assert (tmp_path / name).read_bytes() == before
    assert "it holds something other than goldrank's log" in capsys.readouterr().err


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Every session of a client starts a server that logs to the same file."""
    for said in ("one", "two"):
        with bare() as root:
            logs.begin(Settings(log_file=str(tmp_path / "log"), log_level="INFO"))
            root.info(said)
    assert [line.split()[-1] for line in (tmp_path / "log").read_text().splitlines()] == ["one", "two"]

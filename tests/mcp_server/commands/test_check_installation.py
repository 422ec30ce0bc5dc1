"""Every failure that a user can meet is told by the doctor, with the command that mends it."""

import json
import os
import shutil
import sys
from collections import namedtuple
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import write

from mcp_server.clients import config_entry
from mcp_server.clients.registry import CLIENTS, Surroundings
from mcp_server.commands import check_installation, check_repository
from mcp_server.commands.check_repository import Diagnosis
from mcp_server.serving.repository_pool import open_repository
from retrieval import installation
from retrieval.files import secret_masking
from retrieval.settings import Settings
from retrieval.sync.store import Store

CLAUDE = CLIENTS[0]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Use folders of this test alone, and no model."""
    return Settings(cache=tmp_path / "cache", models=tmp_path / "models", model="")


def about(subject: str, findings: Iterable[Diagnosis]) -> Diagnosis:
    """Return the finding about something."""
    return next(finding for finding in findings if finding.subject == subject)


def around(root: Path, command: tuple[str, ...]) -> Surroundings:
    """Make surroundings in which nothing is but a project."""
    home = root.parent / "home"
    return Surroundings(root, home, home / "config", home / "codex", os.environ["PATH"], command)


def test_a_root_that_is_well_has_no_remedy(example: Path, settings: Settings) -> None:
    """A doctor that always finds something is not read."""
    open_repository(example, settings).refresh()
    findings = list(check_repository.examine(example, settings))
    assert [finding.verdict for finding in findings] == ["ok"] * 5
    assert "is whole" in about("index", findings).detail


def test_an_invalid_line_of_an_ignore_file_is_named(example: Path, settings: Settings) -> None:
    """Nothing else tells that such a line ignores nothing."""
    write(example, {".gitignore": "*.log\n[z-a]\n", "web/.gitignore": "\n\n!\n"})
    finding = about("ignore files", check_repository.examine(example, settings))
    assert finding.verdict == "warning"
    assert ".gitignore:2: '[z-a]': the range z-a is backwards" in finding.detail
    assert "web/.gitignore:3: '!': the pattern is empty" in finding.detail
    assert finding.remedy


def test_a_root_that_is_gone_is_told(tmp_path: Path, settings: Settings) -> None:
    """The commonest fault of a configuration that was copied."""
    (finding,) = check_repository.examine(tmp_path / "gone", settings)
    assert (finding.subject, finding.verdict) == ("root", "failure")
    assert "gone" in finding.detail
    assert finding.remedy


def test_a_name_that_reads_like_a_sentence_is_not_taken_for_a_remedy(
    tmp_path: Path, settings: Settings
) -> None:
    """Folders may hold any sign; the doctor's advice must not begin in the middle of a path."""
    (finding,) = check_repository.examine(tmp_path / "mine; yours", settings)
    assert finding.detail == f"{tmp_path / 'mine; yours'} does not exist"
    assert finding.remedy == "name an existing folder"


def test_a_damaged_index_is_told_with_the_command_that_makes_it_anew(
    example: Path, settings: Settings
) -> None:
    """A disk that flips bits shows nowhere else."""
    repository = open_repository(example, settings)
    repository.refresh()
    file = next((repository.store_folder / "chunks").glob("*.idx"))
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.write_bytes(data)
    finding = about("index", check_repository.examine(example, settings))
    assert finding.verdict == "failure"
    assert finding.remedy == f"goldrank index {example} --rebuild"


def test_an_index_of_another_version_is_told(example: Path, settings: Settings) -> None:
    """It explains why the first question after an upgrade takes longer."""
    repository = open_repository(example, settings)
    repository.refresh()
    (repository.store_folder / "fingerprint").write_text("of another", encoding="utf-8")
    finding = about("index", check_repository.examine(example, settings))
    assert finding.verdict == "warning"
    assert finding.remedy.endswith(f"goldrank index {example}")


def test_whoever_holds_the_lock_is_named(example: Path, settings: Settings) -> None:
    """A process that hangs with the lock keeps every other from writing."""
    repository = open_repository(example, settings)
    repository.refresh()
    (repository.store_folder / "holder").write_text(
        json.dumps({"pid": os.getppid(), "done": 3, "total": 9}), encoding="utf-8"
    )
    assert Store(repository.store_folder).lock.writer()
    finding = about("index lock", check_repository.examine(example, settings))
    assert f"({os.getppid()}, 3 of 9 files done)" in finding.detail
    assert f"kill {os.getppid()}" in finding.remedy


def test_a_limit_of_watches_that_is_too_low_is_told(
    example: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch then fails in silence, and every question looks through the tree."""
    limit = write(tmp_path, {"limit": "2\n"}) / "limit"
    monkeypatch.setattr(check_repository, "INOTIFY", limit)  # as the kernel of a small machine says it
    finding = about("watching", check_repository.examine(example, settings))
    assert finding.verdict == "warning"
    assert finding.remedy == "sudo sysctl fs.inotify.max_user_watches=524288"


def test_a_detector_that_does_not_load_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is indexed without it, and a question only says that something failed."""

    def fail() -> None:
        raise ImportError("no such wheel")

    monkeypatch.setattr(secret_masking, "prepare", fail)  # stands for a broken installation
    finding = about("secrets", check_installation.examine(settings))
    assert finding.verdict == "failure"
    assert finding.remedy.endswith(installation.again())


def test_extras_are_reported_and_a_light_installation_is_healthy(settings: Settings) -> None:
    """The tests run with all of them; `make light` asks the same of an installation without any."""
    for extra in installation.LIBRARIES:
        finding = about(f"extra {extra}", check_installation.examine(settings))
        assert (finding.verdict, finding.remedy) == ("ok", "")
        assert finding.detail.startswith("installed; ")
    assert "torch" not in about("packages", check_installation.examine(settings)).detail


def test_a_full_disk_is_told_before_it_is_full(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that cannot be written stays as it is, and its answers grow old."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1, 1, 1_000_000))
    finding = about("cache folder", check_installation.examine(settings))
    assert finding.verdict == "warning"
    assert finding.remedy.startswith("run goldrank clean")


def test_a_log_file_that_cannot_be_written_is_told(settings: Settings, tmp_path: Path) -> None:
    """The server itself goes on without it."""
    write(tmp_path, {"file": ""})
    named = replace(settings, log_file=str(tmp_path / "file" / "log"))
    assert about("log", check_installation.examine(named)).verdict == "failure"


def test_a_client_that_would_start_nothing_is_told(example: Path) -> None:
    """An environment that was removed leaves every configuration that names it."""
    gone = around(example, (str(example / "gone" / "goldrank"),))
    config_entry.introduce(CLAUDE, gone, dry_run=False)
    (finding,) = check_installation.of_clients(gone)
    assert (finding.subject, finding.verdict) == ("Claude Code", "failure")
    assert finding.remedy == "goldrank init claude-code"
    here = around(example, (sys.executable, "-P", "-m", "mcp_server"))
    config_entry.introduce(CLAUDE, here, dry_run=False)
    (finding,) = check_installation.of_clients(here)
    assert finding.verdict == "ok"


def test_a_client_that_would_serve_a_folder_that_is_gone_is_told(tmp_path: Path, example: Path) -> None:
    """Its server starts, and answers nothing."""
    zed = next(client for client in CLIENTS if client.name == "zed")
    config_entry.introduce(zed, around(example, (sys.executable, "-P", "-m", "mcp_server")), dry_run=False)
    moved = example.rename(tmp_path / "moved")
    (finding,) = check_installation.of_clients(around(moved, (sys.executable,)))
    assert finding.verdict == "failure"
    assert finding.detail == f"it is to serve {example}: no such folder"


def test_a_client_whose_file_is_invalid_is_told(example: Path) -> None:
    """The client ignores it all, and says so where nobody looks."""
    write(example, {".mcp.json": "{"})
    (finding,) = check_installation.of_clients(around(example, (sys.executable,)))
    assert (finding.subject, finding.verdict) == ("Claude Code", "warning")


def test_a_client_that_was_told_nothing_is_no_fault(example: Path) -> None:
    """Most people use one of eight."""
    assert not list(check_installation.of_clients(around(example, (sys.executable,))))

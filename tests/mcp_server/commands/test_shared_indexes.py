"""Commands and servers that share indexes say what they took up, what they published, and what is wrong."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import git, polled
from remotes import Remote

from mcp_server.cli import goldrank
from mcp_server.commands.check_installation import examine
from mcp_server.serving.workspace import Workspace
from retrieval.errors import ArgumentError
from retrieval.progress import no_progress
from retrieval.settings import Settings

PATIENCE_S = 60


@pytest.fixture(name="origin")
def origin_fixture(tmp_path: Path) -> Remote:
    """A repository that is served from its URL."""
    return Remote(tmp_path / "forge", {"src/a.py": "def answer(value):\n    return value\n"})


@pytest.fixture(name="shared")
def shared_fixture(tmp_path: Path) -> Path:
    """A folder that all machines mount."""
    made = tmp_path / "shared"
    made.mkdir()
    return made


def run(cache: Path, *arguments: str | Path, code: int = 0) -> Result:
    """Run a command on a machine."""
    command = [*map(str, arguments), "--cache", str(cache)]
    result = CliRunner().invoke(goldrank, command, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_index_and_status_say_where_an_index_came_from(origin: Remote, shared: Path, tmp_path: Path) -> None:
    """Who runs it in a pipeline wants to see in its log that the work was shared."""
    commit = git(origin.folder, "rev-parse", "main").strip()[:12]
    flag = ("--shared-indexes", shared)
    built = run(tmp_path / "one", "index", origin.url, *flag).output
    size = r"\d+\.\d MB"
    assert re.search(
        rf"shared: built on this machine; published commit {commit} in {shared}, {size} of {size} sent in ",
        built,
    )
    taken = run(tmp_path / "two", "index", origin.url, *flag).output
    assert ": 0 files indexed" in taken
    assert re.search(
        rf"shared: took up the index of commit {commit}, {size} in \d+\.\d s from {shared}\n", taken
    )
    assert (
        f"shared    took up the index of commit {commit}"
        in run(tmp_path / "two", "status", origin.url, *flag).output
    )
    assert "shared" not in run(tmp_path / "two", "status", origin.url).output


def test_a_rebuild_is_a_rebuild(origin: Remote, shared: Path, tmp_path: Path) -> None:
    """Who asks for a rebuild distrusts what there is, wherever it came from."""
    for name in ("one", "two"):
        run(tmp_path / name, "index", origin.url, "--shared-indexes", shared)
    out = run(tmp_path / "two", "index", origin.url, "--rebuild", "--shared-indexes", shared).output
    assert ": 1 file indexed" in out
    assert "shared: built on this machine" in out


def test_the_doctor_checks_the_place(shared: Path, tmp_path: Path) -> None:
    """A missing mount or right is found before a fleet is rolled out."""

    def checked(place: str) -> list[tuple[str, str, str]]:
        settings = Settings(cache=tmp_path / "cache", models=tmp_path / "models", shared_indexes=place)
        return [
            (one.verdict, one.detail, one.remedy)
            for one in examine(settings)
            if one.subject == "shared indexes"
        ]

    assert checked("") == []
    assert [(verdict, remedy) for verdict, _, remedy in checked(str(shared))] == [("ok", "")]
    assert list(shared.rglob("*.new")) == []
    ((verdict, detail, remedy),) = checked(str(tmp_path / "mnt"))
    assert verdict == "warning"
    assert "there is no folder" in detail
    assert "mkdir" in remedy
    ((verdict, detail, remedy),) = checked("s3://key:hunter2@bucket")
    assert verdict == "warning"
    assert "hunter2" not in detail + remedy


def test_a_place_with_a_credential_stops_a_command_and_a_server(origin: Remote, tmp_path: Path) -> None:
    """A setting that is wrong is said at once, and the credential is not repeated."""
    place = "s3://key:hunter2@bucket"
    with pytest.raises(ArgumentError, match="holds a credential") as refused:
        run(tmp_path / "one", "index", origin.url, "--shared-indexes", place)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ArgumentError, match="holds a credential"):
        Workspace([origin.source()], Settings(cache=tmp_path / "two", shared_indexes=place))


def test_a_server_publishes_in_the_background_and_another_takes_up(
    origin: Remote, shared: Path, tmp_path: Path
) -> None:
    """Replicas behind one address: the first question to any of them finds a whole index."""

    def served(name: str) -> Workspace:
        settings = Settings(
            cache=tmp_path / name,
            models=tmp_path / "models",
            model="",
            index_wait_s=PATIENCE_S,
            mirror_refresh_s=0,
            shared_indexes=str(shared),
        )
        return Workspace([origin.source()], settings)

    first, second = served("one"), served("two")
    view, done = first.refresh(None, progress=no_progress, is_cancelled=lambda: False)
    assert (len(view.paths), done.changed) == (1, 1)
    assert polled(lambda: bool(list(shared.glob("sources/*/*/latest"))))
    assert polled(lambda: not list(shared.glob("sources/*/*/leases/*")))
    view, done = second.refresh(None, progress=no_progress, is_cancelled=lambda: False)
    assert (len(view.paths), done.changed, done.note) == (1, 0, "")
    origin.push({"src/b.py": "def pushed(value):\n    return value\n"})
    second.mirrors.fetch([origin.source().place])
    assert polled(
        lambda: len(second.refresh(None, progress=no_progress, is_cancelled=lambda: False)[0].paths) == 2
    )
    assert polled(lambda: len(list(shared.glob("sources/*/*/commits/*"))) == 2)
    for workspace in (first, second):
        workspace.mirrors.stop()

"""Nothing that lies in a repository is run, however goldrank is started there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import write

import goldrank_launcher

SCRIPT = Path(sys.executable).with_name("goldrank")
SHOUT = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\nprint('REPOSITORY CODE RAN')\n"
NAMES = ("mcp_server", "retrieval", "click", "numpy", "mcp")
WAYS = {
    "the script": [str(SCRIPT)],
    "the launcher": [sys.executable, goldrank_launcher.__file__],
    "the launcher, as a module": [sys.executable, "-m", "goldrank_launcher"],
}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Make a project whose packages are called like ours and like what we import."""
    files = {f"{name}/__init__.py": SHOUT for name in NAMES}
    return write(tmp_path / "project", {**files, "secrets.py": SHOUT, "app.py": "def serve(): pass\n"})


def start(command: list[str], project: Path, **environment: str) -> str:
    """Search the project in a process of its own; return all that it said."""
    settings = {"GOLDRANK_CACHE": str(project.parent / "cache"), "GOLDRANK_MODEL": "nobody/none"}
    done = subprocess.run(
        [*command, "search", "serve", "--no-rerank"],
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
        env={**os.environ, **settings, **environment},
    )
    assert "app.py:1-1" in done.stdout, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("way", [way for way in WAYS if SCRIPT.exists() or way != "the script"])
@pytest.mark.parametrize("value", [".", "", ":", "{project}", "/nowhere:.:/nowhere"])
def test_a_python_path_of_the_project_runs_none_of_its_code(hostile: Path, way: str, value: str) -> None:
    """direnv, IDE terminals and clients set PYTHONPATH=. for programs of the project, and we are none."""
    said = start(WAYS[way], hostile, PYTHONPATH=value.format(project=hostile))
    assert "REPOSITORY CODE" not in said
    assert not list(hostile.rglob("*.ran"))


def test_the_module_takes_nothing_else_from_the_folder_it_is_started_in(hostile: Path) -> None:
    """Only a package with the very name that was asked for can stand before ours."""
    (hostile / "mcp_server").rename(hostile / "renamed")
    said = start([sys.executable, "-m", "mcp_server"], hostile)
    assert "REPOSITORY CODE" not in said
    assert not list(hostile.rglob("*.ran"))


def test_a_program_of_the_project_is_not_run_through_a_relative_path(hostile: Path) -> None:
    """PATH=.:… and an executable called git are enough for programs that look for it carelessly."""
    write(hostile, {"git": "#!/bin/sh\ntouch git.ran\n", "bin/git": "#!/bin/sh\ntouch git.ran\n"})
    for file in (hostile / "git", hostile / "bin/git"):
        file.chmod(0o755)
    start(WAYS["the launcher"], hostile, PATH=f".:bin::{os.environ['PATH']}")
    assert not list(hostile.rglob("*.ran"))


def test_what_goldrank_itself_is_installed_in_stays(tmp_path: Path) -> None:
    """`pip install --target DIR` is used with PYTHONPATH=DIR."""
    here = str(Path(goldrank_launcher.__file__).parent)
    entries = os.pathsep.join([here, str(tmp_path)])
    environment = {"PYTHONPATH": entries, "PATH": "/bin"}
    assert goldrank_launcher.strangers(environment) == [str(tmp_path)]
    assert goldrank_launcher.isolated(environment) == {
        "PYTHONPATH": here, "PATH": "/bin", goldrank_launcher.DROPPED: str(tmp_path),
    }  # fmt: skip
    assert goldrank_launcher.importable(["", str(tmp_path), "/x"], [str(tmp_path)]) == ["/x", here]
    assert goldrank_launcher.importable([sys.prefix, here], [sys.prefix]) == [sys.prefix, here]


def test_the_doctor_names_what_would_shadow_us(hostile: Path) -> None:
    """Whoever starts it by `python -m` there should learn why it is not ours that runs."""
    environment = {**os.environ, "PYTHONPATH": ".", "GOLDRANK_CACHE": str(hostile.parent / "cache")}
    done = subprocess.run(
        [*WAYS["the launcher"], "doctor"],
        capture_output=True, text=True, check=False, cwd=hostile, env=environment,
    )  # fmt: skip
    assert "PYTHONPATH is ignored: .; named like ours: mcp_server, retrieval" in done.stdout
    assert "never as python -m mcp_server" in done.stdout

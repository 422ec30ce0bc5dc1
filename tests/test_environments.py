"""goldrank works wherever it is started, or says in one sentence what to set; told by the command itself."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from fakes import write

import goldrank_launcher

pytestmark = pytest.mark.slow(
    reason="each case starts the program in an environment of its own, most of them indexing from nothing"
)

PLAIN = {"PATH": os.defpath}
COMMAND = [sys.executable, goldrank_launcher.__file__]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a small project whose file has a name that ASCII does not have."""
    return write(tmp_path / "project", {"t\u00fcr.py": "def open_door(door):\n    return door\n"})


def run(
    *arguments: str | Path,
    cwd: Path,
    before: tuple[str, ...] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run the command with these variables alone; whatever happens, it must not be a traceback."""
    done = subprocess.run(
        [*before, *COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env={**PLAIN, **environment},
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HOME": ""},
        {"HOME": "relative"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_a_search_needs_no_environment(project: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """Services, containers and cron start programs with next to nothing."""
    done = run(
        "search", "open the door of t\u00fcr", "--cache", tmp_path / "c", cwd=project, environment=environment
    )
    assert done.returncode == 0, done.stderr
    assert "t\u00fcr.py:1-2" in done.stdout


def test_one_index_serves_terminals_of_every_locale(project: Path, tmp_path: Path) -> None:
    """Else a file of one would be gone and new in the other, every time."""
    for environment in (
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ):
        done = run("index", "--cache", tmp_path / "c", cwd=project, environment=environment)
    assert "0 files indexed, 0 removed; 1 file" in done.stdout


def stranger() -> tuple[str, ...]:
    """Be a user that no user database knows, who may read this Python wherever it lies."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become somebody else, and setpriv is needed for it")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    before = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", *reading)
    if subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let root give its rights away so")
    return before


def test_somebody_without_a_home_is_told_what_to_set(project: Path, tmp_path: Path) -> None:
    """Containers run as numbers that are in no /etc/passwd."""
    before = stranger()
    done = run("search", "open_door", cwd=project, before=before)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "choose another cache folder with --cache DIR or GOLDRANK_CACHE=DIR" in done.stderr
    assert not list(project.glob("~*")), "no folder called ~ in the project"
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    done = run("search", "open_door", "--cache", shared / "c", cwd=project, before=before)
    assert done.returncode == 0, done.stderr
    assert "own code" in run("doctor", cwd=project, before=before).stdout


def test_an_index_that_may_only_be_read_is_not_thrown_away_as_damaged(project: Path, tmp_path: Path) -> None:
    """It may belong to somebody else, and it is whole."""
    before, cache = stranger(), {"GOLDRANK_CACHE": str(tmp_path / "c")}
    assert run("search", "open_door", cwd=project, environment=cache).returncode == 0
    done = run("search", "open_door", cwd=project, before=before, environment=cache)
    assert done.returncode == 2
    assert "damaged" not in done.stderr
    assert "Permission denied" in done.stderr
    assert "choose another cache folder with --cache DIR" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("search", "x"), ("status",), ("doctor",), ("serve",), ("models",)])
def test_a_working_folder_that_is_gone_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A terminal stays in a folder that a script removed."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; exec "$@"'
    done = run(*arguments, "--cache", tmp_path / "c", cwd=gone, before=("sh", "-c", script, "sh"))
    assert done.returncode == 2
    assert "goldrank: the working folder no longer exists" in done.stderr or ". does not exist" in done.stderr


@pytest.mark.parametrize("limit", ["ulimit -n 64", "umask 077", "umask 277"])
def test_little_is_enough(project: Path, tmp_path: Path, limit: str) -> None:
    """MacOS allows 256 open files, and careful people close their files to others."""
    before = ("sh", "-c", f'{limit}; exec "$@"', "sh")
    if limit == "umask 277" and os.geteuid() != 0:
        pytest.skip("without the right to write its own files nobody else can be served")
    for _ in range(2):
        done = run("search", "open_door", "--cache", tmp_path / "c", cwd=project, before=before)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("search", "open_door"), ("--help",), ("status",)])
def test_a_full_disk_behind_standard_output_is_told(
    project: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A result that was lost must not look like success."""
    before = ("sh", "-c", 'exec "$@" > /dev/full', "sh")
    done = run(*arguments, cwd=project, before=before, environment={"GOLDRANK_CACHE": str(tmp_path / "c")})
    assert done.returncode == 2
    assert done.stderr == "goldrank: input or output failed: No space left on device\n"


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Let children be interrupted also where a background shell ignores SIGINT, which they inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_is_never_a_traceback(project: Path, tmp_path: Path) -> None:
    """People press Ctrl-C in the first second, while modules load."""
    for tenths in (0.5, 1, 2, 4):
        started = subprocess.Popen(
            [*COMMAND, "serve", project, "--cache", tmp_path / "c"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=PLAIN,
        )  # fmt: skip
        deadline = time.monotonic() + tenths / 10
        while time.monotonic() < deadline and started.poll() is None:
            os.sched_yield()
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=60)
        assert started.returncode in {-signal.SIGINT, 128 + signal.SIGINT}
        assert "Traceback" not in said


def test_exit_codes_are_those_of_grep(project: Path, tmp_path: Path) -> None:
    """`goldrank search … && …` should go on only with something in hand."""
    where = {"GOLDRANK_CACHE": str(tmp_path / "c")}
    codes = {
        ("search", "open_door"): 0,
        ("search", "zzzqqq"): 1,
        ("search", "zzzqqq", "--json"): 1,
        ("search", "x", "--repo", "nowhere"): 2,
        ("search",): 2,
    }
    assert {asked: run(*asked, cwd=project, environment=where).returncode for asked in codes} == codes

"""Install the wheel alone, without any extra, ask both tools there, and measure what it takes on disk.

    make light                        # builds the wheel of this clone
    python -m tools.light_install dist/goldrank-*.whl

Exits with 1 and says why if a library of an extra got in, if a tool does not answer with the embedded model,
if `goldrank doctor` finds a failure, if a command that needs an extra does not name it, or if the environment
exceeds `MOST_MB`. It needs an index of packages, so it is no part of `make test`.
"""

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parent.parent
MOST_MB = 330
"""The bound, in megabytes of unpacked files without bytecode.

311 with one grammar a language: numpy has 57, onnxruntime 54, kingfisher 45, the grammars 40, goldrank
with its model 19 (docs/decisions/0025).
"""
SHOWN = 10
FORBIDDEN = (
    *("torch", "sentence_transformers", "transformers", "accelerate", "datasets", "matplotlib", "scipy"),
    *("sklearn", "safetensors", "onnx", "sympy", "pandas", "pyarrow"),
)
"""What the extras bring, and what would come with it."""
MODEL = "goldrank-crossencoder"
QUESTION = "where is a request sent again"
ANSWER = "client.py:1-2"
FILES = {
    "client.py": 'def retry(request):\n    """Send a request again after a pause."""\n',
    "table.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n",
    "README.md": "# Sample\n\nA client and a table of users.\n",
}


class WrongError(Exception):
    """The light installation is not as it should be."""


def main() -> None:
    """Install, ask, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", nargs="?", type=Path, help="a built wheel [default: build this clone's]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            check(args.wheel or build(Path(scratch) / "dist"), Path(scratch))
        except WrongError as error:
            sys.exit(f"light_install: {error}")


def check(wheel: Path, scratch: Path) -> None:
    """Run every check in an environment of its own, away from this clone.

    Raises:
        WrongError: One failed.
    """
    wheel = wheel.resolve()
    binaries = install(wheel, scratch / "venv")
    repository = scratch / "repository"
    repository.mkdir()
    for name, content in FILES.items():
        (repository / name).write_text(content, encoding="utf-8")
    plain = {name: value for name, value in os.environ.items() if name in {"PATH", "SYSTEMROOT", "TEMP"}}
    environment = {**plain, "HOME": str(scratch), "GOLDRANK_CACHE": str(scratch / "cache")}
    require_absent(binaries, environment)
    require_advice(binaries, wheel, repository, environment)
    anyio.run(ask, binaries, repository, environment)
    measure(binaries)


def build(folder: Path) -> Path:
    """Build the wheel of this clone."""
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Install a wheel into a new environment without pip; return its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    binaries = environment / ("Scripts" if os.name == "nt" else "bin")
    pip("--python", str(binaries / "python"), "install", str(wheel))
    return binaries


def pip(*arguments: str) -> None:
    """Run this environment's pip."""
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", *quiet, *arguments], check=True)


def require_absent(binaries: Path, environment: Mapping[str, str]) -> None:
    """Check that no library of an extra can be imported.

    Raises:
        WrongError: Some can.
    """
    script = f"import importlib.util as i; print(*[n for n in {FORBIDDEN!r} if i.find_spec(n)])"
    present = run([str(binaries / "python"), "-c", script], environment).stdout.split()
    if present:
        raise WrongError(f"a light installation brings {', '.join(present)}")
    print(f"absent, as they should be: {', '.join(FORBIDDEN)}")


def require_advice(binaries: Path, wheel: Path, repository: Path, environment: Mapping[str, str]) -> None:
    """Check that the doctor is content, and that what needs an extra names the command for this wheel.

    Raises:
        WrongError: It is not so.
    """
    goldrank = str(binaries / "goldrank")
    checked = run([goldrank, "doctor", str(repository)], environment)
    if checked.returncode:
        raise WrongError(f"goldrank doctor calls a light installation unhealthy:\n{checked.stdout}")
    commands: Mapping[str, tuple[str, ...]] = {
        "goldrank[train]": ("learn", "--only", "model", "--repo", str(repository)),
        "goldrank[hub]": (
            *("search", QUESTION, "--repo", str(repository)),
            *("--model", "some/crossencoder", "--rerank-weight", "0.5"),
        ),
    }
    for extra, arguments in commands.items():
        done = run([goldrank, *arguments], environment)
        said = done.stdout + done.stderr
        if "Traceback" in said or f"'{extra} @ {wheel.as_uri()}'" not in said:
            raise WrongError(f"goldrank {arguments[0]} does not say how {extra} is added:\n{said}")
    print(f"{' and '.join(commands)} are named where they are missing")


async def ask(binaries: Path, repository: Path, environment: Mapping[str, str]) -> None:
    """Call both tools as a client does.

    Raises:
        WrongError: A tool does not find the answer, or did not read with the embedded model.
    """
    command = StdioServerParameters(
        command=str(binaries / "goldrank"),
        args=["serve", str(repository), "--rerank-weight", "0.5"],
        env=dict(environment),
        cwd=str(repository.parent),
    )
    calls: Mapping[str, dict[str, object]] = {
        "rag_search": {"query": QUESTION},
        "rag_rerank": {"query": QUESTION, "candidates": sorted(FILES)},
    }
    async with Client(command) as client:
        for tool, arguments in calls.items():
            reply = await client.call_tool(tool, arguments)
            text = "\n".join(getattr(content, "text", "") for content in reply.content)
            if reply.is_error or f"1. {ANSWER}" not in text or f"+ {MODEL}" not in text.partition("\n")[0]:
                raise WrongError(f"{tool} does not answer with {ANSWER} by {MODEL}:\n{text}")
            print(f"{tool}: {text.partition(chr(10))[0]}")


def measure(binaries: Path) -> None:
    """Print the size of the environment and its largest packages.

    Raises:
        WrongError: It exceeds the bound.
    """
    script = "import sysconfig; print(sysconfig.get_path('platlib'))"
    packages = Path(run([str(binaries / "python"), "-c", script], {}).stdout.strip())
    sizes = {
        f"{item.metadata['Name']} {item.version}": _size(item)
        for item in importlib.metadata.distributions(path=[str(packages)])
    }
    total = sum(sizes.values()) / 1e6
    print(f"\n{len(sizes)} packages, {total:.0f} MB without bytecode; the bound is {MOST_MB} MB")
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True)[:SHOWN]:
        print(f"{sizes[name] / 1e6:7.1f} MB  {name}")
    if total > MOST_MB:
        raise WrongError(f"it takes {total:.0f} MB, over the bound of {MOST_MB} MB")


def _size(package: importlib.metadata.Distribution) -> int:
    files = (Path(str(package.locate_file(file))) for file in package.files or [])
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())


def run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program with these variables alone, away from this clone, and keep what it says."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=dict(environment),
        cwd=environment.get("HOME"),
    )


if __name__ == "__main__":
    main()

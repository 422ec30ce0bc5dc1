"""How many seconds lie between a push and a reply that has its lines.

    python -m benchmarks.http.freshness [--pushes 20] [--files 2000] [--nodes 4]

A bare repository, a server over HTTP with a webhook that serves its file:// URL, and a client that asks again
and again for a name that only the push has, every 50 ms from the end of `git push`. The hook is sent at once,
as a forge does it; its own delay is not in the number. With `--nodes`, a fleet on so many Ray nodes serves
it.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from mcp import Client
from mcp.types import TextContent

from benchmarks.http.fleet import started

SECRET = "f00d" * 16
PATIENCE_S = 60.0
STEP_S = 0.05
_AS = ("-c", "user.name=x", "-c", "user.email=x@example.com")


def main() -> None:
    """Push, ask, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pushes", type=int, default=20)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--nodes", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work, origin = made(Path(folder), args.files)
        secret = Path(folder, "secret")
        secret.write_text(SECRET, encoding="ascii")
        secret.chmod(0o600)
        given = Path(folder), origin, secret
        with served_by_a_fleet(*given, args.nodes) if args.nodes else served(*given) as base:
            spent = asyncio.run(measure(base, work, origin, args.pushes))
    print("files\tpushes\tp50 s\tp95 s\tslowest s")
    told = (statistics.median(spent), statistics.quantiles(spent, n=20)[-1], max(spent))
    print(args.files, len(spent), *(f"{seconds:.2f}" for seconds in told), sep="\t")


async def measure(base: str, work: Path, origin: Path, pushes: int) -> list[float]:
    """Push again and again; return the seconds until each is found."""
    body = json.dumps({"repository": {"clone_url": f"file://{origin}"}}).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    spent = []
    async with Client(f"{base}/mcp") as client, httpx2.AsyncClient() as forge:
        await found(client, "def_0_0")
        for number in range(pushes):
            name = f"pushed{''.join(chr(ord('a') + int(digit)) for digit in f'{number:03}')}"
            file = work / f"d{number % 40}" / f"f{number}.py"
            file.write_text(
                f"{file.read_text(encoding='utf-8')}\n\ndef {name}(value):\n    return value\n", "utf-8"
            )
            git(work, *_AS, "commit", "-qam", f"change {number}")
            git(work, "push", "-q", "origin", "HEAD")
            begun = time.perf_counter()
            answer = await forge.post(
                f"{base}/webhook", content=body, headers={"X-Hub-Signature-256": signature}
            )
            answer.raise_for_status()
            while f"def {name}" not in await found(client, name):
                if time.perf_counter() - begun > PATIENCE_S:
                    raise SystemExit(f"{name} was not found")
                await asyncio.sleep(STEP_S)
            spent.append(time.perf_counter() - begun)
    return spent


async def found(client: Client, name: str) -> str:
    """Search for a name."""
    result = await client.call_tool("rag_search", {"query": name, "rerank": False})
    [block] = result.content
    return block.text if isinstance(block, TextContent) else ""


def made(folder: Path, files: int) -> tuple[Path, Path]:
    """Make a bare repository with so many files, and a work tree that pushes to it."""
    work, origin = folder / "work", folder / "owner" / "name.git"
    origin.mkdir(parents=True)
    git(origin, "init", "-q", "--bare", "-b", "main")
    for number in range(files):
        file = work / f"d{number % 40}" / f"f{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(
            f"def def_{number}_{part}(value):\n    return value + {part}\n\n\n" for part in range(10)
        )
        file.write_text(text, encoding="utf-8")
    git(work, "init", "-q", "-b", "main")
    git(work, "remote", "add", "origin", str(origin))
    git(work, "add", "-A")
    git(work, *_AS, "commit", "-qm", "first")
    git(work, "push", "-q", "origin", "HEAD")
    return work, origin


@contextmanager
def served_by_a_fleet(folder: Path, origin: Path, secret: Path, nodes: int) -> Iterator[str]:
    """Start a fleet with a webhook; yields its address."""
    urls, place = folder / "urls.txt", folder / "place"
    urls.write_text(f"file://{origin}\n", encoding="utf-8")
    place.mkdir()
    given = argparse.Namespace(list=urls, place=place, work=folder)
    with started(nodes, given, "--webhook-secret-file", str(secret)) as fleet:
        yield fleet.url.removesuffix("/mcp")


@contextmanager
def served(folder: Path, origin: Path, secret: Path) -> Iterator[str]:
    """Start a server with a webhook; yields its address."""
    environment = {**os.environ, "GOLDRANK_CACHE": str(folder / "cache"), "GOLDRANK_MIRROR_REFRESH_S": "0"}
    environment["GOLDRANK_INDEX_WAIT_S"] = "120"
    command = ["serve", "--http", "127.0.0.1:0", "--rate-limit", "0", "--webhook-secret-file", str(secret)]
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_server", *command, f"file://{origin}"],
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        try:
            line = process.stderr.readline() if process.stderr else ""
            match = re.search(r"at (http://\S+)/mcp", line)
            if not match:
                raise SystemExit(line)
            yield match[1]
        finally:
            process.kill()


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()

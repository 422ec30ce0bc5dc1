"""What a server over HTTP answers to requests that no client sends.

    python -m benchmarks.http.fuzz [--requests 3000] [ROOT]

Messages are mutated by bytes and by values, headers are drawn from printable characters, methods at random;
some bodies are bombs: depths, numbers, surrogates. The server lives if every answer is one of the protocol's
refusals (no status of 500 or more, no broken connection) and it answers a client afterwards. Nothing is
random but the seed 5.
"""

import argparse
import json
import random
import re
import string
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from tqdm import tqdm

from benchmarks.cost.startup import INITIALIZE

CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "rag_search", "arguments": {"query": "retry"}},
}
BOMBS = (
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"jsonrpc":"2.0","id":' + b"1" * 50_000 + b',"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}',
    b'{"jsonrpc":"2.0","id":"\\ud800","method":"tools/call","params":{"name":"\\ud800","arguments":{}}}',
    b"\xef\xbb\xbf{}",
    b"\0" * 1000,
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e308,
    "",
    [],
    {},
    "x" * 5000,
    {"a": {}},
    "\u202e",
    "../../etc/passwd",
)
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
DRAWN = (
    *("Accept", "Content-Type", "Origin", "Last-Event-ID"),
    *("Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name"),
)
METHODS = ("POST",) * 8 + ("GET", "DELETE", "PUT", "OPTIONS", "HEAD")
SERVER_ERROR = 500


def main() -> None:
    """Send the requests, print what was answered, and fail if anything broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", nargs="?", type=Path, default=Path())
    parser.add_argument("--requests", type=int, default=3000)
    args = parser.parse_args()
    rng = random.Random(5)  # noqa: S311 - it must be repeatable
    answered: Counter[str] = Counter()
    with served(args.root) as url, httpx2.Client(timeout=60) as client:
        for number in tqdm(range(args.requests), unit="request", disable=None):
            answered[_answer(client, url, rng, number)] += 1
        last = client.post(url, json=INITIALIZE, headers=HEADERS).status_code
    for kind, count in sorted(answered.items()):
        print(f"{kind}\t{count}")
    broken = [
        kind for kind in answered if not kind.split()[1].isdigit() or int(kind.split()[1]) >= SERVER_ERROR
    ]
    if broken or last != httpx2.codes.OK:
        raise SystemExit(f"broken: {broken}; a client afterwards: {last}")
    print("a client afterwards\t200")


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a root over HTTP with a cache of its own; yield the URL of its tools."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "mcp_server", "serve", "--http", "0", "--rate-limit", "0"]
        process = subprocess.Popen(
            [*command, "--cache", cache, "--log-level", "ERROR", str(root)], stderr=subprocess.PIPE, text=True
        )
        with process:
            line = process.stderr.readline() if process.stderr else ""
            match = re.search(r"http://\S+/mcp", line)
            try:
                if not match:
                    raise SystemExit(f"the server did not start: {line}")
                yield match[0]
            finally:
                process.kill()


def _answer(client: httpx2.Client, url: str, rng: random.Random, number: int) -> str:
    """Send one request; return its method and what came of it."""
    headers, body = dict(HEADERS), json.dumps(rng.choice([INITIALIZE, CALL])).encode()
    if number < len(BOMBS):
        body = BOMBS[number]
    elif number % 3 == 0:
        body = _mutated(body, rng)
    elif number % 3 == 1:
        body = _changed(body, rng)
    else:
        printable = string.printable[:94]
        headers[rng.choice(DRAWN)] = "".join(rng.choice(printable) for _ in range(rng.randint(0, 30)))
    method = "POST" if number < len(BOMBS) else rng.choice(METHODS)
    try:
        with client.stream(method, url, content=body, headers=headers) as response:
            return f"{method} {response.status_code}"
    except httpx2.HTTPError as error:
        return f"{method} {type(error).__name__}"


def _mutated(body: bytes, rng: random.Random) -> bytes:
    """Change, insert and delete bytes."""
    found = bytearray(body)
    for _ in range(rng.randint(1, 6)):
        place, kind = rng.randrange(len(found)), rng.random()
        if kind < 0.4:  # noqa: PLR2004 - a third each, about
            found[place] = rng.randrange(256)
        elif kind < 0.7:  # noqa: PLR2004 - as above
            found[place:place] = rng.randbytes(rng.randint(1, 5))
        else:
            del found[place : place + rng.randint(1, 9)]
    return bytes(found)


def _changed(body: bytes, rng: random.Random) -> bytes:
    """Give one part of a message another value."""
    message = json.loads(body)
    inside = rng.choice([message, message["params"], message["params"].get("arguments", message)])
    inside[rng.choice(list(inside))] = rng.choice(VALUES)
    return json.dumps(message).encode()


if __name__ == "__main__":
    main()

"""Time from process start to the `initialize` answer, as a ratio to `python -c "import mcp.server"`.

    python benchmarks/startup.py [ROUNDS]

The two are measured in turns, so that a busy machine slows both; medians and their ratio are printed.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "startup", "version": "0"},
    },
}
DEFAULT_ROUNDS = 15


def main() -> None:
    """Measure in turns and print the ratio."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else DEFAULT_ROUNDS
    with tempfile.TemporaryDirectory() as root:
        pairs = [(import_only(), to_initialize(Path(root))) for _ in range(rounds + 1)][
            1:
        ]  # the first one warms up
    imports, answers = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import mcp.server      {imports:.3f} s (median of {rounds})")
    print(f"initialize answered    {answers:.3f} s")
    print(f"ratio                  {answers / imports:.2f}")


def import_only() -> float:
    """Time a process that imports mcp.server and ends."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import mcp.server"], check=True)
    return time.perf_counter() - start


def to_initialize(root: Path) -> float:
    """Time a server from its start to its answer."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "mcp_server", "serve", str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the server has no pipes")
        server.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        taken = time.perf_counter() - start
        if answer["result"]["serverInfo"]["name"] != "goldrank":
            raise RuntimeError(f"not our server: {answer}")
        server.stdin.close()
        server.wait()
    return taken


if __name__ == "__main__":
    main()

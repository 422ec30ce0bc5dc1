"""What a search costs over HTTP beside the same search over a pipe.

    python -m benchmarks.http.cost [--calls 200] [ROOT]

One server of each kind, both over the same root, the model off; the official client asks both in turns, the
same question of each, and every call is timed. The ratio of the medians is what to read. The root is small by
default, because on a busy machine one server may begin to watch a large one before the other does.
"""

import argparse
import asyncio
import statistics
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from mcp import Client, StdioServerParameters
from tqdm import tqdm

from benchmarks.http.fuzz import served

QUESTIONS = (
    "where are retries scheduled",
    "what happens when the index is locked by another process",
    "which files are left out of the index",
    "how is a secret masked before it is indexed",
)
WARM_UP = 8


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", nargs="?", type=Path, default=Path("tests/samples"))
    parser.add_argument("--calls", type=int, default=200)
    args = parser.parse_args()
    with served(args.root) as url:
        spent = asyncio.run(ask(url, args.root, args.calls))
    print("transport\tp50 ms\tp95 ms")
    for name, seconds in spent.items():
        cut = statistics.quantiles(seconds, n=20)
        print(f"{name}\t{1000 * statistics.median(seconds):.1f}\t{1000 * cut[-1]:.1f}")
    print(f"HTTP / pipe\t{statistics.median(spent['HTTP']) / statistics.median(spent['pipe']):.2f}")


async def ask(url: str, root: Path, calls: int) -> dict[str, list[float]]:
    """Ask both servers in turns; return the seconds of each call but the first."""
    own = StdioServerParameters(command=sys.executable, args=["-m", "mcp_server", "serve", str(root)])
    spent: dict[str, list[float]] = {"pipe": [], "HTTP": []}
    async with AsyncExitStack() as stack:
        clients = {
            "pipe": await stack.enter_async_context(Client(own)),
            "HTTP": await stack.enter_async_context(Client(url)),
        }
        for number in tqdm(range(calls + WARM_UP), unit="call", disable=None):
            asked = {"query": QUESTIONS[number % len(QUESTIONS)], "rerank": False}
            for name, client in clients.items():
                begun = time.perf_counter()
                await client.call_tool("rag_search", asked)
                spent[name].append(time.perf_counter() - begun)
    return {name: seconds[WARM_UP:] for name, seconds in spent.items()}


if __name__ == "__main__":
    main()

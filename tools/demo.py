"""Ask the real server the questions of golden.json over the real protocol, and print its ranked answers.

    make demo

The demo indexes this repository completely into a temporary folder, starts `goldrank serve` as a client
would, and prints the first results of each question, marking those that golden.json expects.
"""

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 3
TOP_K = 10
_RESULT = re.compile(r"^\d+\. (?P<path>\S+):(?P<start>\d+)-(?P<end>\d+)(?P<rest>.*)$", re.MULTILINE)


async def main() -> None:
    """Run the demo; exit 1 if the server answers fewer than half of the questions in its top five."""
    questions = json.loads((ROOT / "golden.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as cache:
        indexing = [sys.executable, "-m", "mcp_server", "index", str(ROOT), "--cache", cache]
        await anyio.run_process(indexing, stdout=None, stderr=None)  # a partial index would answer worse
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "mcp_server", "serve", str(ROOT), "--cache", cache],
            env=dict(os.environ),
        )
        start = time.perf_counter()
        async with Client(command) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            print(f"server up in {time.perf_counter() - start:.1f} s, tools: {', '.join(tools)}\n")
            hits = [await ask(client, row["q"], row["expect_paths"]) for row in questions]
            reply = await client.call_tool(
                "rag_rerank", {"query": questions[0]["q"], "candidates": candidates(questions)}
            )
            print(f"\nrag_rerank over {len(candidates(questions))} files, for {questions[0]['q']!r}")
            print("\n".join(text(reply).split("\n")[:5]))
    for cutoff in (1, 5, 10):
        share = sum(hit is not None and hit <= cutoff for hit in hits) / len(hits)
        print(f"hit@{cutoff:<2} {share:.3f}  over {len(hits)} questions")
    if sum(hit is not None and hit <= 5 for hit in hits) < len(hits) / 2:  # noqa: PLR2004 - hit@5
        sys.exit("the search is broken: fewer than half of the questions are answered")


async def ask(client: Client, question: str, expected: list[str]) -> int | None:
    """Ask one question and print the first results; return the rank of the first expected file."""
    reply = text(
        await client.call_tool("rag_search", {"query": question, "top_k": TOP_K, "max_chars": 40_000})
    )
    found = [match.groupdict() for match in _RESULT.finditer(reply)]
    print(f"? {question}")
    for rank, result in enumerate(found[:SHOWN], 1):
        mark = "*" if result["path"] in expected else " "
        print(f"  {mark}{rank}. {result['path']}:{result['start']}-{result['end']}{result['rest']}")
    return next((rank for rank, result in enumerate(found, 1) if result["path"] in expected), None)


def candidates(questions: list[dict[str, list[str]]]) -> list[str]:
    """List every file that some question expects, as an assistant might after a grep."""
    return sorted({path for row in questions for path in row["expect_paths"]})


def text(result: object) -> str:
    """Return the text of a tool's result."""
    return "\n".join(content.text for content in result.content)  # type: ignore[attr-defined]  # our replies are text only


if __name__ == "__main__":
    anyio.run(main)

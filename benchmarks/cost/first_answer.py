"""How long it takes from an empty home to a first answer, and to a true one.

    python -m benchmarks.cost.first_answer --corpus REPOS [--files 120 2000 20000] \
        [--goldrank PROGRAM PROGRAM]

A tree of so many files of REPOS, repeated with another first line where there are too few, holds one file
that answers the question, where half of the files are indexed before it. A server is started on it with an
empty home, as a client does it after an installation, and asked until that file comes first. Several programs
are measured in turns. Printed are the seconds from the start of the process to the first reply and what it
was, to the first true answer and how many calls that took, and to the first ranking of candidates.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

QUESTION = "how is the phase of the moon computed for a table of tides"
ANSWER = "middle/almanac.py"
ANSWER_TEXT = (
    "def moon_phase(day):\n"
    '    """Compute the phase of the moon, which a table of tides needs."""\n'
    "    return (day - NEW_MOON) % SYNODIC_MONTH / SYNODIC_MONTH\n"
)
PATIENCE_S = 600.0


def main() -> None:
    """Measure each size with each program; print a line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--files", type=int, nargs="+", default=[120, 2_000, 20_000])
    parser.add_argument("--goldrank", nargs="+", default=[str(Path(sys.executable).with_name("goldrank"))])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("files\tprogram\tfirst reply s\twhat it was\ttrue answer s (calls)\tranking s, what it was")
    for files in args.files:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "tree"
            answer = grow(root, args.corpus, files)
            for _ in range(args.rounds):
                for number, program in enumerate(args.goldrank, 1):
                    print(f"{files:,}\t{number}\t{anyio.run(ask, program, root, answer)}", flush=True)


def grow(root: Path, corpus: Path, count: int) -> str:
    """Make a tree of `count` files; return which of them answers."""
    sources = sorted(path for path in corpus.rglob("*") if path.is_file())
    for number in range(count - 1):
        times, place = divmod(number * 7, len(sources))  # some of each repository
        source = sources[place]
        target = root / f"part{times}" / source.relative_to(corpus)
        target.parent.mkdir(parents=True, exist_ok=True)
        head = f"copy {times}\n".encode() if times else b""
        target.write_bytes(head + source.read_bytes())
    parts = sorted(part.name for part in root.iterdir())  # files are indexed in the order of their paths
    answer = root / parts[len(parts) // 2] / ANSWER
    answer.parent.mkdir(parents=True)
    answer.write_text(ANSWER_TEXT, encoding="utf-8")
    return answer.relative_to(root).as_posix()


async def ask(program: str, root: Path, answer: str) -> str:
    """Start a server with an empty home; ask until the answer comes first."""
    home = tempfile.mkdtemp()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOLDRANK", "XDG"))}
    start = time.monotonic()
    command = StdioServerParameters(command=program, args=["serve", str(root)], env={**kept, "HOME": home})
    try:
        async with Client(command) as client:
            await client.list_tools()
            replies: list[str] = []
            ranked = ""
            while not replies or not _is_true(replies[-1]):
                reply = await client.call_tool("rag_search", {"query": QUESTION, "format": "paths"})
                replies.append(_text(reply))
                if len(replies) == 1:
                    first_s, what = time.monotonic() - start, _what(reply)
                    given = {"query": QUESTION, "candidates": [answer]}
                    ranking = await client.call_tool("rag_rerank", given)
                    ranked = f"{time.monotonic() - start:.1f}, {_what(ranking)}"
                if time.monotonic() - start > PATIENCE_S:
                    raise SystemExit(f"no true answer in {PATIENCE_S:.0f} s: {replies[-1][:500]}")
                await anyio.sleep(0.2)
            true_s = time.monotonic() - start
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return f"{first_s:.1f}\t{what}\t{true_s:.1f} ({len(replies)})\t{ranked}"


def _text(reply: object) -> str:
    return "\n".join(part.text for part in reply.content)  # type: ignore[attr-defined]  # text is all we send


def _is_true(text: str) -> bool:
    return re.search(rf"^1\. \S+/{ANSWER}:", text, re.MULTILINE) is not None


def _what(reply: object) -> str:
    text = _text(reply)
    if reply.is_error:  # type: ignore[attr-defined]  # a result of the client
        return "an error"
    lines = text.split("\n")
    if _is_true(text):
        return "true, and partial" if any("the index is being" in line for line in lines) else "true"
    return "partial" if any("the index is being" in line for line in lines) else "another file first"


if __name__ == "__main__":
    main()

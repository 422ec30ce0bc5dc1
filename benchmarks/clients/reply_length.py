"""How short a reply may be before it loses the answer: what is read, and what is seen, at several thresholds.

    python -m benchmarks.clients.reply_length --corpus REPOS --queries queries.jsonl --cache CACHE

For each share of the best score from which results are shown in full: the mean length of a reply, and of the
questions that are answered among the results, how many see the code of their first answer. First stage only.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.ranks import by_repository, opened, touches
from mcp_server.messages import replies
from mcp_server.messages.blocks import block_of
from mcp_server.messages.sections import sections_of
from retrieval.search.searcher import Answer, Request, search
from retrieval.sync.view import View

TOP_K = 8
SHARES = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7)
MOST = (1, 3)
ROOMY = 40_000


def main() -> None:
    """Search every question once; write each answer at every threshold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of each repository")
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    found = list(answers(by_repository(args.queries), args.corpus, args.cache))
    print("share  most  characters  see their first answer's code")
    for share in SHARES:
        for most in MOST:
            replies.FULL_SHARE, replies.FULL_MOST = share, most
            sizes, seen = zip(*(measure(*item) for item in found), strict=True)
            told = [is_seen for is_seen in seen if is_seen is not None]
            print(f"{share:5.2f}  {most:4}  {sum(sizes) / len(sizes):10.0f}  {sum(told) / len(told):.3f}")


def answers(
    queries: Mapping[str, Sequence[dict[str, Any]]], corpus: Path, cache: Path
) -> Iterator[tuple[dict[str, Any], Answer, View]]:
    """Search each question in its repository."""
    for name, questions in queries.items():
        repository = opened(corpus / name, cache)
        for question in questions:
            request = Request(question["query"], TOP_K)
            view = repository.view()
            yield question, search(view, request, None), view


def measure(question: dict[str, Any], answer: Answer, view: View) -> tuple[int, bool | None]:
    """Return the length of a reply, and whether its first answer's code is shown; None without one."""
    sections = sections_of(answer.results, view)
    text = replies.search_reply(answer, sections, query=question["query"], source="", max_chars=ROOMY)
    blocks = [block_of(section, number) for number, section in enumerate(sections, 1)]
    for place, (section, block) in enumerate(zip(sections, blocks, strict=True)):
        if any(is_relevant(question, result.passage.chunk) for result in section.results):
            is_alone = replies.stands_alone(answer, blocks)
            return len(text), replies.is_full(place, block, best=blocks[0], is_alone=is_alone)
    return len(text), None


def is_relevant(question: dict[str, Any], chunk: Any) -> bool:
    """Tell whether a chunk overlaps an answer."""
    span = (chunk.path, chunk.start_line, chunk.end_line)
    return any(touches(span, target) for target in question["targets"])


if __name__ == "__main__":
    main()

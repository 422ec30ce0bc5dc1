"""Which part of a chunk the cross-encoder reads: its location, its definition, and the lines that answer.

A pair's cost depends on its length, and most of a chunk is unrelated to the query. An excerpt consists of the
first line of the pair text (path, kind, name), the line that defines the name, and the run of lines with the
most stems of the query. A chunk within the budget is kept whole.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from retrieval.chunks import tokenizer

BUDGET = 160
"""Non-blank characters of an excerpt. With a BERT vocabulary, a token has 2.5 of them (median of 3,078 chunks
of the 21 DEV repositories; quartiles 2.3 and 2.8), so an excerpt has about 64 tokens. Chosen on 600 questions
about packages that the embedded model never saw: 160 is as good as the 200 it was trained with (MRR .780
both) and takes four fifths of the time (benchmarks/runs/2026-11-24-embedded/narrow.txt)."""
LEAST = BUDGET // 2  # minimum for the run of lines, however long the path and signature are
PIECE = 120  # longer lines, as in prose, are split at blanks, else each would be all or nothing

_PIECE = re.compile(rf"\s*\S.{{0,{PIECE - 1}}}(?=\s|$)|\s*\S.{{0,{PIECE - 1}}}")
_COMMENT = (
    "//",
    "/*",
    "*",
    "--",
    "# ",
    "#!",
    "@",
    '"""',
    "'''",
    "<!--",
)  # decorators do not define it either
_BEGIN = 3  # letters; a word with another beginning has another stem
_NAMED = 3  # words in a first line that includes a definition: path, kind, name


def excerpt(query: str, passage: str) -> str:
    r"""Shorten a passage to the lines that matter for a query, in order.

    Args:
        query: The query.
        passage: The `fusion.pair_text` of a chunk; its first line is the location.

    >>> steps = [f"    step_{i} = begin(option_{i}, default_{i})" for i in range(30)]
    >>> text = "\n".join(["a.py function run", "def run():", *steps, "    stop_the_clock()"])
    >>> excerpt("what stops the clock?", text).splitlines()[:3]
    ['a.py function run', 'def run():', '    step_27 = begin(option_27, default_27)']
    """
    if weight(passage) <= BUDGET:
        return passage
    head, _, body = passage.partition("\n")
    pieces = [piece for line in body.split("\n") for piece in _pieces(line)]
    costs = [weight(piece) for piece in pieces]
    signature = _signature(head, pieces)
    left = max(BUDGET - weight(head) - costs[signature], LEAST)
    costs[signature] = 0  # it is included wherever the run is
    start, end = richest_run(stems_by_line(query, pieces), costs, shown=signature, budget=left)
    kept = sorted({signature, *range(start, end)})
    return "\n".join([head, *(pieces[i] for i in kept)])


def weight(text: str) -> int:
    """Count the non-blank characters of a text, because blanks do not become tokens.

    >>> weight("a  b ")
    2
    """
    return len("".join(text.split()))


def _pieces(line: str) -> list[str]:
    return [line] if len(line) <= PIECE else _PIECE.findall(line.rstrip()) or [line.strip()]


def _signature(head: str, lines: Sequence[str]) -> int:
    """Find the line that defines the name at the end of `head`, else the first line with text."""
    words = head.split()
    name = words[-1].rpartition(".")[2] if len(words) >= _NAMED else ""
    spoken = [i for i, line in enumerate(lines) if any(map(str.isalnum, line))]
    code = (i for i in spoken if name and name in lines[i] and not lines[i].lstrip().startswith(_COMMENT))
    return next(code, spoken[0] if spoken else 0)


def stems_by_line(query: str, lines: Sequence[str]) -> list[frozenset[str]]:
    """Return the stems of the query in each line."""
    wanted, alike = _wanted(query)
    words = [alike.findall(line) for line in lines]
    return [wanted.intersection(tokenizer.stems(tokenizer.terms(" ".join(some)))) for some in words]


@lru_cache(maxsize=16)  # a query is compared with its candidates one after the other
def _wanted(query: str) -> tuple[frozenset[str], re.Pattern[str]]:
    """Return the query's stems, and a pattern for the words that may have one of them.

    Splitting and stemming every word of a chunk would take three times as long. A stem begins like its word:
    Porter's rules change at most its last letter (`query` to `queri`).
    """
    stems = frozenset(tokenizer.stems(tokenizer.query_terms(query)))
    begins = sorted({stem[: max(1, min(_BEGIN, len(stem) - 1))] for stem in stems})
    spelled = "|".join(
        "[_-]*".join(map(re.escape, begin)) for begin in begins
    )  # parse_it yields the term parseit
    return stems, re.compile(rf"(?<![\w-])[\w-]*?(?:{spelled})[\w-]*", re.IGNORECASE)


def richest_run(
    hits: Sequence[frozenset[str]], costs: Sequence[int], *, shown: int, budget: int
) -> tuple[int, int]:
    """Choose the run of lines, end exclusive, with the most distinct stems, then the most stems in total.

    Only maximal runs are considered. Of equal runs, the one that begins at the line `shown` is chosen, else
    the earliest.

    Args:
        hits: The stems of the query in each line.
        costs: What each line takes of the budget.
        shown: The line that is shown in any case; its stems count for every run.
        budget: What a run may cost, unless it is one line.
    """
    counts = Counter(hits[shown])
    best, chosen = (-1, -1, False), (0, 0)
    distinct, total, end, spent = len(counts), 0, 0, 0
    for start, cost in enumerate(costs):
        while end < len(costs) and (end <= start or spent + costs[end] <= budget):
            spent += costs[end]
            for stem in hits[end]:
                distinct += not counts[stem]
                counts[stem] += 1
            total += len(hits[end])
            end += 1
        if (distinct, total, start == shown) > best:
            best, chosen = (distinct, total, start == shown), (start, end)
        spent -= cost
        total -= len(hits[start])
        for stem in hits[start]:
            counts[stem] -= 1
            distinct -= not counts[stem]
    return chosen

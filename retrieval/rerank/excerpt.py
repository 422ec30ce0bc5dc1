"""Which part of a chunk the cross-encoder reads: where it is, what it defines, and the lines that answer.

A pair costs what it is long, and most of a chunk says nothing of the question. Kept are the first line of the
pair text (path, kind, name), the line that defines the name, and the one run of lines that holds most of the
question's stems. What fits is kept whole.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from retrieval.chunks import tokenizer

BUDGET = 160
"""Non-blank characters of an excerpt. A BERT vocabulary makes a token of 2.5 of them (median of 3,078 chunks
of the 21 DEV repositories; quartiles 2.3 and 2.8), so an excerpt has about 64 tokens. Chosen on 600 questions
of packages that the model inside never saw: it reads 160 as well as the 200 it learned from (MRR .780 both),
for four fifths of the time (benchmarks/runs/2026-11-24-embedded/narrow.txt)."""
LEAST = BUDGET // 2  # what a long path and signature leave to the run of lines, at least
PIECE = 120  # a longer line, as prose has them, is cut at blanks, else it would be all or nothing

_PIECE = re.compile(rf"\s*\S.{{0,{PIECE - 1}}}(?=\s|$)|\s*\S.{{0,{PIECE - 1}}}")
_COMMENT = ("//", "/*", "*", "--", "# ", "#!", "@", '"""', "'''", "<!--")  # decorators do not say it either
_BEGIN = 3  # letters; a word that begins otherwise has another stem
_NAMED = 3  # words of a first line that names what the chunk defines: path, kind, name


def excerpt(query: str, passage: str) -> str:
    r"""Cut a passage to what a question wants read: lines of it, in order.

    Args:
        query: The question.
        passage: What `fusion.pair_text` made of a chunk: its first line says where it is.

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
    costs[signature] = 0  # it is shown wherever the run lies
    start, end = _richest(_hits(query, pieces), costs, shown=signature, budget=left)
    kept = sorted({signature, *range(start, end)})
    return "\n".join([head, *(pieces[i] for i in kept)])


def weight(text: str) -> int:
    """Count the non-blank characters of a text: blanks become no tokens.

    >>> weight("a  b ")
    2
    """
    return len("".join(text.split()))


def _pieces(line: str) -> list[str]:
    return [line] if len(line) <= PIECE else _PIECE.findall(line.rstrip()) or [line.strip()]


def _signature(head: str, lines: Sequence[str]) -> int:
    """Find the line that defines the name that `head` ends with; else the first that says anything."""
    words = head.split()
    name = words[-1].rpartition(".")[2] if len(words) >= _NAMED else ""
    spoken = [i for i, line in enumerate(lines) if any(map(str.isalnum, line))]
    code = (i for i in spoken if name and name in lines[i] and not lines[i].lstrip().startswith(_COMMENT))
    return next(code, spoken[0] if spoken else 0)


def _hits(query: str, lines: Sequence[str]) -> list[frozenset[str]]:
    """Return which stems of the question each line holds."""
    wanted, alike = _wanted(query)
    words = [alike.findall(line) for line in lines]
    return [wanted.intersection(tokenizer.stems(tokenizer.terms(" ".join(some)))) for some in words]


@lru_cache(maxsize=16)  # a question meets its candidates one after the other
def _wanted(query: str) -> tuple[frozenset[str], re.Pattern[str]]:
    """Return the question's stems, and a pattern of the words that may have one of them.

    To split and stem every word of a chunk would take three times as long. A stem begins as its word does:
    Porter's rules change its last letter at most (`query` to `queri`).
    """
    stems = frozenset(tokenizer.stems(tokenizer.query_terms(query)))
    begins = sorted({stem[: max(1, min(_BEGIN, len(stem) - 1))] for stem in stems})
    spelled = "|".join(
        "[_-]*".join(map(re.escape, begin)) for begin in begins
    )  # parse_it has the term parseit
    return stems, re.compile(rf"(?<![\w-])[\w-]*?(?:{spelled})[\w-]*", re.IGNORECASE)


def _richest(
    hits: Sequence[frozenset[str]], costs: Sequence[int], *, shown: int, budget: int
) -> tuple[int, int]:
    """Choose the run of lines, end exclusive, that holds the most distinct stems, then the most of them.

    Only runs that no further line fits into are looked at; stems of the line `shown` count as held by all.
    Of equal runs, the one that begins at that line is chosen, else the earliest.
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

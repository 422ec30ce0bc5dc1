"""Ranked passages as text for an agent, best first and never longer than the budget.

A reply opens with what was searched and how. Each result opens with `path:start-end`, which can be pasted
into the next call. Within the budget the places of all results come before the code of any but the best, and
the last line says what was cut and names the call that shows it.
"""

import json
from collections.abc import Sequence

from retrieval.passages import Passage
from retrieval.records import Chunk, Ranked
from retrieval.searcher import Answer, Result

LINE_CHARS = 400
"""Longer lines are data more than code; the cut is marked."""
TAIL_CHARS = 220  # kept free for the line that says what was cut


def search_reply(answer: Answer, *, query: str, source: str, max_chars: int) -> str:
    """Write the reply of `rag_search`.

    Args:
        answer: What the search found.
        query: The question.
        source: What was searched: repository, commit, state.
        max_chars: The reply is never longer.
    """
    head = f"{source} | {answer.chunks:,} chunks | {answer.stages} | {answer.milliseconds:.0f} ms"
    lines = [head, *(f"note: {note}" for note in answer.notes)]
    if answer.results and answer.confidence and answer.confidence.is_low:
        lines.append(
            f"note: nothing here seems to answer this (confidence {answer.confidence.value:.2f} of 1); "
            "these are only the nearest. Name an identifier you expect, or take it that it is not here."
        )
    if not answer.results:
        lines.append(
            "Nothing in this repository matches any word of the query. Try other words for the same thing, "
            "an identifier you expect in the code, or a wider path or language filter."
        )
        return clean("\n".join(lines))[:max_chars]
    lines.append(f"{_results(len(answer.results))} for {_quoted(query)}, best first")
    budget = max_chars - sum(len(line) + 1 for line in lines) - TAIL_CHARS
    blocks, cut = _fit([_block(result, number) for number, result in enumerate(answer.results, 1)], budget)
    lines.extend(blocks)
    if cut:
        lines.append(f"\n{_cut_note(cut, answer.results, max_chars)}")
    return clean("\n".join(lines))[:max_chars]


def rerank_reply(
    answer: Answer,
    labels: Sequence[str],
    *,
    query: str,
    source: str,
    top_k: int | None,
    problems: Sequence[str],
) -> str:
    """Write the reply of `rag_rerank`: order, scores and spans, then what could not be ranked.

    Args:
        answer: The ranking.
        labels: How each result was named by the caller, in the answer's order.
        query: The question.
        source: Where the files were read.
        top_k: How many to show, or None for all.
        problems: What could not be ranked, a sentence each.
    """
    lines = [
        f"{source} | {answer.chunks} candidates | {answer.stages} | {answer.milliseconds:.0f} ms",
        f"ranked for {_quoted(query)}, best first",
    ]
    for number, (result, label) in enumerate(zip(answer.results, labels, strict=True), 1):
        if top_k is not None and number > top_k:
            break
        lines.append(f"{number}. {label}  {_scores(result.ranked)}".rstrip())
    if problems:
        lines.append(f"not ranked ({len(problems)}):")
        lines.extend(f"- {problem}" for problem in problems)
    return clean("\n".join(lines))


def clean(text: str) -> str:
    """Replace lone surrogates, as of file names that are not UTF-8: one of them would kill the transport."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _block(result: Result, number: int) -> tuple[str, list[str]]:
    """Return a result's heading and its numbered lines."""
    chunk, passage = result.passage.chunk, result.passage
    heading = f"\n{number}. {chunk.span}{_what(chunk)}  {_scores(result.ranked)}{_staleness(passage)}"
    width = len(str(chunk.end_line))
    code = [
        f"{chunk.start_line + offset:>{width}} | {_shorten(line.rstrip(chr(13)))}"
        for offset, line in enumerate(passage.lines)
    ]
    return heading, code


def _what(chunk: Chunk) -> str:
    """Say what a chunk defines, or what it is a part of."""
    if chunk.symbol:
        return f"  {chunk.kind} {f'{chunk.scope}.' if chunk.scope else ''}{chunk.symbol}"
    return f"  in {chunk.scope}" if chunk.scope else ""


def _staleness(passage: Passage) -> str:
    if passage.is_current:
        return ""
    changed = "changed on disk this moment; these are its lines now, ask again for exact ones"
    return f"  [{changed if passage.lines else 'gone from disk this moment'}]"


def _fit(blocks: Sequence[tuple[str, list[str]]], budget: int) -> tuple[list[str], int]:
    """Take what fits: headings first, as a place costs little, then code, best first.

    Returns:
        The lines that fit, and how many results lost code or place.
    """
    kept = _fitting([heading for heading, _ in blocks], budget // 2)
    budget -= sum(len(heading) + 1 for heading, _ in blocks[:kept])
    lines: list[str] = []
    cut = len(blocks) - kept
    for heading, code in blocks[:kept]:
        shown = _fitting(code, budget)
        budget = 0 if shown < len(code) else budget - sum(len(line) + 1 for line in code)
        cut += shown < len(code)
        lines.extend((heading, *code[:shown]))
    return lines, cut


def _fitting(lines: Sequence[str], budget: int) -> int:
    """Count the first lines that fit into a budget of characters, their newlines included."""
    for count, line in enumerate(lines):
        budget -= len(line) + 1
        if budget < 0:
            return count
    return len(lines)


def _cut_note(cut: int, results: Sequence[Result], max_chars: int) -> str:
    more = min(40_000, 2 * max_chars)
    first = results[-cut].passage.chunk
    way = (
        f"call rag_search again with max_chars={more}" if more > max_chars else "narrow it with path or top_k"
    )
    return f"[{_results(cut)} cut to fit {max_chars} characters: {way}, or read {first.span}]"[:TAIL_CHARS]


def _results(count: int) -> str:
    return f"{count} result{'s' * (count != 1)}"


def _scores(ranked: Ranked) -> str:
    parts = [f"score {ranked.score:.3f}"]
    if ranked.logit is not None:
        parts.append(f"logit {ranked.logit:.2f}")
    if ranked.candidate.rank != ranked.rank:
        parts.append(f"bm25 rank {ranked.candidate.rank}")
    return f"({', '.join(parts)})"


def _shorten(line: str) -> str:
    return line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS]} … [{len(line):,} characters]"


def _quoted(query: str) -> str:
    shown = query if len(query) <= 120 else f"{query[:120]}…"  # noqa: PLR2004 - long enough to recognise
    return json.dumps(shown, ensure_ascii=False)

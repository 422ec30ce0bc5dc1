"""What `goldrank search --json` and `--jsonl` print; docs/commands.md promises each key to scripts."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from mcp_server.messages.sections import Section
from mcp_server.messages.stage_text import stage_text
from retrieval.search.searcher import Answer, Result
from retrieval.search.vocabulary import Vocabulary


def as_json(answer: Answer, sections: Sequence[Section], *, source: str, first: int = 1) -> str:
    """Write an answer as one JSON object, with its places and every chunk in them.

    Args:
        answer: What the search found.
        sections: Its places, best first.
        source: The repository and its commit.
        first: The number of the first place: 1 plus the offset.
    """
    numbers = {id(result): number for number, result in enumerate(answer.results, 1)}
    shown = {
        "source": source,
        "chunks": answer.stages.chunks,
        "stages": stage_text(answer.stages),
        "milliseconds": round(answer.stages.milliseconds, 1),
        "notes": list(answer.notes),
        "guesses": _guesses(answer.vocabulary),
        "names_near": answer.vocabulary.near,
        "confidence": round(answer.confidence.value, 3) if answer.confidence else None,
        "seems_to_answer": not answer.confidence.is_low if answer.confidence else None,
        "places": [
            {
                "number": number,
                **_place(section),
                "results": [numbers[id(result)] for result in section.results],
            }
            for number, section in enumerate(sections, first)
        ],
        "results": [_result(result) for result in answer.results],
    }
    return json.dumps(shown, indent=1)


def as_lines(sections: Sequence[Section], *, first: int = 1) -> Iterator[str]:
    """Write each place as one line of JSON, best first, with its best result's name and score."""
    for number, section in enumerate(sections, first):
        chunk = section.best.passage.chunk
        named = {"kind": chunk.kind, "symbol": chunk.symbol, "scope": chunk.scope}
        score = {"score": section.best.ranked.score, "is_current": section.best.passage.is_current}
        text = {"text": "\n".join(section.lines)}
        yield json.dumps({"number": number, **_place(section), **named, **score, **text})


def _guesses(words: Vocabulary) -> dict[str, Any]:
    aside = words.aside
    fits = {"path": aside.path, "start_line": aside.start_line, "end_line": aside.end_line} if aside else None
    return {"found": words.found, "absent": words.absent, "fit_elsewhere": fits}


def _place(section: Section) -> dict[str, Any]:
    place = section.place
    return {"path": place.path, "start_line": place.start_line, "end_line": place.end_line}


def _result(result: Result) -> dict[str, Any]:
    chunk, candidate = result.passage.chunk, result.ranked.candidate
    return {
        "path": chunk.path,
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "kind": chunk.kind,
        "symbol": chunk.symbol,
        "scope": chunk.scope,
        "score": result.ranked.score,
        "logit": result.ranked.logit,
        "first_stage": {
            "rank": candidate.rank,
            "score": candidate.score,
            "parts": dict(candidate.parts),
        },
        "is_current": result.passage.is_current,
        "text": result.passage.text,
    }

"""How a name alone is found as it is written: chunks that hold it so come before its other spellings.

The index knows terms: `CANNOT` and "cannot", `test_class` and `testClass`, `fixtures` and `fixture` are one.
A caller who asks for a name means one of them, so the best candidates are read.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from retrieval.rank.need import Need
from retrieval.records import Candidate
from retrieval.sync.view import View

READ = 40  # candidates that are read; if none of them holds the name as written, so are the next
READ_MOST = 200
_LAST_NAME = re.compile(r"([A-Za-z_]\w*)(?:\(\))?\s*$")
_SPELLED = re.compile(r"[a-z0-9][A-Z]|\w_|_\w|[A-Z]{2}")  # "response" is a word as much as a name


def literal_first(view: View, need: Need, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Raise the candidates that hold a name as it is written above all others; ranks are numbered anew.

    Args:
        view: Reads the candidates' lines.
        need: What the caller wants; nothing changes unless it is one name with capitals or underscores.
        candidates: In first-stage order.
    """
    matches = [_LAST_NAME.search(wording.query.text) for wording in need.wordings if need.is_symbol]
    names = "|".join(re.escape(match[1]) for match in matches if match and _SPELLED.search(match[1]))
    if not names:
        return list(candidates)
    word = re.compile(rf"(?<!\w)(?:{names})(?!\w)")
    for end in (READ, READ_MOST):
        texts = view.chunk_texts(candidate.chunk for candidate in candidates[:end])
        held = {
            candidate.chunk
            for candidate, text in zip(candidates, texts, strict=False)
            if any(map(word.search, text.lines))
        }
        if held:
            break
    bonus = 1 + max((candidate.score for candidate in candidates), default=0.0)
    raised = [_raised(candidate, bonus) if candidate.chunk in held else candidate for candidate in candidates]
    ordered = sorted(raised, key=lambda candidate: -candidate.score)
    return [replace(candidate, rank=rank) for rank, candidate in enumerate(ordered, 1)]


def _raised(candidate: Candidate, bonus: float) -> Candidate:
    return replace(candidate, score=candidate.score + bonus, parts={**candidate.parts, "as written": bonus})

"""What the second stage would read of one question, kept beside its pool.

A model that is learned later can then score the question without its tree. All texts come from the view that
measured the pool, so nothing newer than the question's tree reaches the model either.
"""

import gzip
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from retrieval.index.reader import uid_of
from retrieval.rank.confidence import judge
from retrieval.rank.ranker import rank, weights_for
from retrieval.records import Candidate, Chunk
from retrieval.rerank.fusion import pair_text
from retrieval.search.first_stage import Measured, in_order
from retrieval.search.folding import Stems, fold
from retrieval.sync.view import View
from retrieval.training.order.evidence import Floats, Ints

FORMAT = 2
"""Increment when a stored reading changes."""
DEPTH, FLAT_DEPTH = 60, 30
"""Candidates that are kept: of the shipped order, and of one that ranks a file's further places like its
first, as most learned orders do. Of the first thirty of such an order, the shipped one's first sixty lack
6 to 16 % in just, hexo and flysystem."""
JUDGED = 5  # of them, the best, whose confidence is computed: another order rarely puts a deeper one first


@dataclass(frozen=True, slots=True)
class Readings:
    """The candidates of one question as a cross-encoder would read them, the shipped order's first.

    Attributes:
        query: The question as the model reads it.
        rows: The row of each candidate in the pool, int64 [n].
        chunks: Their chunks.
        passages: Their `pair_text`.
        copies: The number of the candidate that each repeats, or its own, int64 [n].
        confidence: How likely each answers, if it were the best; NaN where that is unknown, float64 [n].
    """

    query: str
    rows: Ints
    chunks: tuple[Chunk, ...]
    passages: tuple[str, ...]
    copies: Ints
    confidence: Floats


def readings_of(view: View, measured: Measured, asked: str) -> Readings:
    """Read the best candidates of a question on the view that measured it."""
    candidates = _kept(view, measured)
    chunks = [one.chunk for one in candidates]
    rows = {(chunk.path, chunk.start_line): row for row, chunk in enumerate(measured.features.pool.chunks)}
    texts = {text.chunk: pair_text(text.chunk, text.text) for text in view.chunk_texts(chunks)}

    def confidence(candidate: Candidate) -> float:
        return judge(measured.need, view.snapshot, measured.features, [candidate]).value

    judged = [confidence(one) for one in candidates[:JUDGED]]
    return Readings(
        query=measured.need.query.text if measured.reading else asked,
        rows=np.array([rows[chunk.path, chunk.start_line] for chunk in chunks], dtype=np.int64),
        chunks=tuple(chunks),
        passages=tuple(texts[chunk] for chunk in chunks),
        copies=_copies(
            candidates, lambda chunk: view.snapshot.stems(uid_of(chunk.path, chunk.start_line)), measured
        ),
        confidence=np.array([*judged, *[math.nan] * (len(chunks) - len(judged))]),
    )


def write_readings(file: Path, found: Readings) -> None:
    """Store readings, so that a reader sees all of them or nothing."""
    record = {
        "format": FORMAT,
        "query": found.query,
        "rows": found.rows.tolist(),
        "chunks": [asdict(chunk) for chunk in found.chunks],
        "passages": found.passages,
        "copies": found.copies.tolist(),
        "confidence": [None if math.isnan(value) else value for value in found.confidence.tolist()],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(gzip.compress(json.dumps(record).encode("ascii"), compresslevel=6, mtime=0))
    fresh.replace(file)


def read_readings(file: Path) -> Readings | None:
    """Read stored readings; None if there are none, or they are damaged."""
    try:
        record = json.loads(gzip.decompress(file.read_bytes()))
        found = Readings(
            query=str(record["query"]),
            rows=np.array(record["rows"], dtype=np.int64),
            chunks=tuple(Chunk(**row | {"names": tuple(row["names"])}) for row in record["chunks"]),
            passages=tuple(record["passages"]),
            copies=np.array(record["copies"], dtype=np.int64),
            confidence=np.array(record["confidence"], dtype=np.float64),
        )
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return None
    lengths = {len(found.rows), len(found.chunks), len(found.passages), len(found.copies)}
    return found if record.get("format") == FORMAT and lengths == {len(found.confidence)} else None


def _kept(view: View, measured: Measured) -> list[Candidate]:
    shipped = in_order(view, measured, limit=DEPTH)
    known = {one.chunk for one in shipped}
    flat = rank(measured.features, replace(weights_for(measured.need), decay=1.0), limit=FLAT_DEPTH)
    return [*shipped, *(one for one in flat if one.chunk not in known)]


def _copies(candidates: Sequence[Candidate], stems: Stems, measured: Measured) -> Ints:
    """Return which candidate each repeats, as a search folds them."""
    folded = fold(
        candidates,
        stems,
        keeps_data="data" in measured.features.asked,
        keeps_copies=measured.need.kind == "path",
    )
    number = {one.chunk.span: i for i, one in enumerate(candidates)}
    copies = np.arange(len(candidates))
    for one in folded:
        for span in one.alike:
            copies[number[span]] = number[one.candidate.chunk.span]
    return copies

"""What a candidate is, in any form that callers write: a file, lines of one, or a text that is in no file.

Nothing outside the served roots is read: a candidate's path must be one of the files that its repository's
index holds, and those were all found below the root without following a link.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from mcp_server.messages.argument_forms import folded, integer
from mcp_server.messages.arguments import CANDIDATE_FORMS, MAX_ID_CHARS, MAX_TEXT_CHARS, TextCandidate
from retrieval.chunks import chunker
from retrieval.chunks.chunk_text import ChunkText, chunk_texts_of
from retrieval.errors import ArgumentError, CancelledError, shorten
from retrieval.paths import spans
from retrieval.paths.spans import Files, Place, Span
from retrieval.progress import IsCancelled
from retrieval.rank.learned_order import SHIPPED, Order
from retrieval.rank.need import Need
from retrieval.records import Chunk
from retrieval.search.caller_passages import rank_passages
from retrieval.search.searcher import best_chunks
from retrieval.sync.view import View
from retrieval.text import digest

FEW_REPEATED = 3  # a grep hits a function in many lines, and a sentence for each is longer than the ranking
_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("path", "file", "filename", "filepath", "uri"), "path"),
    **dict.fromkeys(("line", "linenumber", "lineno", "start", "startline"), "line"),
    **dict.fromkeys(("end", "endline"), "end"),
    **dict.fromkeys(("text", "content", "code", "snippet"), "text"),
    "id": "id",
}
"""What callers call the parts of a candidate, in the spelling of `folded`."""


@dataclass(frozen=True, slots=True)
class ResolvedCandidates:
    """A caller's candidates, as passages.

    Attributes:
        passages: What can be ranked, each chunk once.
        labels: What the reply calls a passage, by its chunk.
        problems: Why the others cannot be ranked, a sentence each.
    """

    passages: tuple[ChunkText, ...]
    labels: Mapping[Chunk, str]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of the caller's own, with its id, or its number if it has none."""

    text: str
    id: str
    number: int

    @property
    def label(self) -> str:
        """Name the text so that it cannot be mistaken for a file, whatever its id looks like."""
        return f"text {json.dumps(self.id, ensure_ascii=False) if self.id else self.number}"


@dataclass(frozen=True, slots=True)
class _FilePlace:
    """A place in a file as its caller wrote it; `line` and `end` override what `written` says."""

    written: str
    line: int | None = None
    end: int | None = None


def resolve_candidates(
    view: View,
    need: Need,
    candidates: Sequence[object],
    *,
    order: Order = SHIPPED,
    is_cancelled: IsCancelled = lambda: False,
) -> ResolvedCandidates:
    """Turn a caller's candidates into passages, and collect a problem for each that cannot be ranked.

    Args:
        view: Where paths are looked up.
        need: Chooses the chunk that stands for a whole file.
        candidates: As `rag_rerank` takes them, or any other value.
        order: The first-stage order that serves the root.
        is_cancelled: Checked before each candidate, because its file is read and split.

    Raises:
        CancelledError: `is_cancelled` said so.
    """
    files = files_of(view)
    spans_of = _BestSpans(view, need, order)
    labels: dict[Chunk, str] = {}
    passages: list[ChunkText] = []
    problems: list[str] = []
    repeated: list[str] = []
    for number, candidate in enumerate(candidates, 1):
        if is_cancelled():
            raise CancelledError("the caller no longer wants this ranking")
        try:
            parsed = _parse(candidate, number, files)
            if isinstance(parsed, _Text):
                passage, label, asked = _text_passage(parsed), parsed.label, parsed.label
            else:
                asked = shorten(parsed.written)
                passage, label = _file_passage(view, files, spans_of, parsed)
            _reject_duplicate(passage.chunk, label, labels, asked=asked)
        except ArgumentError as error:
            (repeated if isinstance(error, _RepeatedError) else problems).append(str(error))
            continue
        passages.append(passage)
        labels[passage.chunk] = label
    return ResolvedCandidates(tuple(passages), labels, (*problems, *_told(repeated)))


class _RepeatedError(ArgumentError):
    """A candidate lies in a place that another has named."""


def _told(repeated: list[str]) -> list[str]:
    """Say which candidates are ranked once with others; many, as of a grep, in one sentence."""
    many = f"{len(repeated)} lie in places that are ranked already"
    return [many] if len(repeated) > FEW_REPEATED else repeated


def files_of(view: View) -> Files:
    """Return the files that a caller may name."""
    return Files(str(view.root), view.paths)


def names_in(candidates: Sequence[object]) -> Iterator[str]:
    """Return the texts by which candidates name files, to find their repository."""
    for number, candidate in enumerate(candidates, 1):
        with suppress(ArgumentError):
            parsed = _parse(candidate, number, None)
            if isinstance(parsed, _FilePlace):
                yield parsed.written


def indexed_span(view: View, files: Files, asked: str) -> Span:
    """Return the indexed lines that a text names, whichever form an assistant copied it in.

    Raises:
        ArgumentError: It names no lines of an indexed file.
    """
    place = files.place(asked)
    if place is None:
        raise _unknown_file(view, files, asked)
    return spans.within(place, len(view.lines(place.path) or ()), asked=shorten(asked))


def _parse(candidate: object, number: int, files: Files | None) -> _Text | _FilePlace:
    """Read one candidate of any form.

    Raises:
        ArgumentError: It has no form of a candidate.
    """
    if isinstance(candidate, TextCandidate):
        return _text({"text": candidate.text, "id": candidate.id}, number)
    value = candidate
    if isinstance(value, str) and value.lstrip().startswith("{") and not (files and files.place(value)):
        with suppress(ValueError, RecursionError):  # some clients send objects as text
            value = json.loads(value)
    if isinstance(value, str) and value.strip():
        return _FilePlace(value)
    if isinstance(value, Mapping):
        return _from_object(value, number)
    raise ArgumentError(f"candidate {number}: {CANDIDATE_FORMS} (got {shorten(repr(value), 60)})")


def _from_object(given: Mapping[str, Any], number: int) -> _Text | _FilePlace:
    said: dict[str, Any] = {}
    for key, value in given.items():
        name = _KEYS.get(folded(key), "")
        if not name or name in said:
            why = f"means {name}, which is given twice" if name else "is no part of a candidate"
            raise ArgumentError(f"candidate {number}: {shorten(key)} {why}", remedy=CANDIDATE_FORMS)
        if value is not None:
            said[name] = value
    if "path" in said:
        return _file_place(said, number)
    if set(said) - {"text", "id"} or "text" not in said:
        got = shorten(repr(dict(given)), 60)
        raise ArgumentError(f"candidate {number}: it names neither a path nor a text (got {got})")
    return _text(said, number)


def _file_place(said: Mapping[str, Any], number: int) -> _FilePlace:
    """Read the parts of a place; a text beside it is what a search printed of that line."""
    path, lines = said["path"], {}
    if not isinstance(path, str) or not path.strip():
        raise ArgumentError(f"candidate {number}: path is no text (got {shorten(repr(path), 60)})")
    for name in ("line", "end"):
        lines[name] = integer(said.get(name))
        if name in said and lines[name] is None:
            got = shorten(repr(said[name]), 60)
            raise ArgumentError(f"candidate {number}: {name} is no line number (got {got})")
    if lines["line"] is None and lines["end"] is not None:
        raise ArgumentError(f"candidate {number}: it has a last line and no first")
    return _FilePlace(path, lines["line"], lines["end"])


def _text(said: Mapping[str, Any], number: int) -> _Text:
    text, name = said["text"], said.get("id", "")
    if isinstance(name, int | float) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(text, str) or not text.strip():
        raise ArgumentError(f"candidate {number}: its text is empty or no text")
    if not isinstance(name, str):
        raise ArgumentError(f"candidate {number}: its id is no text (got {shorten(repr(name), 60)})")
    for what, value, most in (("text", text, MAX_TEXT_CHARS), ("id", name, MAX_ID_CHARS)):
        if len(value) > most:
            raise ArgumentError(
                f"candidate {number}: its {what} has {len(value):,} characters",
                remedy=f"at most {most:,} are read",
            )
    return _Text(text, name, number)


def _reject_duplicate(chunk: Chunk, label: str, labels: Mapping[Chunk, str], *, asked: str) -> None:
    """Reject a candidate that repeats another, or that the reply would call by the same label."""
    if chunk in labels:
        raise _RepeatedError(f"{asked}: the same as {labels[chunk]}, ranked once")
    if label not in labels.values():
        return
    if chunk.kind == "text":
        raise ArgumentError(
            f"{asked}: this id names another text already", remedy="give each text an id of its own"
        )
    raise _RepeatedError(f"{asked}: the same as {label}, ranked once")


class _BestSpans:
    """Chooses the chunk that stands for a whole file: the one that a search for the same need shows."""

    def __init__(self, view: View, need: Need, order: Order) -> None:
        self._view, self._need = view, need
        self._best = partial(best_chunks, view, need, order=order)

    @cached_property
    def _found(self) -> dict[str, Chunk]:
        return self._best()

    def of(self, path: str, lines: Sequence[str]) -> ChunkText:
        """Return the chunk; by BM25 within the file where the index does not know its present content."""
        if self._view.is_indexed:
            chunk = self._found.get(path) or self._best(paths=[path]).get(path)
            if chunk and self._view.chunk_texts([chunk])[0].is_current:
                return _passage(path, chunk.start_line, chunk.end_line, lines)
        passages = chunk_texts_of(path, lines)
        if not passages:
            return _passage(path, 1, max(len(lines), 1), lines)
        best = rank_passages(self._need, passages)[0].chunk
        return next(passage for passage in passages if passage.chunk == best)

    def below(self, paths: Sequence[str]) -> ChunkText | None:
        """Return the best chunk of several files; None where nothing in them matches."""
        best = next(iter(self._best(paths=paths)), None)
        lines = self._view.lines(best) if best else None
        return self.of(best, lines) if best and lines is not None else None


def _file_passage(
    view: View, files: Files, spans_of: "_BestSpans", wanted: _FilePlace
) -> tuple[ChunkText, str]:
    """Return the passage that a caller's place means, and what the reply calls it."""
    asked = shorten(wanted.written)
    place = files.place(wanted.written)
    if place is None:
        if below := files.below(wanted.written):
            passage = _in_folder(spans_of, below, asked)
            return passage, f"{passage.chunk.span}  (best of {asked})"
        raise _unknown_file(view, files, wanted.written)
    if wanted.line is not None:
        place = Place(place.path, wanted.line, wanted.end)
    passage = _at(view, spans_of, place, asked)
    return passage, passage.chunk.span


def _at(view: View, spans_of: "_BestSpans", place: Place, asked: str) -> ChunkText:
    """Return the passage at a place of a listed file."""
    lines = view.lines(place.path)
    if lines is None:
        raise ArgumentError(f"{asked}: it vanished or may not be read")
    if place.start is None:
        return spans_of.of(place.path, lines)
    span = spans.within(place, len(lines), asked=asked)
    if place.end is None:
        return _around(span.path, span.start, lines)
    return _passage(span.path, span.start, span.end, lines)


def _in_folder(spans_of: "_BestSpans", paths: Sequence[str], asked: str) -> ChunkText:
    """Choose the passage that stands for a folder.

    Raises:
        ArgumentError: Nothing in its files matches the question.
    """
    found = spans_of.below(paths)
    if found is None:
        raise ArgumentError(f"{asked}: a folder of {len(paths):,} files, of which none matches the query")
    return found


def _around(path: str, line: int, lines: Sequence[str]) -> ChunkText:
    """Widen a line to its chunk, or, between chunks, to the next; one of a single line takes in another."""
    passages = chunk_texts_of(path, lines)
    if not passages:
        return _passage(path, line, line, lines)
    found = next((i for i, one in enumerate(passages) if line <= one.chunk.end_line), len(passages) - 1)
    chunk = passages[found].chunk
    if chunk.start_line < chunk.end_line or len(passages) == 1:
        return passages[found]
    beside = passages[found + 1 if found + 1 < len(passages) else found - 1].chunk
    start, end = min(chunk.start_line, beside.start_line), max(chunk.end_line, beside.end_line)
    return _passage(path, start, end, lines)


def _passage(path: str, start: int, end: int, lines: Sequence[str]) -> ChunkText:
    return ChunkText(Chunk(path, start, end), tuple(lines[start - 1 : end]), is_current=True)


def _text_passage(text: _Text) -> ChunkText:
    lines = chunker.lines_of(text.text)
    content = digest(text.text.encode("utf-8", "surrogatepass"))
    path = text.id or f"\0{text.number}"  # two equal texts without ids are two candidates
    return ChunkText(
        Chunk(path, 1, max(len(lines), 1), "text", digest=content), tuple(lines), is_current=True
    )


def _unknown_file(view: View, files: Files, asked: str) -> ArgumentError:
    unknown = view.unknown(files.relative(spans.plainest(asked).path))
    if unknown.reason:
        return ArgumentError(f"{shorten(asked)}: not searched: {unknown.reason}")
    alike = " or ".join(map(shorten, unknown.namesakes))
    hint = f"; did you mean {alike}?" if alike else ""
    return ArgumentError(
        f"{shorten(asked)}: no such file in {view.name}",
        remedy=f"paths are relative to its root{hint}",
    )

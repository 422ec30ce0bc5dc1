"""The first stage's order: named features of a (query, chunk) pair, added up by visible weights.

    score = sum of weight x feature            each BM25 field divided by its best score in the pool
          + coherence, for a file's best chunk
          x prior of the file's place          tests, examples, docs, re-exports count less
          x decay                              for each chunk of the file already placed above

Every step is a function of its own, and `Candidate.parts` holds what each one added or took away, so the
parts of a candidate add up to its score.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrieval import tokenizer
from retrieval.index import FIELDS, Field, Snapshot, bm25_idf
from retrieval.records import Candidate, Chunk

FIELD_DEPTH = 100  # chunks taken from each field; recall@50 is in benchmarks/runs/
COHERENT_FILES = 15  # files that bring more of their chunks into the pool
CHUNKS_PER_FILE = 3
DEFINING_CHUNKS = 50  # chunks that define a name of the query
SHORTEST_PREFIX = 3  # letters that a path part must share with a query word to count as its beginning


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each feature counts; the defaults are explained in docs/decisions/0004-ranking.md.

    Attributes:
        body: BM25 of stems in text and path.
        words: BM25 of unstemmed terms in text and path.
        names: BM25 over names defined in the chunk.
        file_names: BM25 over names defined in the file.
        path: Share of the query, by idf, that the path spells.
        definition: The chunk defines an identifier of the query.
        coherence: What a file's best chunk gains, for the file with the highest sum of scores.
        decay: What a further chunk of a file keeps of its score, for each one placed above it.
    """

    body: float
    words: float
    names: float
    file_names: float
    path: float
    definition: float
    coherence: float
    decay: float


QUESTION = Weights(
    body=1.0, words=0.5, names=0.2, file_names=0.3, path=2.0, definition=0.25, coherence=0.3, decay=0.3
)
SYMBOL = Weights(
    body=1.0, words=0.0, names=0.0, file_names=0.0, path=0.5, definition=1.0, coherence=0.2, decay=0.3
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query as the first stage reads it.

    Attributes:
        text: As it was asked.
        terms: Distinct terms without stop words.
        stems: Distinct stems of them.
        identifiers: Words that look like code, lower-cased; for a symbol query, its last name.
        is_symbol: Whether the whole query is one identifier.
    """

    text: str
    terms: tuple[str, ...]
    stems: tuple[str, ...]
    identifiers: tuple[str, ...]
    is_symbol: bool

    def terms_in(self, name: Field) -> tuple[str, ...]:
        """Return the query's terms as a field holds them."""
        return self.terms if name == "words" else self.stems


_QUALIFIED = re.compile(r"[A-Za-z_]\w*(?:(?:::|->|[.#/\\])[A-Za-z_]\w*)*")
_SEPARATOR = re.compile(r"::|->|[.#/\\]")
_CODE_LIKE = re.compile(r"\w*[a-z0-9][A-Z]\w*|\w*[A-Za-z]_\w+|_\w+|[A-Z]{2,}\w*[a-z]\w*")


def read_query(text: str) -> Query:
    """Analyse a query.

    >>> read_query("how does parseBody call http.client").identifiers
    ('parsebody', 'client')
    """
    terms = tokenizer.query_terms(text)
    stripped = text.strip().removesuffix("()")
    is_symbol = _QUALIFIED.fullmatch(stripped) is not None
    identifiers: dict[str, None] = {}
    for match in _QUALIFIED.finditer(text):
        *scopes, name = _SEPARATOR.split(match.group())
        called = text.startswith("(", match.end())
        if is_symbol or scopes or called or _CODE_LIKE.fullmatch(name):
            identifiers[name.lower()] = None
    stems = dict.fromkeys(tokenizer.stems(terms))
    return Query(text, tuple(terms), tuple(stems), tuple(identifiers), is_symbol)


def rank(
    query: Query,
    snapshot: Snapshot,
    *,
    limit: int,
    paths: Sequence[str] | None = None,
    weights: Weights | None = None,
) -> list[Candidate]:
    """Order the chunks of a snapshot for a query, best first; ties by path, then line.

    Args:
        query: What `read_query` made of the question.
        snapshot: The committed index.
        limit: How many candidates at most.
        paths: When given, chunks of these files only.
        weights: By default those for the query's kind.

    Returns:
        No more than `limit` candidates; none when no chunk holds any term of the query.
    """
    weights = weights or (SYMBOL if query.is_symbol else QUESTION)
    pool = _pool(query, snapshot, paths)
    if not pool:
        return []
    chunks = snapshot.chunks(pool)
    parts: dict[int, dict[str, float]] = {
        uid: {} for uid in sorted(pool, key=lambda uid: _position(chunks[uid]))
    }
    for name in FIELDS:
        _add(parts, name, getattr(weights, name), _field_feature(query, snapshot, name, pool))
    _add(parts, "path", weights.path, _path_feature(query, snapshot, chunks))
    _add(parts, "definition", weights.definition, _definition_feature(query, chunks))
    _add_coherence(parts, chunks, weights.coherence)
    _apply_prior(parts, chunks)
    return _place(parts, chunks, decay=weights.decay, limit=limit)


def _pool(query: Query, snapshot: Snapshot, paths: Sequence[str] | None) -> set[int]:
    """Gather the chunks worth scoring: the best of each field, definitions, more of the best files."""
    pool: set[int] = set()
    totals: dict[int, float] = defaultdict(float)
    for name in FIELDS:
        terms = query.terms_in(name)
        found = snapshot.top(name, terms, FIELD_DEPTH, paths=paths) if terms else {}
        best = max(found.values(), default=1.0)
        for uid, score in found.items():
            totals[uid] += score / best
        pool.update(found)
    if query.identifiers:
        pool.update(snapshot.defining(query.identifiers, DEFINING_CHUNKS, paths=paths))
    by_file: dict[str, float] = defaultdict(float)
    for uid, chunk in snapshot.chunks(sorted(totals)).items():
        by_file[chunk.path] += totals[uid]
    for path in sorted(by_file, key=lambda path: (-by_file[path], path))[:COHERENT_FILES]:
        pool.update(snapshot.top("body", query.stems, CHUNKS_PER_FILE, paths=[path]))
    return pool


def _add(
    parts: Mapping[int, dict[str, float]], name: str, weight: float, feature: Mapping[int, float]
) -> None:
    for uid, value in feature.items():
        if weight * value:
            parts[uid][name] = weight * value


def _field_feature(query: Query, snapshot: Snapshot, name: Field, pool: Iterable[int]) -> dict[int, float]:
    """BM25 in one field, as a share of the pool's best: fields of other lengths become comparable."""
    terms = query.terms_in(name)
    scores = snapshot.scores(name, terms, pool) if terms else {}
    best = max(scores.values(), default=0.0)
    return {uid: score / best for uid, score in scores.items()} if best > 0 else {}


def _path_feature(query: Query, snapshot: Snapshot, chunks: Mapping[int, Chunk]) -> dict[int, float]:
    """Share of the query's words, by idf, that the path spells: the file's stem fully, folders by half."""
    size = len(snapshot)
    idf = {stem: bm25_idf(snapshot.doc_freq("body", stem), size) for stem in query.stems}
    total = sum(idf.values())
    by_path = {chunk.path: 0.0 for chunk in chunks.values()}
    for path in by_path:
        by_path[path] = _path_coverage(path, idf) / total
    return {uid: by_path[chunk.path] for uid, chunk in chunks.items()}


def _path_coverage(path: str, idf: Mapping[str, float]) -> float:
    *folders, name = path.split("/")
    stem_terms = set(tokenizer.stems(tokenizer.terms(name.partition(".")[0] or name)))
    folder_terms = {term for folder in folders for term in tokenizer.stems(tokenizer.terms(folder))}
    return sum(
        weight * max(_overlap(stem, stem_terms), 0.5 * _overlap(stem, folder_terms))
        for stem, weight in idf.items()
    )


def _overlap(stem: str, terms: Iterable[str]) -> float:
    """1 for an equal term; for a prefix, either way, the share of letters they have in common."""
    best = 0.0
    for term in terms:
        short, long = sorted((stem, term), key=len)
        if len(short) >= SHORTEST_PREFIX and long.startswith(short):
            best = max(best, len(short) / len(long))
        elif short == long:
            best = 1.0
    return best


def _definition_feature(query: Query, chunks: Mapping[int, Chunk]) -> dict[int, float]:
    """1 where the chunk defines an identifier of the query."""
    wanted = set(query.identifiers)
    return {
        uid: 1.0
        for uid, chunk in chunks.items()
        if wanted and not wanted.isdisjoint(n.lower() for n in chunk.names)
    }


def _add_coherence(parts: Mapping[int, dict[str, float]], chunks: Mapping[int, Chunk], weight: float) -> None:
    """Raise each file's best chunk by the file's sum of scores: many good chunks are one better answer."""
    sums: dict[str, float] = defaultdict(float)
    best: dict[str, int] = {}
    top = 0.0
    for uid, shares in parts.items():
        path, score = chunks[uid].path, sum(shares.values())
        sums[path] += score
        top = max(top, score)
        if path not in best or score > sum(parts[best[path]].values()):
            best[path] = uid
    highest = max(sums.values(), default=0.0)
    for path, uid in best.items():
        if highest > 0 and weight:
            parts[uid]["coherence"] = weight * top * sums[path] / highest


_MINOR_FOLDERS = frozenset(
    "test tests testing __tests__ spec specs e2e fixture fixtures testdata mocks __mocks__ example examples "
    "sample samples demo demos doc docs bench benchmark benchmarks vendor vendored third_party thirdparty "
    "external deps compat legacy deprecated".split()
)
# What a test is called, by suffix: a file test_functions.bash is no test, a test_functions.py is.
_TEST_NAMES = {
    ".py": re.compile(r"test_.*|.*_test|conftest|tests?"),
    ".rb": re.compile(r"test_.*|.*_(test|spec)"),
    ".go": re.compile(r".*_test"),
}
_OTHER_TEST_NAME = re.compile(r".*[._-](test|spec|bench|benchmark|mock)s?|.*(Tests?|Spec|Mock)")
# Files that pass on what others define. Rust's mod.rs and lib.rs are not among them: they hold the code.
_REEXPORTS = frozenset({"__init__.py", "index.js", "index.ts", "index.tsx", "index.mjs"})
MINOR_PRIOR, REEXPORT_PRIOR, DECLARATION_PRIOR = 0.3, 0.5, 0.7  # docs/decisions/0004-ranking.md


def place_prior(path: str) -> float:
    """Say how likely the files of a place are to be the answer, from 0 to 1.

    >>> place_prior("src/client.py"), place_prior("tests/test_client.py")
    (1.0, 0.3)
    """
    *folders, name = path.split("/")
    stem, dot, ending = name.rpartition(".")
    is_test = _TEST_NAMES.get(dot + ending, _OTHER_TEST_NAME).fullmatch(stem or name)
    if is_test or not _MINOR_FOLDERS.isdisjoint(folder.lower() for folder in folders):
        return MINOR_PRIOR
    if name in _REEXPORTS:
        return REEXPORT_PRIOR
    return DECLARATION_PRIOR if name.endswith((".d.ts", ".d.mts", ".d.cts")) else 1.0


def _apply_prior(parts: Mapping[int, dict[str, float]], chunks: Mapping[int, Chunk]) -> None:
    for uid, shares in parts.items():
        prior = place_prior(chunks[uid].path)
        if prior != 1:
            shares["prior"] = (prior - 1) * sum(shares.values())


def _place(
    parts: Mapping[int, Mapping[str, float]], chunks: Mapping[int, Chunk], *, decay: float, limit: int
) -> list[Candidate]:
    """Place the best chunk, make its file's other chunks count less, and so on."""
    # Rounded: float sums may differ in their last bits between two layouts of the same index.
    scores = {uid: round(sum(shares.values()), 6) for uid, shares in parts.items()}
    order = sorted(scores, key=lambda uid: (-scores[uid], _position(chunks[uid])))
    placed_of_file: dict[str, int] = defaultdict(int)
    placed: list[Candidate] = []
    for uid in order:  # within a file the order stays, so one pass finds how many stand above
        chunk = chunks[uid]
        kept = scores[uid] * decay ** placed_of_file[chunk.path]
        placed_of_file[chunk.path] += 1
        shares = dict(parts[uid])
        if kept != scores[uid]:
            shares["decay"] = kept - scores[uid]
        placed.append(Candidate(chunk, kept, 0, shares))
    placed.sort(key=lambda candidate: (-candidate.score, _position(candidate.chunk)))
    return [
        Candidate(item.chunk, item.score, number, item.parts) for number, item in enumerate(placed[:limit], 1)
    ]


def _position(chunk: Chunk) -> tuple[str, int]:
    return chunk.path, chunk.start_line

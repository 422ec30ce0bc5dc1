"""What is found must not depend on how the chunks came into the index: commits, deletions and merges."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tantivy
from fakes import first_stage, repository, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.chunks.stored_chunk import StoredChunk, spaced
from retrieval.index import exact_bm25, reader
from retrieval.index.bm25 import LuceneBM25, quantised
from retrieval.index.collection_stats import constant
from retrieval.index.exact_bm25 import Collection, ScoreBounds
from retrieval.index.reader import FIELDS, Field, Index, Snapshot, length_field, schema
from retrieval.records import Chunk

pytestmark = pytest.mark.slow(reason="makes many indexes in many orders, to compare every score")

HEAP_BYTES = 15_000_000  # the least that tantivy's writer takes
WORDS = tuple("get set run map key log row tag bit job".split())


@dataclass(frozen=True)
class Row:
    """A chunk, as far as scores go."""

    body: tuple[str, ...]
    names: tuple[str, ...] = ()


Corpus = Mapping[int, Row]
"""By uid."""

Change = tuple[int, Row | None]
"""A chunk's new content, or None when it goes."""


def build(folder: Path, commits: Iterable[Sequence[Change]]) -> Snapshot:
    """Make an index in steps, merges included where tantivy sees fit."""
    folder.mkdir(exist_ok=True)
    writer = tantivy.Index(schema(), path=str(folder)).writer(HEAP_BYTES, 1)
    for changes in commits:
        for uid, row in changes:
            writer.delete_documents_by_term("path", f"{uid}.py")
            if row:
                writer.add_document(document(uid, row))
        writer.commit()
    writer.wait_merging_threads()
    return Index(folder).snapshot()


def document(uid: int, row: Row) -> tantivy.Document:
    """Write a chunk as the index's fields."""
    made = tantivy.Document()
    for field, terms in (("body", row.body), ("names", row.names)):
        made.add_text(field, " ".join(terms))
        made.add_unsigned(f"{field}_length", len(terms))
    for name in row.names:
        made.add_text("symbols", name)
    made.add_text("path", f"{uid}.py")
    made.add_unsigned("uid", uid)
    chunk = Chunk(f"{uid}.py", 1, 1, names=row.names)
    stored = StoredChunk(chunk, spaced(" ".join(row.body)), spaced(" ".join(row.names)))
    made.add_bytes("record", stored.to_bytes())
    return made


def rebuilt(folder: Path, corpus: Corpus) -> Snapshot:
    """Make an index at once."""
    return build(folder, [list(corpus.items())])


def eventful(corpus: Corpus, seed: int, *, commits: int) -> list[list[Change]]:
    """Tell a history that ends with `corpus`: chunks of other contents come, change and go on the way."""
    source = random.Random(seed)
    steps: list[list[Change]] = [[] for _ in range(commits)]
    for uid, row in corpus.items():
        last = source.randrange(commits)
        for step in range(last):
            if source.random() < 2 / commits:
                steps[step].append((uid, Row(row.body[::2] * 3 + ("gone",), row.names * 2)))
        steps[last].append((uid, row))
    for uid in range(10**6, 10**6 + len(corpus) // 2):
        first, last = sorted(source.sample(range(commits), 2)) if commits > 1 else (0, 0)
        steps[first].append((uid, Row(tuple(source.choices(WORDS, k=4)), ("get",))))
        steps[last].append((uid, None))
    for changes in steps:
        source.shuffle(changes)
        changes.sort(key=lambda change: change[1] is None)  # what comes and goes at once must come first
    return steps


def ranked(snapshot: Snapshot, field: Field, terms: Sequence[str], limit: int) -> list[tuple[int, float]]:
    """Give the best chunks in order, with their scores."""
    scores = snapshot.scores(field, terms, snapshot.top(field, terms, limit))
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def assert_same(one: Snapshot, other: Snapshot, corpus: Corpus, terms: Sequence[str], limit: int) -> None:
    """Hold two indexes of a corpus against one another, bit for bit, and both against rank-bm25."""
    for field in FIELDS:
        everything = ranked(other, field, terms, len(corpus))
        assert ranked(one, field, terms, limit) == ranked(other, field, terms, limit) == everything[:limit]
        if any(getattr(row, field) for row in corpus.values()):
            oracle = LuceneBM25([getattr(row, field) for row in corpus.values()]).get_scores(terms)
            scores = {uid: score for uid, score in zip(corpus, oracle, strict=True) if score > 0}
            assert dict(everything) == pytest.approx(scores, rel=1e-9)


def drifting(seed: int, size: int) -> dict[int, Row]:
    """Make chunks whose lengths and words change over the corpus, so that no two segments are alike."""
    source = random.Random(seed)
    weights = [2.0**-i for i in range(len(WORDS))]  # document frequencies from nearly all to a few
    corpus = {}
    for number in range(size):
        longest = 3 + 60 * number // size
        body = source.choices(WORDS, weights=weights, k=source.randint(1, longest))
        corpus[source.getrandbits(40)] = Row(tuple(body), tuple(body[:3]))
    return corpus


@pytest.mark.parametrize("commits", [2, 7, 60])  # 8 segments of about a size are merged
def test_an_index_made_in_steps_ranks_as_one_made_at_once(tmp_path: Path, commits: int) -> None:
    """An answer that moves when nothing has changed is not to be trusted, and cannot be debugged."""
    corpus = drifting(commits, 1_500)
    stepwise = build(tmp_path / "steps", eventful(corpus, 5, commits=commits))
    whole = rebuilt(tmp_path / "whole", corpus)
    assert len(stepwise) == len(whole) == len(corpus)
    source = random.Random(1)
    for _ in range(25):
        terms = source.sample(WORDS, k=source.randint(1, 5))
        assert_same(stepwise, whole, corpus, terms, source.choice([1, 10, 100, 10_000]))


def test_the_index_of_that_test_does_have_another_layout(tmp_path: Path) -> None:
    """Else it would pass whatever is computed: tantivy itself must disagree about the two."""
    corpus = drifting(2, 1_500)
    stepwise = build(tmp_path / "steps", eventful(corpus, 5, commits=7))
    whole = rebuilt(tmp_path / "whole", corpus)
    physical = [state._statistics.physical("body", ["get"]) for state in (stepwise, whole)]  # noqa: SLF001
    assert physical[0] is not None
    assert physical[1] is not None
    assert physical[0].n > physical[1].n == len(corpus)
    assert physical[0].avgdl != pytest.approx(physical[1].avgdl, rel=1e-3)


rows = st.builds(
    Row,
    st.lists(st.sampled_from(WORDS[:4]), min_size=1, max_size=30).map(tuple),
    st.lists(st.sampled_from(WORDS[:3]), max_size=3).map(tuple),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    corpus=st.dictionaries(st.integers(0, 10**5), rows, min_size=1, max_size=25),
    commits=st.integers(1, 10),
    seed=st.integers(0, 10**6),
    limit=st.integers(1, 12),
    terms=st.lists(st.sampled_from([*WORDS[:5], "gone"]), min_size=1, max_size=4, unique=True),
)
def test_no_history_shows(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: dict[int, Row],
    commits: int,
    seed: int,
    limit: int,
    terms: list[str],
) -> None:
    """Small indexes have the largest errors: a deleted chunk of two is half of all."""
    folder = tmp_path_factory.mktemp("layouts")
    stepwise = build(folder / "steps", eventful(corpus, seed, commits=commits))
    assert_same(stepwise, rebuilt(folder / "whole", corpus), corpus, terms, limit)


def test_of_thousands_of_equal_chunks_the_lowest_uids_are_found(tmp_path: Path) -> None:
    """Generated code repeats itself; the choice among equals must not fall to the place in the index."""
    source = random.Random(2)
    corpus = {uid: Row(("get", "key"), ("get",)) for uid in source.sample(range(10**6), 6_000)}
    corpus |= {10**7 + i: Row(("get", "key", "run"), ("get", "run")) for i in range(30)}
    stepwise = build(tmp_path / "steps", eventful(corpus, 1, commits=5))
    whole = rebuilt(tmp_path / "whole", corpus)
    assert_same(stepwise, whole, corpus, ["get", "run", "tag"], 100)
    assert_same(stepwise, whole, corpus, ["key"], 100)


def test_of_more_equal_chunks_than_are_looked_at_enough_are_found(tmp_path: Path) -> None:
    """Which ones, their layout decides; a search that looks at all of them would take too long."""
    corpus = {uid: Row(("get",)) for uid in range(reader.DEEPEST + 500)}
    assert len(rebuilt(tmp_path, corpus).top("body", ["get"], 100)) == 100


def test_very_long_chunks_are_counted_right(tmp_path: Path) -> None:
    """A minified file repeats a name ten thousand times, and its length is known to one byte."""
    corpus = {
        uid: Row(("get",) * count + ("set",) * (count // 3) + ("run",))
        for uid, count in enumerate([1, 2, 30, 999, 1_000, 1_001, 5_000, 40_000, 40_001, 90_000])
    }
    corpus |= {100 + uid: Row(("get", "map")) for uid in range(2_000)}
    stepwise = build(tmp_path / "steps", eventful(corpus, 3, commits=3))
    whole = rebuilt(tmp_path / "whole", corpus)
    for terms in (["get"], ["set", "get"], ["run", "map", "set"]):
        assert_same(stepwise, whole, corpus, terms, 9)


def test_an_emptied_index_finds_nothing(tmp_path: Path) -> None:
    """All files may go, as when a branch is switched; what is deleted must then not be divided by."""
    corpus = drifting(1, 50)
    for name, last in (("kept", [next(iter(corpus))]), ("gone", [])):
        gone: list[Change] = [(uid, None) for uid in corpus if uid not in last]
        state = build(tmp_path / name, [list(corpus.items()), gone])
        assert len(state) == len(last)
        assert state.top("body", WORDS, 10) == set(last)
        assert set(state.scores("body", WORDS, state.top("body", WORDS, 10))) == set(last)
        assert set(state.defining(WORDS, 10)) == set(last)
    assert build(tmp_path / "never", [[]]).top("names", ["get"], 10) == set()


def test_definitions_are_cut_off_by_rarity_then_uid(tmp_path: Path) -> None:
    """A name that everything defines must not crowd out the one that two chunks define."""
    source = random.Random(4)
    corpus = {uid: Row(("a",), ("get",)) for uid in source.sample(range(10**6), 300)}
    corpus |= {10**7: Row(("a",), ("rare",)), 10**7 + 1: Row(("a",), ("rare", "get"))}
    for state in (build(tmp_path / "s", eventful(corpus, 1, commits=4)), rebuilt(tmp_path / "w", corpus)):
        assert state.defining(["get", "rare"], 5) == [10**7, 10**7 + 1, *sorted(corpus)[:3]]


def test_many_phrases_are_told_apart(tmp_path: Path) -> None:
    """A pasted line has dozens of pairs of words, whose weights must add up alike in every layout."""
    words = [f"w{i}" for i in range(60)]
    pairs = {(left, right): 0.1 + i / 7 for i, (left, right) in enumerate(pairwise(words))}
    source = random.Random(6)
    corpus = {uid: Row(tuple(words[source.randrange(30) : 30 + source.randrange(30)])) for uid in range(200)}
    for state in (build(tmp_path / "s", eventful(corpus, 1, commits=4)), rebuilt(tmp_path / "w", corpus)):
        uids = sorted(state.top("body", words, 1_000))
        sums = {
            uid: sum(w for pair, w in pairs.items() if pair in set(pairwise(row.body)))
            for uid, row in corpus.items()
        }
        assert state.phrases(pairs, uids) == {uid: total for uid, total in sums.items() if total}
        assert state.holding(words, uids[:2]) == set(corpus[uids[0]].body) | set(corpus[uids[1]].body)


def test_an_open_index_counts_anew_after_a_commit(tmp_path: Path) -> None:
    """A server keeps the index open for days while other processes write it."""
    first, second = drifting(1, 200), drifting(2, 300)
    build(tmp_path, [list(first.items())])
    opened = Index(tmp_path)
    before = opened.snapshot()
    old = ranked(before, "body", ["get", "run"], 50)
    replaced: list[Change] = [(uid, None) for uid in first]
    build(tmp_path, [[*replaced, *second.items()]])
    now = rebuilt(tmp_path / "whole", second)
    assert ranked(opened.snapshot(), "body", ["get", "run"], 50) == ranked(now, "body", ["get", "run"], 50)
    assert ranked(before, "body", ["get", "run"], 50) == old


def test_a_repository_updated_in_steps_gives_the_same_run(tmp_path: Path) -> None:
    """The whole first stage, to the last digit: path, lines, score and every feature's part in it."""
    source = random.Random(9)
    root = write(tmp_path / "r", {})
    root.mkdir()
    opened = repository(root, tmp_path / "steps")
    for _ in range(12):
        for _ in range(6):
            number = source.randrange(25)
            names = ["_".join(source.choices(WORDS, k=2)) for _ in range(source.randint(1, 4))]
            called = (".".join(source.choices(WORDS, k=9)) for _ in names)
            body = "\n\n".join(
                f"def {name}(key):\n    return {call}" for name, call in zip(names, called, strict=True)
            )
            write(root, {f"{WORDS[number % 5]}/m{number}.py": body})
        opened.refresh()
    whole = repository(root, tmp_path / "whole")
    for query in ("get key of the job log", "run_map", "where is a row tag set", "bit.job.run"):
        assert first_stage(opened, query, limit=200) == first_stage(whole, query, limit=200)


@given(
    exact=st.lists(st.floats(0.01, 20), min_size=2, max_size=40),
    lowest=st.floats(0.5, 1),
    highest=st.floats(1, 2),
    data=st.data(),
)
def test_the_border_is_drawn_where_it_cannot_be_wrong(
    exact: list[float], lowest: float, highest: float, data: st.DataObject
) -> None:
    """That no chunk is lost rests on this alone."""
    limit = data.draw(st.integers(1, len(exact) - 1))
    off = [data.draw(st.floats(1 / highest, 1 / lowest)) for _ in exact]
    pairs = sorted(((score * by, score) for score, by in zip(exact, off, strict=True)), reverse=True)
    wide = ScoreBounds(lowest * (1 - 1e-12), highest * (1 + 1e-12))
    sure, possible = exact_bm25.decided_and_open(np.array([believed for believed, _ in pairs]), limit, wide)
    cut = sorted(exact, reverse=True)[limit - 1]
    assert sure < limit <= possible
    assert all(score > cut for _, score in pairs[:sure])
    assert all(score < cut for _, score in pairs[possible:])


@given(
    tf=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    dl=st.integers(1, 5_000),
    lengths=st.tuples(st.floats(1, 500), st.floats(1, 500)),
)
def test_exact_scores_are_within_reach(tf: list[int], dl: int, lengths: tuple[float, float]) -> None:
    """The bound is proved in `ScoreBounds`; a slip in the proof would lose answers silently."""
    live, physical = (Collection(100, avgdl) for avgdl in lengths)
    within = exact_bm25.score_bounds(live, physical, len(tf))
    counts, size = np.array(tf)[:, np.newaxis], quantised([dl])
    (exact,) = exact_bm25.bm25(counts, size, np.ones(len(tf)), live.avgdl)
    single = np.float32
    norm = single(1.2) * (single(0.25) + single(0.75) * single(size[0]) / single(physical.avgdl))
    believed = single(0)
    for count in tf:  # as tantivy does, in float32
        believed += single(2.2) * (single(count) / (single(count) + norm))
    assert within.lowest * float(believed) <= exact <= within.highest * float(believed)


def test_tantivys_own_idf_is_known_to_the_digits_that_it_has(tmp_path: Path) -> None:
    """Of a term in every chunk float32 keeps three digits: taken for exact, good chunks would be left out."""
    corpus = {uid: Row(("get",) if uid % 3 else ("get", "set")) for uid in range(5_000)}
    state = rebuilt(tmp_path, corpus)
    physical = state._statistics.physical("body", ["get"])  # noqa: SLF001
    assert physical is not None
    (uid,) = state.top("body", ["set"], 1)
    for term in ("get", "set"):
        query, address = state._term("body", term), state._addresses[uid]  # noqa: SLF001
        told = constant(query, state._searcher, address, "idf")  # noqa: SLF001
        assert state._statistics.physical_idf("body", [term], physical)[0] == pytest.approx(told, rel=3e-7)  # noqa: SLF001


def test_lengths_have_a_column(tmp_path: Path) -> None:
    """The rows of these tests are written without the writer: its columns must be those that are read."""
    state = rebuilt(tmp_path, {1: Row(("get", "get"), ("get",))})
    assert [length_field(field) for field in FIELDS] == ["body_length", "names_length"]
    assert state._statistics.live("body") == Collection(1, 2.0)  # noqa: SLF001

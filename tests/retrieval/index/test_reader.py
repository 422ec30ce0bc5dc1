"""The index is held against rank-bm25: two implementations that agree are hardly both wrong."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import repository, write

from retrieval.chunks import tokenizer
from retrieval.chunks.chunker import chunk_file, lines_of
from retrieval.chunks.split_file import split
from retrieval.index.bm25 import LuceneBM25, bm25_scores, quantised
from retrieval.index.reader import FIELDS, Field, Index, Snapshot, path_terms
from retrieval.index.writer import BLOCK_BYTES, IndexWriter, make

WORDS = (
    "retry backoff queue worker store limiter token parse config header request response client server cache "
    "flush commit merge lock thread async stream buffer socket timeout".split()
)


@pytest.fixture(scope="module")
def corpus() -> dict[str, str]:
    """Make files of random definitions whose words repeat as those of code do."""
    source = random.Random(7)
    files = {}
    for number in range(60):
        bodies = []
        for _ in range(source.randint(1, 25)):
            name = "_".join(source.choices(WORDS, k=2))
            bodies.append(
                f"def {name}():\n    return {' '.join(source.choices(WORDS, k=source.randint(1, 60)))!r}\n"
            )
        files[f"src/{source.choice(WORDS)}/m{number}.py"] = "\n".join(bodies)
    return files


@pytest.fixture(scope="module")
def snapshot(corpus: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Index the corpus."""
    folder = tmp_path_factory.mktemp("index")
    with IndexWriter(folder) as writer:
        for path, text in corpus.items():
            writer.add(path, split(path, text.encode()).chunks)
        writer.commit()
    return Index(folder).snapshot()


def documents(corpus: dict[str, str]) -> Iterator[tuple[tuple[str, int], dict[str, list[str]]]]:
    """Yield each chunk's place and the terms that each field must hold, made without the index's code."""
    for path, text in corpus.items():
        chunks = chunk_file(path, text)
        lines = lines_of(text)
        for chunk in chunks:
            body = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
            words = [*tokenizer.terms(body), *path_terms(path)]
            fields = {"body": tokenizer.stems(words), "names": tokenizer.name_stems(chunk.names)}
            yield (path, chunk.start_line), fields


@pytest.mark.parametrize("field", FIELDS)
def test_the_index_scores_as_rank_bm25_does(corpus: dict[str, str], snapshot: Snapshot, field: Field) -> None:
    """Tantivy serves the repository, rank-bm25 defines what its scores mean."""
    places = dict(documents(corpus))
    oracle = LuceneBM25([terms[field] for terms in places.values()])
    source = random.Random(3)
    for _ in range(40):
        query = tokenizer.stems(source.sample(WORDS, k=3))
        expected = dict(zip(places, oracle.get_scores(query), strict=True))
        scores = snapshot.scores(field, query, snapshot.top(field, query, len(places)))
        chunks = snapshot.chunks(scores)
        got = {(chunks[uid].path, chunks[uid].start_line): score for uid, score in scores.items()}
        assert got.keys() == {place for place, score in expected.items() if score > 0}
        for place, score in got.items():
            assert score == pytest.approx(expected[place], rel=1e-12)


def test_chosen_chunks_get_the_scores_they_have_in_a_full_search(snapshot: Snapshot) -> None:
    """Features of one candidate come from several fields: each must be the true score, not a cut-off one."""
    full = snapshot.scores("body", ["retri", "queue"], snapshot.top("body", ["retri", "queue"], 10_000))
    chosen = list(full)[5:60:7]
    assert snapshot.scores("body", ["retri", "queue"], chosen) == {uid: full[uid] for uid in chosen}


def test_a_search_can_be_held_to_some_files(corpus: dict[str, str], snapshot: Snapshot) -> None:
    """A path filter must restrict what is searched, not what is shown: else it returns less than it could."""
    for paths in (sorted(corpus)[:1], sorted(corpus)[:7]):
        found = snapshot.chunks(snapshot.top("body", ["retri"], 10_000, paths=paths))
        assert {chunk.path for chunk in found.values()} <= set(paths)
        assert found


def test_the_rarest_terms_of_a_chunk_find_it_first(corpus: dict[str, str], snapshot: Snapshot) -> None:
    """The system before this one could not do even that, and nobody noticed for weeks."""
    path = sorted(corpus)[4]
    marker = path.rpartition("/")[2].removesuffix(".py")
    best = next(iter(snapshot.top("body", tokenizer.stems([marker]), 1)))
    assert snapshot.chunks([best])[best].path == path


def test_a_file_can_be_replaced(tmp_path: Path) -> None:
    """An edit must leave nothing of the old text behind."""
    old, new = "def before(): pass\n", "def after(): pass\n"
    for text in (old, new):
        with IndexWriter(tmp_path) as writer:
            writer.remove("a.py")
            writer.add("a.py", split("a.py", text.encode()).chunks)
            writer.commit()
    state = Index(tmp_path).snapshot()
    assert len(state) == 1
    assert not state.top("names", ["befor"], 5)
    assert state.top("names", ["after"], 5)


def test_the_engine_keeps_to_the_size_of_blocks(tmp_path: Path) -> None:
    """It is told once, in a file that it writes anew with every commit."""
    sizes = []
    for block_bytes in (BLOCK_BYTES, 100 * BLOCK_BYTES):
        folder = tmp_path / str(block_bytes)
        folder.mkdir()
        make(folder, block_bytes=block_bytes)
        with IndexWriter(folder) as writer:
            for number in range(100):
                writer.add(f"{number}.py", split("a.py", b"x = 1\n" * 100).chunks)
            writer.commit()
        sizes.append(sum(file.stat().st_size for file in folder.glob("*.store")))
    assert sizes[0] > sizes[1]  # what lies in one block is packed together
    meta = json.loads((tmp_path / str(BLOCK_BYTES) / "meta.json").read_text(encoding="utf-8"))
    assert meta["index_settings"]["docstore_blocksize"] == BLOCK_BYTES


def test_what_was_cut_off_before_its_commit_can_be_done_again(tmp_path: Path) -> None:
    """A kill between the list of deletions and the commit made every later try fail: the file was there."""
    with IndexWriter(tmp_path) as writer:
        for name in "abc":
            writer.add(f"{name}.py", split("a.py", b"def before(): pass\n").chunks)
        writer.commit()
    committed = (tmp_path / "meta.json").read_bytes()
    for _ in range(2):
        (tmp_path / "meta.json").write_bytes(committed)  # as a kill just before it was replaced leaves it
        with IndexWriter(tmp_path) as writer:
            writer.remove("a.py")
            writer.add("a.py", split("a.py", b"def after(): pass\n").chunks)
            writer.commit()
    state = Index(tmp_path).snapshot()
    assert len(state.top("names", ["befor"], 5)) == 2
    assert len(state.top("names", ["after"], 5)) == 1


def test_what_is_not_committed_is_not_seen(tmp_path: Path) -> None:
    """A reader never sees half an index."""
    with IndexWriter(tmp_path) as writer:
        writer.commit()
        writer.add("a.py", split("a.py", b"x = 1").chunks)
        assert len(Index(tmp_path).snapshot()) == 0


def test_definitions_are_found_whatever_their_case(tmp_path: Path) -> None:
    """People type `httpclient`; a class is called HttpClient."""
    opened = repository(write(tmp_path / "r", {"a.py": "class HttpClient:\n    pass\n"}), tmp_path / "c")
    state = opened.view().snapshot
    (uid,) = state.defining(["httpclient"], 5)
    assert state.chunks([uid])[uid].names == ("HttpClient",)


def test_lengths_are_quantised_as_lucene_does() -> None:
    """Scores would differ in the third digit otherwise, and nobody would know why."""
    exact = [quantised(length) for length in range(41)]
    assert exact == list(range(41))
    assert [quantised(n) for n in (41, 42, 55, 56, 60, 1000, 100_000)] == [40, 42, 54, 56, 60, 984, 98_328]


def test_the_idf_of_a_term_in_every_document_is_positive() -> None:
    """Stock Okapi gives `self` an idf of about 2 by its floor; Lucene's formula needs none."""
    scores = bm25_scores(["self"], [["self", "a"], ["self", "b"], ["self", "self"]])
    assert np.all(scores > 0)
    assert scores[2] > scores[0]


def test_no_documents_score_nothing() -> None:
    """rank-bm25 divides by the mean length."""
    assert bm25_scores(["a"], []).tolist() == []
    assert bm25_scores(["a"], [[], []]).tolist() == [0.0, 0.0]

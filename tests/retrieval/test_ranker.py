"""Each feature of the first stage is disconnected once: the order must then be wrong."""

import doctest
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import first_stage, found, repository, write

from retrieval import ranker, tokenizer
from retrieval.ranker import QUESTION, SYMBOL, Weights, rank, read_query
from retrieval.repository import Repository

FILLER = "\n\n".join(
    f"def helper_{i}(value):\n    total = value * {i}\n    return total + compute(value)" for i in range(30)
)


def paths_with(opened: Repository, query: str, weights: Weights) -> list[str]:
    """Rank with other weights; name the chunks' files in order."""
    ranked = rank(read_query(query), opened.snapshot(), limit=20, weights=weights)
    return [candidate.chunk.path for candidate in ranked]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Name a cache folder of the test's own."""
    return tmp_path / "cache"


def test_a_nonsense_query_finds_nothing(tmp_path: Path, cache: Path) -> None:
    """An answer to everything is an answer to nothing."""
    opened = repository(write(tmp_path / "r", {"a.py": FILLER}), cache)
    assert first_stage(opened, "zxqvbn wobblefrotz") == []


def test_two_different_queries_differ(tmp_path: Path, cache: Path) -> None:
    """The system before this one returned the same five files whatever was asked."""
    files = {"queue.py": "def push(job): store(job)", "limit.py": "def throttle(rate): wait(rate)"}
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "push a job")[0] == "queue.py"
    assert found(opened, "throttle the rate")[0] == "limit.py"


def test_the_path_finds_a_file_whose_text_does_not_say_it(tmp_path: Path, cache: Path) -> None:
    """retry/backoff.py need not contain the word backoff at all."""
    files = {
        "src/retry/backoff.py": "def delay(attempt):\n    return 2**attempt\n",
        "src/text.py": "# no backoff here\n" + FILLER,
        "src/other.py": FILLER,
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "how does backoff work")[0] == "src/retry/backoff.py"
    assert paths_with(opened, "how does backoff work", replace(QUESTION, path=0.0, body=0.0, words=0.0)) != [
        "src/retry/backoff.py"
    ]


def test_the_path_terms_are_in_the_body(tmp_path: Path, cache: Path) -> None:
    """Without them a file whose name alone answers is not even a candidate."""
    opened = repository(write(tmp_path / "r", {"throttle.py": "x = 1\n", "b.py": FILLER}), cache)
    assert found(opened, "throttle") == ["throttle.py"]
    assert opened.snapshot().top("body", ["throttl"], 5)


def test_stop_words_do_not_decide(tmp_path: Path, cache: Path) -> None:
    """A chunk that says "how does it do that" often must not win every question."""
    prose = "# how does it do this and how does it do that, what is it and where is it\n"
    files = {"chatty.py": prose * 3 + "x = 1\n", "flush.py": FILLER + "\n\ndef save():\n    buffer.flush()\n"}
    opened = repository(write(tmp_path / "r", files), cache)
    query = "how does it flush that"
    assert found(opened, query) == ["flush.py"]
    words = tuple(tokenizer.terms(query))
    connected = ranker.Query(query, words, tuple(tokenizer.stems(words)), (), is_symbol=False)
    ranked = rank(connected, opened.snapshot(), limit=5, weights=replace(QUESTION, path=0.0))
    assert ranked[0].chunk.path == "chatty.py", (
        "the words of the question do match where they are not left out"
    )


def test_further_chunks_of_a_file_give_way_to_other_files(tmp_path: Path, cache: Path) -> None:
    """Ten chunks of one file are one answer, told ten times."""
    wordy = "\n\n".join(
        f"def lease_{i}(lease):\n    lease.renew()\n" + "    lease.check(lease)\n" * 25 for i in range(8)
    )
    files = {
        "a_lease.py": wordy,
        "b_lock.py": FILLER + "\n\ndef renew():\n    lease = get()\n    return lease\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    query = "how is a lease renewed"
    assert paths_with(opened, query, QUESTION)[:2] == ["a_lease.py", "b_lock.py"]
    assert paths_with(opened, query, replace(QUESTION, decay=1.0))[:2] == ["a_lease.py", "a_lease.py"]


def test_the_chunk_that_defines_a_name_beats_those_that_use_it(tmp_path: Path, cache: Path) -> None:
    """Asked for a name, people want its definition; its uses they can grep."""
    uses = "\n".join("client = HttpClient()\nHttpClient.open(HttpClient)" for _ in range(10))
    files = {"uses.py": uses, "other.py": "class HttpClient:\n    pass\n\n\n" + FILLER}
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "HttpClient")[0] == "other.py"
    assert paths_with(opened, "HttpClient", replace(SYMBOL, definition=0.0))[0] == "uses.py"


def test_the_names_of_a_chunk_count_more_than_its_text(tmp_path: Path, cache: Path) -> None:
    """A function called after the thing does the thing."""
    files = {
        "a.py": "def run():\n    # resume the session\n    session.resume()\n",
        "b.py": "def resume_session():\n    go()\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "resume session")[0] == "b.py"
    text_only = replace(QUESTION, names=0.0, file_names=0.0, definition=0.0)
    assert paths_with(opened, "resume session", text_only)[0] == "a.py"


def test_tests_and_examples_come_after_the_code_they_show(tmp_path: Path, cache: Path) -> None:
    """A test says more about a feature than its code does, in the asker's own words."""
    files = {
        "tests/test_session.py": "def test_session_resume():\n    session.resume()\n    session.resume()\n",
        "src/session.py": "def resume():\n    session.restore()\n\n\n" + FILLER,
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "how does a session resume") == ["src/session.py", "tests/test_session.py"]


def test_a_file_full_of_good_chunks_beats_one_lucky_chunk(tmp_path: Path, cache: Path) -> None:
    """The module about a subject answers better than one function that mentions it."""
    block = "def step_{i}(scheduler):\n    scheduler.tick()\n" + "    value = compute({i}, total)\n" * 25
    about = "\n\n".join(block.replace("{i}", str(i)) for i in range(8))
    lucky = "def once():\n    scheduler = make_scheduler()\n    scheduler.tick()\n"
    opened = repository(write(tmp_path / "r", {"z_about.py": about, "a_lucky.py": lucky}), cache)
    query = "when does the scheduler tick"
    assert paths_with(opened, query, replace(QUESTION, coherence=3.0))[0] == "z_about.py"
    assert paths_with(opened, query, replace(QUESTION, coherence=0.0))[0] == "a_lucky.py"


def test_the_shares_of_a_candidate_add_up_to_its_score(tmp_path: Path, cache: Path) -> None:
    """An explanation that does not add up explains nothing."""
    files = {
        "src/session.py": FILLER,
        "tests/test_session.py": "def test_session(): helper_3(compute)",
        "a.py": FILLER,
    }
    opened = repository(write(tmp_path / "r", files), cache)
    candidates = first_stage(opened, "session helper compute")
    assert any("decay" in candidate.parts for candidate in candidates)
    assert any("prior" in candidate.parts for candidate in candidates)
    for candidate in candidates:
        assert sum(candidate.parts.values()) == pytest.approx(candidate.score, abs=2e-6)


def test_ranks_start_at_one_and_scores_never_rise(tmp_path: Path, cache: Path) -> None:
    """What stands above must score at least as much."""
    opened = repository(write(tmp_path / "r", {f"f{i}.py": FILLER for i in range(5)}), cache)
    candidates = first_stage(opened, "helper total value", limit=30)
    assert [candidate.rank for candidate in candidates] == list(range(1, len(candidates) + 1))
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)


def test_equal_files_come_in_the_order_of_their_paths(tmp_path: Path, cache: Path) -> None:
    """Same input, same output: a tie must not depend on the order of indexing."""
    opened = repository(write(tmp_path / "r", {f"{name}.py": "def same(): pass\n" for name in "dbac"}), cache)
    assert found(opened, "same") == ["a.py", "b.py", "c.py", "d.py"]


@pytest.mark.parametrize(
    ("query", "identifiers", "is_symbol"),
    [
        ("HttpClient", ("httpclient",), True),
        ("Sinatra::Base", ("base",), True),
        ("client.send()", ("send",), True),
        ("retry", ("retry",), True),
        ("where is HttpClient.send called", ("send",), False),
        ("how does parse_header work", ("parse_header",), False),
        ("what calls flush()", ("flush",), False),
        ("How are requests sent?", (), False),
        ("", (), False),
    ],
)
def test_identifiers_in_a_query_are_recognised(
    query: str, identifiers: tuple[str, ...], is_symbol: bool
) -> None:
    """A name in a question is worth more than a word."""
    read = read_query(query)
    assert (read.identifiers, read.is_symbol) == (identifiers, is_symbol)


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    assert doctest.testmod(ranker).failed == 0

"""Each feature of the first stage is disconnected once: the order must then be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from fakes import first_stage, found, repository, searched, write
from numpy.typing import NDArray

from retrieval.chunks import tokenizer
from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import extract_features
from retrieval.rank.need import Wording, read_need
from retrieval.rank.ranker import find_and_rank, rank, weights_for
from retrieval.rank.weights import QUESTION, SYMBOL, Weights
from retrieval.records import Candidate
from retrieval.search.searcher import Request
from retrieval.sync.repository import Repository

FILLER = "\n\n".join(
    f"def helper_{i}(value):\n    total = value * {i}\n    return total + compute(value)" for i in range(30)
)


def reweighed(weights: Weights, **features: float) -> Weights:
    """Give features other weights."""
    return replace(weights, features={**weights.features, **features})


def paths_with(opened: Repository, query: str, weights: Weights) -> list[str]:
    """Rank with other weights; name the chunks' files in order."""
    ranked = find_and_rank(read_need(query), opened.view().snapshot, limit=20, weights=weights)
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


def test_a_path_that_spells_the_question_beats_text_that_says_it_once(tmp_path: Path, cache: Path) -> None:
    """The strongest feature of all: disconnect it and the chatty file wins."""
    files = {
        "src/session/renewal.py": "def extend(token):\n    return token.later()  # renewal of a session\n",
        "src/notes.py": "def note():\n    # session renewal, renewal of a session, a renewal\n    pass\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    query = "where does the renewal of a session happen"
    assert found(opened, query)[0] == "src/session/renewal.py"
    assert paths_with(opened, query, reweighed(QUESTION, path=0.0, title=0.0))[0] == "src/notes.py"


def test_words_that_spell_the_name_of_a_file_find_that_file(tmp_path: Path, cache: Path) -> None:
    """Asked for "the json element", people mean JsonElement.java, not each file that says json."""
    files = {
        "src/JsonElement.java": "class JsonElement { int x; }\n",
        "src/JsonElementVisitor.java": "class JsonElementVisitor { JsonElement json; /* element */ }\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    query = "what is a json element"
    assert found(opened, query)[0] == "src/JsonElement.java"
    assert paths_with(opened, query, reweighed(QUESTION, title=0.0))[0] == "src/JsonElementVisitor.java"


def test_pasted_text_finds_the_place_that_says_it_word_for_word(tmp_path: Path, cache: Path) -> None:
    """An error message is a quotation; other chunks have its words in another order."""
    words = "def status():\n    # lease expired? no worker, no renewal: expired worker lease\n    pass\n"
    said = "def fail():\n    raise Error('no worker renewal before the lease expired')\n" + FILLER
    opened = repository(write(tmp_path / "r", {"a.py": words, "b.py": said}), cache)
    query = "Error: no worker renewal before the lease expired"
    assert found(opened, query)[0] == "b.py"
    assert paths_with(opened, query, reweighed(QUESTION, phrase=0.0))[0] == "a.py"


def test_a_question_finds_the_file_that_says_at_its_beginning_what_it_is_for(
    tmp_path: Path, cache: Path
) -> None:
    """Its author answered the question before it was asked; a request is worded otherwise."""
    said = '"""How entries are balanced at the end of a day in the ledger."""\n\nimport os\n\n'
    used = "\n\ndef clerk(ledger):\n    day = ledger.entries()\n    ledger.balance(day)\n    return ledger\n"
    opened = repository(write(tmp_path / "r", {"keeper.py": said + FILLER, "clerk.py": FILLER + used}), cache)
    asked = "how are the entries of a day balanced in the ledger"
    told = "balance the entries of a day in the ledger"
    without = reweighed(QUESTION, purpose=0.0)
    assert paths_with(opened, asked, QUESTION)[0] == "keeper.py"
    assert paths_with(opened, asked, without)[0] == "clerk.py"
    assert paths_with(opened, told, QUESTION) == paths_with(opened, told, without)
    parts = first_stage(opened, asked)[0].parts
    assert parts["purpose"] == pytest.approx(QUESTION.features["purpose"])


@pytest.mark.parametrize(
    "frame",
    [
        '  File "/usr/lib/app/src/jobs.py", line 90, in main',
        "    at main (/srv/app/src/jobs.py:90:5)",
        "#0 /app/src/jobs.py(90): main()",
        r"   at Jobs.Main() in C:\build\src\jobs.py:line 90",
    ],
)
def test_a_frame_of_a_stack_trace_finds_its_line(tmp_path: Path, cache: Path, frame: str) -> None:
    """Whoever pastes a stack trace has said the place; below another root it is the same file."""
    files = {
        "src/jobs.py": FILLER,
        "lib/jobs.py": FILLER,
        "src/boom.py": "def boom():\n    # Boom: it broke\n    pass\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    query = f"Boom: it broke\n{frame}"
    best = first_stage(opened, query)[0].chunk
    assert best.path == "src/jobs.py"
    assert best.start_line <= 90 <= best.end_line
    assert paths_with(opened, query, reweighed(QUESTION, location=0.0))[0] == "src/boom.py"


def test_a_newer_version_comes_before_the_older_one_beside_it(tmp_path: Path, cache: Path) -> None:
    """Old versions are kept for their users; who asks means the one that lives."""
    text = "def parse_schema(schema):\n    return schema.parse()\n"
    files = {"src/v1/schema.py": text, "src/v2/schema.py": text, "api/v1/schema.txt": "parse"}
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "how is a schema parsed")[:2] == ["src/v2/schema.py", "src/v1/schema.py"]


def test_code_comes_before_prose_about_it(tmp_path: Path, cache: Path) -> None:
    """A changelog says more of the words; the code is what was asked for."""
    files = {
        "CHANGES.md": "# Changes\n\nThe worker retries a job. A job is retried by the worker.\n",
        "worker.py": "def retry(job):\n    job.run()\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "how does the worker retry a job") == ["worker.py", "CHANGES.md"]


def test_the_path_terms_are_in_the_body(tmp_path: Path, cache: Path) -> None:
    """Without them a file whose name alone answers is not even a candidate."""
    opened = repository(write(tmp_path / "r", {"throttle.py": "x = 1\n", "b.py": FILLER}), cache)
    assert found(opened, "throttle") == ["throttle.py"]
    assert opened.view().snapshot.top("body", ["throttl"], 5)


def test_stop_words_do_not_decide(tmp_path: Path, cache: Path) -> None:
    """A chunk that says "how does it do that" often must not win every question."""
    prose = "# how does it do this and how does it do that, what is it and where is it\n"
    files = {"chatty.py": prose * 3 + "x = 1\n", "flush.py": FILLER + "\n\ndef save():\n    buffer.flush()\n"}
    opened = repository(write(tmp_path / "r", files), cache)
    query = "how does it flush that"
    assert found(opened, query) == ["flush.py"]
    stems = tuple(tokenizer.stems(tokenizer.terms(query)))
    need = read_need(query)
    connected = replace(need, wordings=(Wording(replace(need.query, stems=stems), 1.0),))
    ranked = find_and_rank(
        connected,
        opened.view().snapshot,
        limit=5,
        weights=reweighed(QUESTION, path=0.0, title=0.0, phrase=0.0),
    )
    assert ranked[0].chunk.path == "chatty.py", (
        "the words of the question do match where they are not left out"
    )


def test_further_chunks_of_a_file_give_way_to_other_files(tmp_path: Path, cache: Path) -> None:
    """Ten chunks of one file are one answer, told ten times."""
    wordy = "\n\n".join(
        f"def lease_{i}(lease):\n    lease.renew()\n" + "    lease.check(lease)\n" * 25 for i in range(8)
    )
    files = {
        "a.py": wordy,
        "b.py": FILLER + "\n\ndef renew():\n    lease = get()\n    return lease\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    query, weights = "how is a lease renewed", reweighed(QUESTION, purpose=0.0)
    assert paths_with(opened, query, weights)[:2] == ["a.py", "b.py"]
    assert paths_with(opened, query, replace(weights, decay=1.0))[:2] == ["a.py", "a.py"]


def test_the_chunk_that_defines_a_name_beats_those_that_use_it(tmp_path: Path, cache: Path) -> None:
    """Asked for a name, people want its definition; its uses they can grep."""
    uses = "\n".join("client = HttpClient()\nHttpClient.open(HttpClient)" for _ in range(10))
    files = {"uses.py": uses, "other.py": "class HttpClient:\n    pass\n\n\n" + FILLER}
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "HttpClient")[0] == "other.py"
    assert paths_with(opened, "HttpClient", reweighed(SYMBOL, definition=0.0, type=0.0))[0] == "uses.py"


def test_the_names_of_a_chunk_count_more_than_its_text(tmp_path: Path, cache: Path) -> None:
    """A function called after the thing does the thing."""
    files = {
        "a.py": "def run():\n    # resume the session\n    session.resume()\n",
        "b.py": "def resume_session():\n    go()\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "resume session")[0] == "b.py"
    text_only = reweighed(QUESTION, names=0.0, definition=0.0, phrase=0.0)
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


FILLED = FILLER[:600]
# For each feature and kind of place two files, of which the first wins by that alone.
DECIDED: dict[str, tuple[str, str, dict[str, str]]] = {
    "names": (
        "resume session",
        "b.py",
        {
            "a.py": "def run():\n    session.resume(session)\n",
            "b.py": "def resume_session():\n    session.go()\n",
        },
    ),
    "path": (
        "why are connections pooled eagerly",
        "src/connection_pools.py",
        {
            "src/connection_pools.py": "def keep(item):\n    return item\n" + FILLED,
            "src/a.py": "def note():\n    # pooled, eagerly\n    pass\n",
            **{f"src/f{number}.py": FILLED for number in range(6)},
        },
    ),
    "kind": (
        "how does a lease expire",
        "sources/a.py",
        {"examples/a.py": "lease.expire()\n", "sources/a.py": "lease.expire()\n"},
    ),
}


@pytest.mark.parametrize("name", DECIDED)
def test_each_feature_decides_where_nothing_else_does(tmp_path: Path, cache: Path, name: str) -> None:
    """Take this one away, and only this, and another file wins."""
    query, best, files = DECIDED[name]
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, query)[0] == best
    weights = SYMBOL if read_need(query).is_symbol else QUESTION
    alike = dict.fromkeys(KINDS, 1.0)
    less = replace(weights, kinds=alike) if name == "kind" else reweighed(weights, **{name: 0.0})
    assert paths_with(opened, query, less)[0] != best


def test_pasted_text_is_found_among_words_this_code_never_says(tmp_path: Path, cache: Path) -> None:
    """A log line comes with hosts, hashes and temporary paths around it."""
    said = "def fail():\n    raise Error('no worker renewal before the lease expired')\n" + FILLED
    words = "def status():\n    # lease expired? no worker, no renewal: expired worker lease\n    pass\n"
    opened = repository(write(tmp_path / "r", {"a.py": words, "b.py": said}), cache)
    junk = " ".join(f"zq{number}x host{number}y" for number in range(40))
    assert found(opened, f"{junk} no worker renewal before the lease expired {junk}")[0] == "b.py"


def test_the_last_frames_count_behind_many_of_other_code(tmp_path: Path, cache: Path) -> None:
    """Python's tracebacks name the culprit last, behind every frame of the framework."""
    opened = repository(write(tmp_path / "r", {"src/core.py": FILLER, "src/app.py": FILLER}), cache)
    foreign = "".join(f'  File "/site/web/m{n}.py", line 5, in call\n' for n in range(30))
    best = first_stage(opened, f'{foreign}  File "/app/src/core.py", line 90, in main')[0].chunk
    assert (best.path, best.start_line <= 90 <= best.end_line) == ("src/core.py", True)


def test_a_frame_of_other_code_is_not_ours_for_its_name_alone(tmp_path: Path, cache: Path) -> None:
    """Every framework has a utils.py."""
    opened = repository(write(tmp_path / "r", {"src/app/utils.py": FILLER}), cache)
    query = 'helper value\n  File "/site-packages/rq/utils.py", line 90, in main'
    assert not any("location" in candidate.parts for candidate in first_stage(opened, query))


@pytest.mark.parametrize(
    "query", ["__", "()", "?", "…", "a" * 8000, "a." * 4000, "1." * 4000, "src/a.py:1 " * 500]
)
def test_odd_queries_are_answered_like_any_other(tmp_path: Path, cache: Path, query: str) -> None:
    """Agents paste what they have."""
    opened = repository(write(tmp_path / "r", {"src/a.py": "def __(text): return text\n"}), cache)
    assert searched(opened, Request(query, 5)).confidence is not None


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
    assert any("kind" in candidate.parts for candidate in candidates)
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


def test_a_commit_that_says_it_brings_its_file_in(tmp_path: Path, cache: Path) -> None:
    """Whoever met the fault described it in words that the code does not hold."""
    files = {"src/a.py": "def note():\n    # flicker\n    pass\n", "src/b.py": FILLED, "src/c.py": FILLED}
    view = repository(write(tmp_path / "r", files), cache).view()
    need = read_need("flicker of the helper")
    without = find_and_rank(need, view.snapshot, limit=5)
    with_past = find_and_rank(need, view.snapshot, limit=5, past={"src/c.py": 3.0})
    placed = [[item.chunk.path for item in ranked].index("src/c.py") for ranked in (without, with_past)]
    assert placed[1] < placed[0]
    assert any("past" in item.parts for item in with_past)


@dataclass(frozen=True)
class Together:
    """A history in which some files always change together."""

    paths: tuple[str, ...] = ()

    def together(self, path: str, others: Sequence[str]) -> NDArray[np.float64]:
        """Tell how often others changed with a file."""
        return np.array([float({path, other} <= set(self.paths)) for other in others])

    def among(self, paths: Sequence[str]) -> NDArray[np.float64]:
        """Tell it of each."""
        shares = np.array([self.together(path, paths) for path in paths])
        np.fill_diagonal(shares, 0.0)
        return shares


def ranked_with(opened: Repository, query: str, changes: Together | None) -> list[Candidate]:
    """Rank with a history of changes."""
    need = read_need(query)
    features = extract_features(need, opened.view().snapshot, changes=changes)
    return rank(features, weights_for(need), limit=20)


def test_a_file_that_changes_with_the_best_one_rises_but_never_above_it(tmp_path: Path, cache: Path) -> None:
    """Who asks what has to change needs the file, too, that always changed along."""
    files = {
        "src/lamp.py": "def lamp_colour():\n    return colour(lamp)\n",
        "src/wire.py": "def pull_wire(lamp):\n    return lamp\n\n\n" + FILLER + "\n\n\ndef cut(lamp): ...\n",
        **{f"src/x{number}.py": "def other(lamp):\n    return lamp\n" for number in range(6)},
    }
    opened = repository(write(tmp_path / "r", files), cache)
    both = Together(("src/lamp.py", "src/wire.py"))
    alone, along = (ranked_with(opened, "the colour of the lamp", changes) for changes in (None, both))
    places = [[item.chunk.path for item in found].index("src/wire.py") for found in (alone, along)]
    assert places[0] > places[1] == 1
    assert along[0].chunk.path == "src/lamp.py", "the best stays the best"
    assert along[1].score < along[0].score
    raised = [item.chunk.path for item in along if "together" in item.parts]
    assert raised == ["src/wire.py"], "only the best place of the file"
    assert {item.chunk.path for item in along if "support" in item.parts} == {"src/lamp.py", "src/wire.py"}
    assert ranked_with(opened, "lamp_colour", both) == ranked_with(opened, "lamp_colour", None), "a name"


def test_files_that_change_together_support_each_other(tmp_path: Path, cache: Path) -> None:
    """Of two files that are as good, the one whose companions are good as well is more likely the answer."""
    files = {f"src/{name}.py": f"def {name}():\n    return colour(lamp)\n" for name in ("aa", "bb", "cc")}
    opened = repository(write(tmp_path / "r", files), cache)
    assert ranked_with(opened, "the colour of the lamp", Together())[0].chunk.path == "src/aa.py"
    pair = Together(("src/bb.py", "src/cc.py"))
    supported = ranked_with(opened, "the colour of the lamp", pair)
    assert [item.chunk.path for item in supported] == ["src/bb.py", "src/cc.py", "src/aa.py"]
    assert all(np.isclose(sum(item.parts.values()), item.score) for item in supported)
    outside = Together(("src/aa.py", "elsewhere.py"))
    alone = ranked_with(opened, "the colour of the lamp", None)
    assert ranked_with(opened, "the colour of the lamp", outside) == alone, "who is not found says nothing"


def test_more_places_of_a_file_stay_where_others_are_known_to_belong(tmp_path: Path, cache: Path) -> None:
    """Room for other files is kept where nothing says which of them belong to an answer."""
    many = "\n\n\n".join(f"def lamp_{i}(lamp):\n" + "    lamp += colour\n" * 30 for i in range(6))
    dim = "def {}(lamp):\n    return lamp\n"
    files = {"a.py": many, "b.py": dim.format("dim"), "c.py": dim.format("lit")}
    opened = repository(write(tmp_path / "r", files), cache)

    def factor(changes: Together | None) -> float:
        """Return what the second chunk of a file keeps of its score."""
        found = ranked_with(opened, "the lamp of a colour", changes)
        second = next(item for item in found if item.chunk.path == "a.py" and "decay" in item.parts)
        before = sum(value for name, value in second.parts.items() if name not in {"decay", "support"})
        return round(1 + second.parts["decay"] / before, 3)

    assert factor(None) == factor(Together()) == factor(Together(("a.py", "d.py"))) == QUESTION.decay
    assert factor(Together(("b.py", "c.py"))) == QUESTION.known_decay


def test_a_whole_name_comes_before_its_parts_in_tests_too(tmp_path: Path, cache: Path) -> None:
    """Who asks for a name wants that name, and not the paths and titles that share words with it."""
    files = {
        "parse/header_line/parse_header.py": "def parse_header(): ...\ndef header_line(): ...\n",
        "tests/test_all.py": "def test_it():\n    assert parse_header_line()\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "parse_header_line")[0] == "tests/test_all.py"


def test_a_file_is_found_by_its_whole_name(tmp_path: Path, cache: Path) -> None:
    """`openssl.h` is not `openssl.c`, which says more of ssl."""
    files = {
        "lib/openssl.c": "int openssl_open(void) { return openssl; }\n" * 5,
        "lib/openssl.h": "int f(void);\n",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert found(opened, "openssl.h")[0] == "lib/openssl.h"
    assert found(opened, "lib/openssl.c")[0] == "lib/openssl.c"

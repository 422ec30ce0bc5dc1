"""A search that always finds something must say when it found nothing worth having."""

from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.rank.confidence import Confidence, judge, signs
from retrieval.rank.features import extract_features
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank, weights_for
from retrieval.search.searcher import Request
from retrieval.sync.repository import Repository

FILES = {
    "src/session.py": (
        'class SessionStore:\n    """Keeps sessions until they expire."""\n\n'
        "    def renew_session(self, token):\n        # a session is renewed while its token is valid\n"
        "        self.sessions[token].expires = later()\n"
    ),
    "src/render.py": "def render_page(template):\n    return template.fill()\n",
    "src/limits.py": "def throttle(rate):\n    wait(rate)\n",
}


@pytest.fixture
def opened(tmp_path: Path) -> Repository:
    """Index the files."""
    return repository(write(tmp_path / "r", FILES), tmp_path / "cache")


def confidence(opened: Repository, text: str) -> Confidence:
    """Judge the best candidate for a question."""
    need, snapshot = read_need(text), opened.view().snapshot
    features = extract_features(need, snapshot)
    return judge(need, snapshot, features, rank(features, weights_for(need), limit=1))


@pytest.mark.parametrize("text", ["how is a session renewed while the token is valid", "SessionStore"])
def test_a_question_that_the_code_answers_is_answered_with_confidence(opened: Repository, text: str) -> None:
    """A warning beside good answers would teach people to ignore it."""
    assert not confidence(opened, text).is_low


@pytest.mark.parametrize(
    "text", ["how are database migrations rolled back when the template is missing", "KafkaSessionConsumer"]
)
def test_a_question_of_another_repository_is_told_as_such(opened: Repository, text: str) -> None:
    """One word in common is a match for BM25 and no answer for anybody."""
    assert extract_features(read_need(text), opened.view().snapshot).pool.chunks
    assert confidence(opened, text).is_low


@pytest.mark.parametrize(
    "text", ["renew_session", "throttle", "where is renew_session called from the kafka pool"]
)
def test_a_name_that_stands_here_is_not_said_to_be_absent(opened: Repository, text: str) -> None:
    """Whoever reads that it is not here stops looking, and writes it anew."""
    assert not confidence(opened, text).is_low


def test_a_name_of_the_same_parts_is_another_one(opened: Repository) -> None:
    """Its parts stand here, it does not."""
    assert confidence(opened, "renew_page_session").is_low


def test_nothing_found_is_no_confidence(opened: Repository) -> None:
    """Nothing cannot be an answer."""
    assert confidence(opened, "zxqvbn wobblefrotz") == Confidence(0.0, is_low=True)


def test_each_share_is_a_share(opened: Repository) -> None:
    """Signs of different repositories must mean the same, or no calibration holds."""
    need, snapshot = read_need("how is a session renewed by a kafka consumer"), opened.view().snapshot
    features = extract_features(need, snapshot)
    found = signs(need, snapshot, features, rank(features, weights_for(need), limit=1)[0])
    assert all(0 <= value <= 1 for value in found.values())
    assert 0 < found["covered"] < 1


def test_the_answer_carries_the_confidence(opened: Repository) -> None:
    """Disconnect it from the search and replies fall silent about it."""
    low = searched(opened, Request("how are database migrations rolled back when template", 5))
    high = searched(opened, Request("how is a session renewed", 5))
    assert low.confidence is not None
    assert low.confidence.is_low
    assert high.confidence is not None
    assert not high.confidence.is_low

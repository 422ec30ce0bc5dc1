"""When a repository is built: pushes, then what is not published, then what is due; and how."""

from pathlib import Path

import pytest
from fakes import git
from remotes import Remote

from mcp_server.fleet.building import RETRY_S, Built, Schedule, built
from mcp_server.fleet.planner import published
from retrieval.errors import MirrorError
from retrieval.mirrors import remote
from retrieval.mirrors.source import Source, read_source
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import Shelf
from retrieval.settings import Settings
from retrieval.sync.sync import fingerprint

EVERY_S = 300.0
PUBLISHED = Built("published", "c1", "", 1.0, is_new=True)
FAILED = Built("failed", "", "no such host", 1.0)


def source(name: str) -> Source:
    """Name a repository."""
    found = read_source(f"https://git.example.com/open/{name}")
    assert found
    return found


A, B, C = map(source, "abc")


@pytest.fixture(name="schedule")
def schedule_fixture() -> Schedule:
    """Know three repositories, of which one is published."""
    schedule = Schedule(EVERY_S)
    assert schedule.follow([A, B, C]) == [A, B, C]
    schedule.found(A, "c0")
    schedule.found(B, "")
    return schedule


def test_what_is_not_published_is_built_before_what_is_checked(schedule: Schedule) -> None:
    """A new repository answers nothing until it is published; another may have a commit more."""
    assert [schedule.next(0.0) for _ in range(4)] == [B, C, A, None]


def test_a_push_is_built_before_all_else(schedule: Schedule) -> None:
    """Somebody has just written what they will ask for."""
    schedule.pushed([A.place, "elsewhere/open/x"])
    assert schedule.status().states == {"published": 0, "behind": 2, "failed": 0, "unknown": 1}
    assert schedule.next(0.0) == A


def test_a_push_during_a_build_is_built_again(schedule: Schedule) -> None:
    """The build had begun with an older commit."""
    assert schedule.next(0.0) == B
    schedule.pushed([B.place])
    schedule.done(B, PUBLISHED, 10.0)
    assert schedule.next(10.0) == B


def test_a_build_is_repeated_when_it_is_due_and_sooner_after_a_failure(schedule: Schedule) -> None:
    """A server that is down for a minute must not cost five."""
    for _ in range(3):
        found = schedule.next(0.0)
        assert found
        schedule.done(found, FAILED if found == C else PUBLISHED, 0.0)
    assert schedule.status().failures == {C.written: "no such host"}
    assert schedule.next(RETRY_S - 1) is None
    assert schedule.next(RETRY_S) == C
    assert schedule.next(EVERY_S - 1) is None
    assert schedule.next(EVERY_S) in {A, B}


def test_without_a_schedule_only_pushes_build_again() -> None:
    """Whoever has webhooks need not ask ten thousand times for nothing."""
    schedule = Schedule(0)
    schedule.follow([A])
    assert schedule.next(0.0) == A
    schedule.done(A, PUBLISHED, 0.0)
    assert schedule.next(1e9) is None
    schedule.pushed([A.place])
    assert schedule.next(1e9) == A


def test_what_leaves_the_list_is_forgotten(schedule: Schedule) -> None:
    """A build that ends after its repository was removed must not bring it back."""
    assert schedule.next(0.0) == B
    assert schedule.follow([A]) == []
    schedule.done(B, PUBLISHED, 0.0)
    assert schedule.status().listed == 1


def test_a_build_publishes_and_the_next_one_finds_that_done(tmp_path: Path) -> None:
    """Every builder that is asked again, after a death or by the schedule, must be done in a moment."""
    origin = Remote(tmp_path, {"a.py": "def first(): ...\n"})
    (tmp_path / "place").mkdir()
    settings = Settings(cache=tmp_path / "cache", shared_indexes=str(tmp_path / "place"))
    first = built(origin.source(), settings)
    assert (first.result, first.is_new, first.error) == ("published", True, "")
    other = Settings(cache=tmp_path / "other", shared_indexes=settings.shared_indexes)
    assert built(origin.source(), other).is_new is False
    assert not (tmp_path / "other").exists(), "nothing is fetched for a commit that is published"
    commit = origin.push({"a.py": "def second(): ...\n"})
    again = built(origin.source(), settings)
    assert (again.commit, again.is_new) == (commit, True)


def test_an_index_that_was_published_without_a_profile_gets_one(tmp_path: Path) -> None:
    """No router would choose it, and nobody would know why."""
    origin = Remote(tmp_path, {"a.py": "def first(): ...\n"})
    (tmp_path / "place").mkdir()
    settings = Settings(cache=tmp_path / "cache", shared_indexes=str(tmp_path / "place"))
    built(origin.source(), settings)
    shelf = Shelf(Place(settings.shared_indexes), origin.source().place, fingerprint())
    (tmp_path / "place" / shelf.profile_name).unlink()
    assert published(settings.shared_indexes, origin.source()) == ""
    assert built(origin.source(), settings).error == ""
    assert shelf.has_profile()
    assert published(settings.shared_indexes, origin.source()) != ""


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    """The status shows it, and the next try comes in a minute."""
    (tmp_path / "place").mkdir()
    settings = Settings(cache=tmp_path / "cache", shared_indexes=str(tmp_path / "place"))
    gone = read_source(f"file://{tmp_path}/gone.git")
    assert gone
    told = built(gone, settings)
    assert told.result == "failed"
    assert "cannot be asked" in told.error


def test_the_server_is_asked_for_the_commit_that_a_ref_names(tmp_path: Path) -> None:
    """A builder must know what is new before it fetches gigabytes."""
    origin = Remote(tmp_path, {"a.py": "x = 1\n"})
    first = origin.push({"a.py": "x = 2\n"})

    git(origin.work, "tag", "-a", "v1", "-m", "one")
    git(origin.work, "push", "-q", "origin", "v1")
    newest = origin.push({"a.py": "x = 3\n"})
    assert remote.commit_of(origin.source()) == newest
    assert remote.commit_of(origin.source("main")) == newest
    assert remote.commit_of(origin.source("v1")) == first, "the commit, not the tag's own object"
    assert remote.commit_of(origin.source(first)) == first
    with pytest.raises(MirrorError, match="has no gone"):
        remote.commit_of(origin.source("gone"))

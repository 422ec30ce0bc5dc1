"""Many roots in one process: how many are open, and what closing one does to who uses it."""

import threading
from pathlib import Path

import pytest
from fakes import git, write

from mcp_server.serving.repository_pool import RepositoryPool, open_repository
from mcp_server.serving.workspace import Workspace
from retrieval.errors import RootError
from retrieval.progress import no_progress
from retrieval.settings import Settings
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View


def roots(tmp_path: Path, count: int) -> dict[str, Path]:
    """Make so many small roots, by name."""
    return {
        name: write(tmp_path / name, {"a.py": f"def only_in_{name}(): pass\n"})
        for name in (f"r{i}" for i in range(count))
    }


def settings(tmp_path: Path, **others: float) -> Settings:
    """Keep two roots open, and wait as long as a busy machine needs."""
    known = {"max_open_repositories": 2, "index_wait_s": 60.0} | others
    return Settings(cache=tmp_path / "cache", model="", **known)  # type: ignore[arg-type]  # by name


def never() -> bool:
    """Tell that nobody cancelled."""
    return False


def test_of_too_many_roots_the_least_recently_used_is_closed(tmp_path: Path) -> None:
    """A server of fifty repositories must not hold fifty indexes."""
    made = roots(tmp_path, 3)
    opened = RepositoryPool(made.values(), settings(tmp_path))
    first, _ = opened.acquire(made["r0"])
    opened.acquire(made["r1"])
    assert opened.acquire(made["r0"])[0] is first
    opened.acquire(made["r2"])
    assert opened.roots == [made["r0"], made["r2"]]


def test_a_closed_root_is_opened_again_and_knows_what_changed(tmp_path: Path) -> None:
    """Nobody may notice that it was closed, but by the time it takes."""
    made = roots(tmp_path, 3)
    opened = RepositoryPool(made.values(), settings(tmp_path))
    for name in ("r0", "r1", "r2"):
        assert not opened.acquire(made[name])[1].refresh(is_cancelled=never).pending
    write(made["r0"], {"b.py": "def written_meanwhile(): pass\n"})
    repository, indexer = opened.acquire(made["r0"])
    assert not indexer.refresh(is_cancelled=never).pending
    assert repository.view().paths == ["a.py", "b.py"]


def test_who_uses_a_root_while_it_is_closed_is_served(tmp_path: Path) -> None:
    """A search may be under way when another root takes the place of its own."""
    made = roots(tmp_path, 3)
    opened = RepositoryPool(made.values(), settings(tmp_path))
    repository, indexer = opened.acquire(made["r0"])
    opened.acquire(made["r1"])
    opened.acquire(made["r2"])
    for _ in range(2):
        assert not indexer.refresh(is_cancelled=never).pending
    assert len(repository.view().snapshot) == 1


def test_the_thread_of_a_closed_root_ends(tmp_path: Path) -> None:
    """Else a server of many roots would gather a thread of each."""
    made = roots(tmp_path, 1)
    opened = RepositoryPool(made.values(), settings(tmp_path))
    repository, indexer = opened.acquire(made["r0"])
    indexer.refresh(is_cancelled=never)
    (thread,) = (one for one in threading.enumerate() if one.name == f"indexer {repository.root}")
    indexer.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_a_root_that_nobody_asks_is_closed(tmp_path: Path) -> None:
    """An idle server should hold little."""
    made = roots(tmp_path, 1)
    opened = RepositoryPool(made.values(), settings(tmp_path, idle_unload_s=0.01))
    opened.acquire(made["r0"])
    while opened.roots:
        threading.Event().wait(0.01)


def test_a_root_that_is_gone_closes_no_other(tmp_path: Path) -> None:
    """One wrong folder in a configuration must not cost the others anything."""
    made = roots(tmp_path, 2) | {"gone": tmp_path / "gone"}
    opened = RepositoryPool(made.values(), settings(tmp_path))
    opened.acquire(made["r0"])
    opened.acquire(made["r1"])
    with pytest.raises(RootError):
        opened.acquire(made["gone"])
    assert opened.roots == [made["r0"], made["r1"]]


def test_a_root_that_is_a_link_is_followed_when_it_leads_elsewhere(tmp_path: Path) -> None:
    """`releases/current` moves with every release, and the old one must not answer for the new one."""
    made = roots(tmp_path, 2)
    link = tmp_path / "current"
    link.symlink_to("r0")
    workspace = Workspace([link], settings(tmp_path))
    view, done = searched(workspace)
    assert (view.root, done.note) == (made["r0"].resolve(), "")
    (tmp_path / "next").symlink_to("r1")
    (tmp_path / "next").replace(link)
    view, done = searched(workspace)
    assert view.root == made["r1"].resolve()
    assert done.note.startswith(f"current leads to {made['r1'].resolve()} now; it led to ")
    assert searched(workspace)[1].note == "", "once is enough"
    link.unlink()
    with pytest.raises(RootError, match="does not exist"):
        searched(workspace)


@pytest.mark.parametrize("has_git", [True, False])
def test_our_own_files_below_a_root_are_not_searched(tmp_path: Path, *, has_git: bool) -> None:
    """A cache in the working folder would be found by every search, and grow by it."""
    root = write(tmp_path / "root", {"a.py": "def only_here(): pass\n", "logs/a.log.1": "def only_here\n"})
    if has_git:
        git(root, "init", "-q")
    write(root, {"models/m/config.json": "{}\n", "logs/a.log": "def only_here\n", "logs/b.log": "x\n"})
    ours = Settings(cache=root / "cache", models=root / "models", log_file=str(root / "logs/a.log"), model="")
    repository = open_repository(root, ours)
    repository.refresh()
    assert repository.store_folder.is_relative_to(root.resolve())
    repository.refresh()
    assert repository.view().paths == ["a.py", "logs/b.log"]
    assert repository.view().excluded == []


def searched(workspace: Workspace) -> tuple[View, Refresh]:
    """Bring the only root up to date, as every search does."""
    return workspace.refresh(None, progress=no_progress, is_cancelled=never)


@pytest.mark.parametrize("follow_links", [True, False])
def test_links_lead_to_the_other_served_roots_if_you_say_so(tmp_path: Path, *, follow_links: bool) -> None:
    """Two repositories of one workspace link each other; a third, not served, stays closed."""
    made = roots(tmp_path, 3)
    (made["r0"] / "other.py").symlink_to(made["r1"] / "a.py")
    (made["r0"] / "foreign.py").symlink_to(made["r2"] / "a.py")
    del made["r2"]
    opened = RepositoryPool(made.values(), settings(tmp_path, follow_links=follow_links))
    repository, indexer = opened.acquire(made["r0"])
    assert not indexer.refresh(is_cancelled=never).pending
    assert repository.view().paths == (["a.py", "other.py"] if follow_links else ["a.py"])

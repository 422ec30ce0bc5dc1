"""Links are followed by choice, inside the served roots only, however they are swapped."""

import os
from collections.abc import Callable
from pathlib import Path

import escape_attempts
import fake_secrets
import pytest
from escape_attempts import INSIDE, TREASURE, read_while_swapped
from fakes import git, searched, write

from retrieval.paths import followed_links
from retrieval.paths.followed_links import LinkPolicy
from retrieval.search.searcher import Request
from retrieval.sync.repository import Repository
from retrieval.sync.view import View

MAX_BYTES = 1_000_000


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Make what no link may lead to."""
    return write(tmp_path / "outside", {"treasure.py": f"{TREASURE} = 'door'\n"})


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """Make a second served root, with what is not searched in it either."""
    files: dict[str, str | bytes] = {
        "lib/shared.py": "def shared(door):\n    return door\n",
        "lib/deep/more.py": "def more():\n    pass\n",
        "lib/.env": f"KEY={TREASURE}\n",
        "left/out.py": f"{TREASURE} = 1\n",
        ".goldrankignore": "left/\n",
        "node_modules/m/m.js": f"{TREASURE} = 1\n",
    }
    return write(tmp_path / "beside", files)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make the root that holds the links."""
    return write(tmp_path / "root", INSIDE)


def view_of(root: Path, *roots: Path, is_git: bool = False) -> View:
    """Index a root whose links may lead to itself and to other roots."""
    if is_git:
        git(root, "init", "-q")
    opened = Repository(root, cache=root.parent / "cache", max_bytes=MAX_BYTES, linked=(root, *roots))
    opened.refresh()
    return opened.view()


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
def test_links_into_served_roots_are_searched_under_their_own_paths(
    root: Path, beside: Path, *, is_git: bool
) -> None:
    """A workspace that links its packages is read as its author reads it."""
    (root / "lib").symlink_to(beside / "lib")
    (root / "src/one.py").symlink_to("../../beside/lib/deep/more.py")
    view = view_of(root, beside, is_git=is_git)
    assert view.paths == ["README.md", "lib/deep/more.py", "lib/shared.py", "src/a.py"]
    assert view.reasons["lib/.env"] == "may hold secrets"
    assert view.reasons["src/one.py"] == "a link, which is not followed (follow_links)"
    assert view.lines("lib/shared.py") == ["def shared(door):", "    return door"]


def test_no_link_is_followed_unless_you_say_so(root: Path, beside: Path, tmp_path: Path) -> None:
    """The default is the one that surprises nobody."""
    (root / "lib").symlink_to(beside / "lib")
    opened = Repository(root, cache=tmp_path / "cache", max_bytes=MAX_BYTES)
    opened.refresh()
    assert opened.view().paths == ["README.md", "src/a.py"]


def test_a_file_that_is_listed_under_its_own_path_is_not_listed_again_and_loops_end(root: Path) -> None:
    """Of two copies of one file, one is noise; and a link to its own parent is common."""
    (root / "src/up").symlink_to("..")
    (root / "alias.py").symlink_to("src/a.py")
    (root / "me").symlink_to("me")
    write(root, {".gitignore": "built/\n", "built/made.py": "m = 1\n"})
    (root / "made").symlink_to("built")
    (root / "again").symlink_to("made")
    view = view_of(root, is_git=True)
    assert view.paths == [".gitignore", "README.md", "again/made.py", "src/a.py"]
    assert view.reasons["src/up"] == view.reasons["alias.py"] == view.reasons["made"]
    assert "a link" in view.reasons["me"]


REFUSED = {
    "outside": ("../outside", followed_links.OUTSIDE),
    "outside.py": ("../outside/treasure.py", followed_links.OUTSIDE),
    "chain.py": ("chain2.py", followed_links.OUTSIDE),
    "proc.py": ("/proc/self/root/etc/passwd", followed_links.OUTSIDE),
    "environ.py": ("/proc/self/environ", followed_links.OUTSIDE),
    "gone.py": ("nowhere.py", followed_links.NOWHERE),
    "config.py": (".git/config", "a link; its target is not searched: git's own files"),
    "env.py": ("../beside/lib/.env", "a link; its target is not searched: may hold secrets"),
    "modules": ("../beside/node_modules/m", "a link; its target is not searched: dependencies"),
    "left.py": ("../beside/left/out.py", ".goldrankignore leaves it out"),
    ".env": ("../beside/lib/shared.py", "may hold secrets"),
    "cached": ("../cache", followed_links.CACHE),
    "bare": ("../beside/store", "version control's own files"),
    "bare.py": ("../beside/store/config", "version control's own files"),
    "pipe.py": ("../beside/pipe", "not a regular file"),
    "hard.py": ("../beside/hard.py", "a hard link"),
}


def test_each_refused_link_says_why(root: Path, beside: Path, outside: Path) -> None:
    """A link is a name that somebody else chose."""
    git(root, "init", "-q")
    git(root.parent, "init", "-q", "--bare", str(beside / "store"))
    write(root.parent / "cache", {"x.py": f"{TREASURE} = 1\n"})
    os.mkfifo(beside / "pipe")
    os.link(outside / "treasure.py", beside / "hard.py")
    (root / "chain2.py").symlink_to(outside / "treasure.py")
    for name, (target, _) in REFUSED.items():
        (root / name).symlink_to(target)
    opened = Repository(
        root, cache=root.parent / "cache", max_bytes=MAX_BYTES, linked=(root, beside, root.parent / "cache")
    )
    opened.refresh()
    view = opened.view()
    assert view.paths == ["README.md", "src/a.py"]
    wrong = {name: view.reasons.get(name) for name, (_, why) in REFUSED.items()}
    wrong = {name: said for name, said in wrong.items() if not (said or "").startswith(REFUSED[name][1])}
    assert wrong == {}


def test_a_link_below_a_folder_that_a_link_leads_to_is_judged_by_itself(
    root: Path, beside: Path, outside: Path
) -> None:
    """What is inside may lead outside again."""
    (beside / "lib/out").symlink_to(outside)
    (beside / "lib/out.py").symlink_to(outside / "treasure.py")
    (root / "lib").symlink_to(beside / "lib")
    view = view_of(root, beside)
    assert [path for path in view.paths if "out" in path] == []
    assert view.reasons["lib/out"] == view.reasons["lib/out.py"] == followed_links.OUTSIDE


@pytest.mark.parametrize("attack", escape_attempts.PLANTED)
def test_what_is_planted_leads_nowhere_even_where_links_are_followed(
    attack: str, root: Path, outside: Path
) -> None:
    """To follow links inside is no leave to go outside."""
    escape_attempts.PLANTED[attack](root, outside)
    view = view_of(root)
    assert "src/a.py" in view.paths
    assert TREASURE not in "\n".join(line for path in view.paths for line in view.lines(path) or ())
    assert TREASURE.encode() not in fake_secrets.bytes_below(root.parent / "cache")


def _to(target: Callable[[Path, Path], Path]) -> Callable[[Path, Path, Path], None]:
    def swap(link: Path, beside: Path, outside: Path) -> None:
        link.unlink()
        link.symlink_to(target(beside, outside))

    return swap


def _to_pipe(link: Path, _beside: Path, _outside: Path) -> None:
    link.unlink()
    os.mkfifo(link)


def _target_to_link(_link: Path, beside: Path, outside: Path) -> None:
    (beside / "lib/shared.py").unlink()
    (beside / "lib/shared.py").symlink_to(outside / "treasure.py")


def _folder_of_target_to_link(_link: Path, beside: Path, outside: Path) -> None:
    (outside / "treasure.py").rename(outside / "shared.py")
    (beside / "lib").rename(beside / "kept")
    (beside / "lib").symlink_to(outside)


def _fifo(beside: Path, _outside: Path) -> Path:
    os.mkfifo(beside / "fifo")
    return beside / "fifo"


SWAPS: dict[str, Callable[[Path, Path, Path], None]] = {
    "to a file outside": _to(lambda _, outside: outside / "treasure.py"),
    "to the users of this machine": _to(lambda _beside, _outside: Path("/etc/passwd")),
    "through /proc": _to(lambda _, outside: Path(f"/proc/self/root{outside}/treasure.py")),
    "to a pipe in a served root": _to(_fifo),
    "to a secret in a served root": _to(lambda beside, _: beside / "lib/.env"),
    "to what a served root leaves out": _to(lambda beside, _: beside / "left/out.py"),
    "to dependencies": _to(lambda beside, _: beside / "node_modules/m/m.js"),
    "for a pipe": _to_pipe,
    "by its target": _target_to_link,
    "by the folder of its target": _folder_of_target_to_link,
}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_link_that_is_swapped_after_it_was_listed_is_not_read(
    swap: str, root: Path, beside: Path, outside: Path
) -> None:
    """Between looking and reading lies time enough for a script that waits for it."""
    link = root / "linked.py"
    link.symlink_to(beside / "lib/shared.py")
    view = view_of(root, beside)
    assert view.lines("linked.py") == ["def shared(door):", "    return door"]
    (chunk,) = view.snapshot.chunks_of("linked.py")
    SWAPS[swap](link, beside, outside)
    fresh = Repository(root, cache=root.parent / "cache", max_bytes=MAX_BYTES, linked=(root, beside))
    assert fresh.view().lines("linked.py") is None
    assert View(view.tree, view.sync, view.look, view.contents, view.archive).lines("linked.py") is None
    (passage,) = fresh.view().chunk_texts([chunk])
    assert passage.lines == ()
    fresh.refresh()
    assert "linked.py" not in fresh.view().paths
    assert TREASURE.encode() not in fake_secrets.bytes_below(root.parent / "cache")


def test_a_link_that_is_swapped_all_the_time_never_leads_outside(
    root: Path, beside: Path, outside: Path
) -> None:
    """What is checked must be what is read, not what lay there a moment before."""
    (root / "linked").symlink_to(beside / "lib")
    write(outside, {"shared.py": f"{TREASURE} = 1\n"})
    policy = LinkPolicy((root.resolve(), beside.resolve()), (), MAX_BYTES)
    read = read_while_swapped(
        root / "linked",
        outside,
        lambda: followed_links.read(policy, root.resolve(), "linked/shared.py"),
        times=1_500,
    )
    assert read <= {b"", b"def shared(door):\n    return door\n"}
    assert len(read) == 2


def test_an_edit_where_a_link_leads_is_seen_by_the_next_search(root: Path, beside: Path) -> None:
    """No watcher of this root hears of it."""
    (root / "lib").symlink_to(beside / "lib")
    opened = Repository(root, cache=root.parent / "cache", max_bytes=MAX_BYTES, linked=(root, beside))
    opened.refresh()
    write(beside, {"lib/shared.py": "def lantern():\n    pass\n", "lib/new.py": "def beacon():\n    pass\n"})
    opened.refresh(touched=())
    answer = searched(opened, Request("lantern beacon", 8))
    assert {result.passage.chunk.path for result in answer.results} == {"lib/shared.py", "lib/new.py"}

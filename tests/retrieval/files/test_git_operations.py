"""What git does to a work tree in one go is seen by the next search, and so are edits within a moment."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import MAX_BYTES, found, git, repository, write
from git_world import FILES, FOREVER_S, World, branch, everything, path_of, text_of, word

from retrieval.chunks import split_file
from retrieval.files.walker import stat_of
from retrieval.files.watcher import Watcher
from retrieval.sync import chunk_cache
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store
from retrieval.sync.sync import Refresh

pytestmark = pytest.mark.slow(reason="runs every git operation on real work trees, watched and not")


@pytest.fixture(params=["watched", "looked through"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """Make a repository with one commit, indexed, and a reader that follows it."""
    root = write(tmp_path / "root", {path_of(number): text_of(number) for number in range(FILES)}).resolve()
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    watcher = None
    if request.param == "watched":
        watcher = Watcher(root, cookies=tmp_path / "cookies", patience_s=FOREVER_S)
        deadline = time.monotonic() + FOREVER_S
        while watcher.touched() is None and time.monotonic() < deadline:
            time.sleep(0.01)  # the watch is being set up; until then nothing is known, which is right
    made = World(root, tmp_path / "cache", repository(root, tmp_path / "cache"), watcher)
    made.sees(everything())
    yield made
    if watcher:
        watcher.stop()


def test_a_branch_switch_is_seen_there_and_back(world: World) -> None:
    """An assistant that reads another branch's code writes for another branch."""
    here, gone = branch(world)
    world.sees(here, gone)
    for _ in range(2):
        world.git("switch", "-q", "main")
        world.sees(everything(), [*everything("b", range(12)), word(40, "c")])
        world.git("switch", "-q", "feature")
        world.sees(here, gone)
    world.git("reset", "-q", "--hard", "main")
    world.sees(everything(), [*everything("b", range(12)), word(40, "c")])


def test_the_way_back_to_a_branch_takes_its_chunks_from_the_cache(world: World) -> None:
    """Cutting is most of the cost, and people go back and forth."""
    branch(world)
    world.sees(everything("b", range(12)))
    with closing(sqlite3.connect(world.cache / chunk_cache.FILE)) as table, table:
        forged = split_file.split("a.py", b"def zqforged(): pass\n").to_bytes()
        table.execute("UPDATE documents SET data = ?", (forged,))  # whoever takes it from there is known
    world.git("switch", "-q", "main")
    world.stays.refresh()
    assert sorted(found(world.stays, "zqforged")) == sorted(path_of(number) for number in range(18))
    assert found(world.stays, word(20)) == [path_of(20)], "what did not change was not even looked up"


def test_a_stash_is_seen_as_it_goes_and_comes(world: World) -> None:
    """Work that was put aside is not there, and it is there again when it is taken up."""
    world.write({path_of(number): text_of(number, "b") for number in range(10)})
    world.write({"draft.py": text_of(50, "c")})
    (world.root / path_of(20)).unlink()
    edited = {**everything("b", range(10)), word(50, "c"): "draft.py"}
    world.sees(edited, [*everything("a", range(10)), word(20)])
    world.git("stash", "-q", "--include-untracked")
    world.sees(everything(), edited)
    world.git("stash", "pop", "-q")
    world.sees(edited, [*everything("a", range(10)), word(20)])


def test_a_rebase_is_seen(world: World) -> None:
    """Each commit is written anew over other files."""
    world.git("switch", "-q", "-c", "topic")
    for number in range(4):
        world.write({path_of(number): text_of(number, "b")})
        world.commit(f"topic {number}")
    world.git("switch", "-q", "main")
    world.write({path_of(number): text_of(number, "c") for number in range(4, 30)})
    world.commit("main goes on")
    world.git("switch", "-q", "topic")
    world.sees(
        {**everything("b", range(4)), **everything("a", range(4, FILES))}, everything("c", range(4, 30))
    )
    world.git("rebase", "-q", "main")
    both = {**everything("b", range(4)), **everything("c", range(4, 30)), **everything("a", range(30, FILES))}
    world.sees(both, everything("a", range(30)))
    world.git("reset", "-q", "--hard", "HEAD~2")
    world.sees({**everything("b", range(2)), **everything("a", range(2, 4))}, everything("b", range(2, 4)))


def test_a_merge_with_conflicts_is_seen_as_it_lies_there(world: World) -> None:
    """While it is being resolved, both sides stand in the file."""
    branch(world)
    world.git("switch", "-q", "main")
    world.write({path_of(number): text_of(number, "d") for number in (0, 1)})
    world.commit("main goes on")
    with pytest.raises(subprocess.CalledProcessError):
        world.git("merge", "-q", "feature")
    sides = {**everything("b", (0, 1)), **everything("d", (0, 1))}
    world.sees({**sides, **everything("b", range(2, 12))}, everything("a", range(18)))
    world.write({path_of(number): text_of(number, "e") for number in (0, 1)})
    world.commit("merged")
    world.sees(everything("e", (0, 1)), sides)
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.sees({**everything("d", (0, 1)), **everything("a", range(2, FILES))}, everything("e", (0, 1)))


def test_a_folder_that_is_renamed_by_git_is_seen(world: World) -> None:
    """Every path below it is another one, and no file was written."""
    below = [number for number in range(FILES) if path_of(number).startswith("lib/")]
    world.git("mv", "lib", "core")
    moved = {word(number): path_of(number).replace("lib/", "core/", 1) for number in below}
    world.sees({**everything(), **moved})
    assert not any(path.startswith("lib/") for path in world.stays.view().paths)
    world.git("reset", "-q", "--hard")
    world.sees(everything())


def test_a_mass_rename_is_seen(world: World) -> None:
    """Files that swap their names keep sizes and times, and each holds another's text."""
    names = [path_of(number) for number in range(FILES)]
    for number, name in enumerate(names):
        (world.root / name).rename(world.root / f"{number}.moving")
    for number in range(FILES):
        (world.root / f"{number}.moving").rename(world.root / names[number - 1])
    world.sees({word(number): names[number - 1] for number in range(FILES)})
    assert len(world.stays.view().paths) == FILES


def test_a_name_that_changes_in_case_only_is_seen(world: World) -> None:
    """It is another path, and git and people call it so."""
    world.git("mv", "src", "Src")
    world.sees({word(0): "Src/f00.py", word(3): "Src/f03.rb", word(1): path_of(1)})
    assert not any(path.startswith("src/") for path in world.stays.view().paths)


def test_what_git_cleans_away_is_gone(world: World) -> None:
    """Untracked and ignored files are deleted at once, folders and all."""
    drafts = {f"draft{number}/{number}.py": text_of(number, "c") for number in range(0, 20, 2)}
    world.write({**drafts, "build/out.py": text_of(30, "c"), ".gitignore": "build/\n"})
    world.git("add", ".gitignore")
    world.sees(
        {word(number, "c"): f"draft{number}/{number}.py" for number in range(0, 20, 2)}, [word(30, "c")]
    )
    world.git("clean", "-q", "-f", "-d", "-x")
    world.sees(everything(), [word(number, "c") for number in range(0, 20, 2)])


def test_a_submodule_that_comes_and_goes_is_searched_in_place(world: World, tmp_path: Path) -> None:
    """Its own git lists its files, which are found under their place in the outer repository."""
    inner = write(tmp_path / "inner", {"deep/i.py": text_of(60, "c"), "out/o.py": text_of(61, "c")})
    git(inner, "init", "-q")
    git(inner, "add", "deep")
    write(inner, {".gitignore": "out/\n"})
    git(inner, "add", ".gitignore")
    git(inner, "commit", "-q", "-m", "one")
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendored")
    world.sees({**everything(), word(60, "c"): "vendored/deep/i.py"}, [word(61, "c")])
    world.write({"vendored/deep/new.py": text_of(63, "c"), "vendored/out/o.py": text_of(61, "c")})
    world.sees({word(63, "c"): "vendored/deep/new.py"}, [word(61, "c")])
    world.git("add", "-A")
    world.commit("with a submodule")
    world.git("submodule", "--quiet", "deinit", "-f", "vendored")
    world.sees(everything(), [word(60, "c")])
    reason = "a submodule that is not checked out: git submodule update --init"
    assert ("vendored", reason) in [(item.path, item.reason) for item in world.stays.view().excluded]
    world.git("rm", "-q", "vendored")
    world.write({"vendored/own.py": text_of(62, "c")})
    world.sees({**everything(), word(62, "c"): "vendored/own.py"}, [word(60, "c")])


def test_a_folder_that_becomes_a_repository_is_searched_by_its_own_rules(world: World) -> None:
    """A clone in a repository is searched as it would be alone."""
    world.write({"inner/own.py": text_of(64, "c"), "inner/out.py": text_of(65, "c")})
    world.sees({word(64, "c"): "inner/own.py", word(65, "c"): "inner/out.py"})
    git(world.root / "inner", "init", "-q")
    git(world.root / "inner", "add", "own.py")
    git(world.root / "inner", "commit", "-q", "-m", "one")
    world.write({"inner/.git/info/exclude": "out.py\n"})
    world.sees({**everything(), word(64, "c"): "inner/own.py"}, [word(65, "c")])
    shutil.rmtree(world.root / "inner/.git")
    world.sees({word(64, "c"): "inner/own.py", word(65, "c"): "inner/out.py"})


def test_a_sparse_checkout_is_seen(world: World) -> None:
    """Most of the tree leaves the disk, and git goes on tracking it."""
    world.git("sparse-checkout", "set", "src")
    src = [number for number in range(FILES) if number % 3 == 0]
    world.sees(everything("a", src), [word(number) for number in range(FILES) if number not in src])
    world.git("sparse-checkout", "add", "lib/deep")
    deep = [number for number in range(FILES) if number % 3 == 2]
    world.sees(everything("a", [*src, *deep]))
    world.git("sparse-checkout", "disable")
    world.sees(everything())


def test_rules_of_what_is_ignored_are_seen_at_once(world: World) -> None:
    """A rule changes what is searched and touches none of those files."""
    world.write({"gen/g.py": text_of(70, "c"), "deep/gen/h.py": text_of(72, "c")})
    both = {word(70, "c"): "gen/g.py", word(72, "c"): "deep/gen/h.py"}
    world.sees({**everything(), **both})
    world.write({".gitignore": "gen/\nsrc/\n"})
    world.sees(everything(), both)  # what git tracks is searched, whatever a rule says
    world.write({"deep/.gitignore": "!gen/\n"})
    world.sees({word(72, "c"): "deep/gen/h.py"}, [word(70, "c")])
    (world.root / ".gitignore").unlink()
    world.sees(both)
    (world.root / ".git/info/exclude").write_text("gen/\n", encoding="utf-8")
    world.sees({word(72, "c"): "deep/gen/h.py"}, [word(70, "c")])
    world.git("add", "--force", "gen/g.py")
    world.sees(both)
    world.git("rm", "-q", "--cached", "gen/g.py")
    world.sees({word(72, "c"): "deep/gen/h.py"}, [word(70, "c")])


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_looked_at(world: World, flag: str) -> None:
    """People edit such a file like any other."""
    world.git("update-index", flag, path_of(0), path_of(1))
    world.write({path_of(0): text_of(0, "b")})
    (world.root / path_of(1)).unlink()
    world.sees(everything("b", (0,)), everything("a", (0, 1)))


def test_a_file_that_becomes_a_link_and_comes_back_is_seen(world: World, tmp_path: Path) -> None:
    """The target may lie outside; a link is never followed."""
    outside = write(tmp_path / "outside", {"x.py": text_of(80, "c")})
    for target in (outside / "x.py", world.root / path_of(2), outside, tmp_path / "nowhere"):
        place = world.root / path_of(0)
        place.unlink()
        place.symlink_to(target)
        world.sees(everything("a", range(1, FILES)), [word(0), word(80, "c")])
        world.git("checkout", "-q", "--", path_of(0))
        world.sees(everything())
    (world.root / "src").rename(tmp_path / "away")
    (world.root / "src").symlink_to(tmp_path / "away")
    world.sees(everything("a", (1, 2)), [word(0), word(3)])
    (world.root / "src").unlink()
    (tmp_path / "away").rename(world.root / "src")
    world.sees(everything())


def test_a_folder_that_becomes_a_file_and_comes_back_is_seen(world: World) -> None:
    """Nothing is told of what was below it."""
    (world.root / "lib").rename(world.root.parent / "away")
    world.write({"lib": "zqlib = 1\n"})
    world.sees({"zqlib": "lib", word(0): path_of(0)}, [word(1), word(2)])
    (world.root / "lib").unlink()
    (world.root.parent / "away").rename(world.root / "lib")
    world.sees(everything(), ["zqlib"])


def test_work_trees_of_one_repository_share_what_was_cut_and_nothing_else(
    world: World, tmp_path: Path
) -> None:
    """An agent in a tree of its own neither waits for the index nor sees the other's edits."""
    branch(world)
    world.sees(everything("b", range(12)))
    world.git("worktree", "add", "-q", str(tmp_path / "other"), "main")
    other = Repository(tmp_path / "other", cache=world.cache, max_bytes=MAX_BYTES)
    done = other.refresh()
    assert (done.changed, done.removed) == (18, 3), "the rest is as in the tree that it grew from"
    assert {name: found(other, name) for name in everything()} == {n: [p] for n, p in everything().items()}
    write(tmp_path / "other", {path_of(30): text_of(30, "d")})
    assert other.refresh() == Refresh(changed=1)
    assert found(other, word(30, "d")) == [path_of(30)]
    world.sees(
        {**everything("b", range(12)), word(30): path_of(30)}, [word(30, "d"), *everything("a", range(18))]
    )


WAYS = ["in place", "renamed over", "deleted and written"]


@pytest.mark.parametrize("way", WAYS)
def test_quick_edits_of_equal_size_and_time_are_each_seen(world: World, way: str) -> None:
    """An agent edits and asks within milliseconds; tools restore times; a counter keeps its length."""
    place, fresh = world.root / path_of(0), world.root.parent / "fresh"
    times = (place.stat().st_atime_ns, place.stat().st_mtime_ns)
    sizes = set()
    for number in range(100, 150):  # with three ways and two readers: 300 edits
        name = word(number, "e")
        target = fresh if way == "renamed over" else place
        if way == "deleted and written":
            place.unlink()
        target.write_text(f"def {name}(value):\n    return value\n", encoding="utf-8")
        os.utime(target, ns=times)
        if target is fresh:
            fresh.replace(place)
        sizes.add((place.stat().st_size, place.stat().st_mtime_ns))
        world.stays.refresh(touched=world.watcher.touched() if world.watcher else None)
        assert found(world.stays, name) == [path_of(0)]
        assert found(world.stays, word(number - 1, "e") if number > 100 else word(0)) == []
    assert len(sizes) == 1, "nothing but content, change time and inode may tell"


@pytest.mark.parametrize("is_settled", [False, True])
def test_an_edit_that_no_stat_tells_of_is_seen_while_a_file_is_unsettled(
    world: World, *, is_settled: bool
) -> None:
    """Two edits within one tick of the clock leave one stat: such a file is read until a tick has passed."""
    world.write({path_of(0): text_of(0, "b")})
    store = Store(world.stays.store_folder)
    record = store.table.changes().records[path_of(0)]
    assert record is not None
    same = replace(record, stat=stat_of((world.root / path_of(0)).lstat()), is_settled=is_settled)
    store.table.remember({path_of(0): same}, ())
    store.publish()
    reader = repository(world.root, world.cache)
    assert found(reader, word(0, "b")) == ([] if is_settled else [path_of(0)])
    assert found(reader, word(0)) == ([path_of(0)] if is_settled else [])

"""The stored history follows HEAD, and only what lies before HEAD is ever evidence."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fake_secrets
import numpy as np
import pytest
from fakes import MAX_BYTES, git, write
from history_tree import Tree, asked

from retrieval.errors import CancelledError
from retrieval.history.archive import FEW
from retrieval.sync.repository import Repository


def stored(tree: Tree) -> Path:
    """Name the file that holds the tree's past."""
    (file,) = tree.cache.glob("*/*/history/commits")
    return file


def test_a_message_is_evidence_for_the_files_of_its_commit(tree: Tree) -> None:
    """People describe a fault in words that the code may not hold."""
    past = tree.past()
    found = asked(past, "where are zebras counted")
    assert max(found, key=lambda path: found[path].score) == "src/gate.py"
    assert found["src/gate.py"].subject == "Count zebras at the gate"
    assert tree.git("rev-parse", "HEAD~1").startswith(found["src/gate.py"].commit)
    assert list(asked(past, "giraffe")) == ["src/fence.py"], "the body counts too"
    assert len(past) == 3


def commit_many(tree: Tree) -> None:
    """Add more commits to the branch than a question waits for."""
    script = "reset refs/heads/main\nfrom refs/heads/main^0\n" + "".join(
        f"commit refs/heads/main\ncommitter A <a@example.invalid> {1_700_000_000 + number} +0000\n"
        f"data 5\nxylo\nM 100644 inline a.py\ndata 7\n{number:06}\n\n"
        for number in range(FEW + 1)
    )
    subprocess.run(["git", "-C", str(tree.root), "fast-import", "--quiet"], input=script.encode(), check=True)
    tree.git("reset", "-q", "--hard")


def test_a_question_is_answered_before_a_long_past_is_read(tree: Tree) -> None:
    """The first answer waits for the index, not for fifty thousand messages."""
    commit_many(tree)
    opened = Repository(tree.root, cache=tree.cache, max_bytes=MAX_BYTES)
    opened.refresh()
    assert opened.is_past_due
    assert not opened.view().past
    opened.read_past()
    assert not opened.is_past_due
    assert len(opened.view().past) == FEW + 4


def test_a_branch_that_was_read_costs_no_reading(tree: Tree) -> None:
    """People switch there and back many times a day."""
    tree.git("branch", "old")
    commit_many(tree)
    opened = tree.opened()
    for branch, count in (("old", 3), ("main", FEW + 4)) * 2:
        tree.git("switch", "-q", branch)
        opened.refresh()
        assert not opened.is_past_due
        assert len(opened.view().past) == count


def test_a_new_commit_is_read_alone(tree: Tree) -> None:
    """A server follows HEAD by a refresh, without reading the past again."""
    opened = tree.opened()
    first = opened.view().past
    tree.commit("Feed the walrus", {"src/pool.py": "p = 1\n"})
    assert not opened.view().past, "nothing is known of this HEAD yet"
    opened.refresh()
    assert not opened.is_past_due
    assert list(asked(opened.view().past, "walrus")) == ["src/pool.py"]
    assert asked(opened.view().past, "zebras").keys() == asked(first, "zebras").keys()
    assert not asked(first, "walrus"), "a past that was taken never changes"


def test_a_head_that_moves_without_a_changed_file_is_noticed(tree: Tree) -> None:
    """Who commits what is indexed already changes no file, so the watcher reports nothing."""
    opened = tree.opened()
    write(tree.root, {"src/pool.py": "p = 1\n"})
    opened.refresh()
    tree.commit("Feed the walrus", {})
    opened.refresh(touched=frozenset())
    assert list(asked(opened.view().past, "walrus")) == ["src/pool.py"]


def test_what_was_amended_is_no_evidence(tree: Tree) -> None:
    """The words of a commit that is gone would be quoted from nowhere."""
    opened = tree.opened()
    tree.git("commit", "-q", "--amend", "-m", "Varnish the fence")
    opened.refresh()
    assert not asked(opened.view().past, "giraffe")
    assert list(asked(opened.view().past, "varnish")) == ["src/fence.py"]
    assert len(opened.view().past) == 3


def test_what_comes_after_head_is_no_evidence(tree: Tree) -> None:
    """A benchmark that checks out the parent of a fix must not find the fix."""
    opened = tree.opened()
    tree.git("checkout", "-q", "HEAD~1")
    opened.refresh()
    assert not asked(opened.view().past, "giraffe fence")
    assert asked(opened.view().past, "zebras")
    assert len(opened.view().past) == 2
    tree.git("checkout", "-q", "main")
    opened.refresh()
    assert asked(opened.view().past, "giraffe fence")


def test_a_rename_after_head_renames_nothing(tree: Tree) -> None:
    """An older checkout holds the old name."""
    tree.git("mv", "src/gate.py", "src/door.py")
    tree.commit("Call it a door", {})
    opened = tree.opened()
    assert "src/door.py" in asked(opened.view().past, "zebras")
    tree.git("checkout", "-q", "HEAD~1")
    opened.refresh()
    assert asked(opened.view().past, "zebras").keys() == {"src/gate.py", "tests/test_gate.py"}


def test_only_the_branch_that_is_checked_out_is_evidence(tree: Tree) -> None:
    """Another branch's messages are about another branch's code."""
    opened = tree.opened()
    tree.git("switch", "-q", "-c", "side", "HEAD~1")
    tree.commit("Feed the walrus", {"src/pool.py": "p = 1\n"})
    opened.refresh()
    assert not asked(opened.view().past, "giraffe")
    assert asked(opened.view().past, "walrus")
    for branch, there, gone in (("main", "giraffe", "walrus"), ("side", "walrus", "giraffe")):
        tree.git("switch", "-q", branch)
        opened.refresh()
        assert asked(opened.view().past, there)
        assert not asked(opened.view().past, gone)
    tree.git("merge", "-q", "main", "-m", "Join")
    opened.refresh()
    assert asked(opened.view().past, "walrus")
    assert asked(opened.view().past, "giraffe")
    assert len(opened.view().past) == 4, "a merge is no evidence"


def test_how_a_past_came_about_leaves_no_trace(tree: Tree, tmp_path: Path) -> None:
    """The same HEAD gives the same answers, read at once or commit by commit, over other branches."""
    opened = tree.opened()
    tree.git("mv", "src/fence.py", "src/wall.py")
    for number in range(8):
        tree.commit(f"Zebra number {number % 2}", {f"src/{number % 3}.py": f"{number}\n"})
        opened.refresh()
    tree.git("switch", "-q", "-c", "side", "HEAD~4")
    tree.commit("Zebra aside", {"src/1.py": "aside\n"})
    opened.refresh()
    tree.git("switch", "-q", "main")
    tree.git("merge", "-q", "side", "-m", "Join", "-X", "ours")
    opened.refresh()
    grown, fresh = opened.view().past, Tree(tree.root, tmp_path / "other").past()
    for question in ("zebra number", "giraffe", "zebras at the gate", "aside"):
        assert asked(grown, question) == asked(fresh, question)
        assert list(asked(grown, question)) == list(asked(fresh, question))
    paths = [f"src/{number}.py" for number in range(4)]
    assert np.array_equal(grown.among(paths), fresh.among(paths))


def test_objects_that_git_dropped_do_not_stop_the_next_commit(tree: Tree) -> None:
    """After an amend and a garbage collection, a known commit exists nowhere but here."""
    opened = tree.opened()
    tree.git("commit", "-q", "--amend", "-m", "Varnish the fence")
    tree.git("reflog", "expire", "--expire=now", "--all")
    tree.git("gc", "-q", "--prune=now")
    opened.refresh()
    tree.commit("Feed the walrus", {"src/pool.py": "p = 1\n"})
    opened.refresh()
    assert list(asked(opened.view().past, "walrus")) == ["src/pool.py"]
    assert len(opened.view().past) == 4


def test_a_new_process_reads_what_is_stored(tree: Tree) -> None:
    """Every command is a process of its own."""
    tree.opened()
    before = stored(tree).stat()
    assert asked(tree.past(), "zebras")
    assert stored(tree).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_file_is_replaced(tree: Tree, damage: str) -> None:
    """A flipped bit must not become a wrong suggestion."""
    tree.opened()
    data = stored(tree).read_bytes()
    middle = len(data) // 2
    broken = {
        "cut": data[:middle],
        "flipped": data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :],
        "empty": b"",
        "other": b"goldrank history 1\n[]\n" + bytes(100),
    }[damage]
    stored(tree).write_bytes(broken)
    assert asked(tree.past(), "zebras")
    assert stored(tree).read_bytes() == data


def test_a_file_of_another_repository_in_the_same_place_is_replaced(tree: Tree) -> None:
    """Who deletes .git and begins again has another past."""
    opened = tree.opened()
    subprocess.run(["rm", "-rf", str(tree.root / ".git")], check=True)
    opened.refresh()
    assert not opened.view().past
    tree.git("init", "-q", "-b", "main")
    tree.commit("Feed the walrus", {})
    opened.refresh()
    opened.read_past()
    assert not asked(opened.view().past, "zebras")
    assert asked(opened.view().past, "walrus")


def test_processes_that_start_together_agree(tree: Tree) -> None:
    """Several assistants open one repository at once."""
    script = (
        "import sys; from pathlib import Path; from retrieval.sync.repository import Repository\n"
        "opened = Repository(Path(sys.argv[1]), cache=Path(sys.argv[2]), max_bytes=10**6)\n"
        "opened.refresh(); opened.read_past(); print(len(opened.view().past))"
    )

    def start(_number: int) -> str:
        command = [sys.executable, "-c", script, str(tree.root), str(tree.cache)]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == ["3"] * 4
    assert [file.name for file in sorted(stored(tree).parent.iterdir())] == ["commits", "lock"]


def test_a_secret_in_a_message_is_never_stored(tree: Tree) -> None:
    """Messages hold pasted tokens, as files do."""
    secret, line = fake_secrets.secrets(1)["github-pat"]
    tree.commit(f"Fix the login of {line}\n\nIt was {line}", {"src/login.py": "q = 1\n"})
    past = tree.past()
    found = asked(past, "fix the login")["src/login.py"]
    assert secret not in found.subject
    assert "masked" in found.subject
    assert not asked(past, secret)
    assert secret.encode() not in fake_secrets.bytes_below(tree.cache)


def test_a_shallow_clone_says_so_and_blames_no_commit_for_all_files(tree: Tree, tmp_path: Path) -> None:
    """The oldest commit of a shallow clone seems to have added every file."""
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{tree.root}", "clone")
    clone = Tree((tmp_path / "clone").resolve(), tree.cache)
    opened = clone.opened()
    assert "shallow" in opened.describe_past()
    assert not asked(opened.view().past, "zebras")
    assert list(asked(opened.view().past, "fence")) == ["src/fence.py"]
    clone.git("fetch", "-q", "--unshallow")
    opened.refresh()
    opened.read_past()
    assert "shallow" not in opened.describe_past()
    assert "src/gate.py" in asked(opened.view().past, "zebras")


def test_a_partial_clone_fetches_nothing(tree: Tree, tmp_path: Path) -> None:
    """A missing object would be fetched by a program that the repository configures."""
    tree.git("config", "uploadpack.allowFilter", "true")
    tree.git("mv", "src/gate.py", "src/door.py")
    tree.commit("Call it a door", {"src/door.py": "x = 1\ny = 2\n"})
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{tree.root}", "clone")
    clone = Tree((tmp_path / "clone").resolve(), tree.cache)
    write(clone.root, {"src/door.py": "x = 1\n"})
    assert "src/door.py" in asked(clone.past(), "door")


def test_a_file_that_is_missing_from_the_past_does_not_hide_it(tree: Tree) -> None:
    """A damaged disk or an incomplete copy lacks old versions of files, and no message."""
    old = tree.git("rev-parse", "HEAD:src/gate.py")
    tree.git("mv", "src/gate.py", "src/door.py")
    tree.commit("Call it a door", {"src/door.py": "x = 1\ny = 2\n"})
    (tree.root / ".git/objects" / old[:2] / old[2:]).unlink()
    past = tree.past()
    assert "src/door.py" in asked(past, "door")
    assert "tests/test_gate.py" in asked(past, "zebras")


def test_a_folder_of_a_repository_sees_its_own_part(tree: Tree) -> None:
    """A server of one package of many must not suggest the others' files."""
    past = tree.past("src")
    assert asked(past, "zebras").keys() == {"gate.py"}
    assert len(past) == 2


def test_a_linked_work_tree_has_its_own_head(tree: Tree, tmp_path: Path) -> None:
    """Assistants work in linked trees beside each other."""
    tree.git("worktree", "add", "-q", str(tmp_path / "linked"), "HEAD~1")
    linked = Tree((tmp_path / "linked").resolve(), tree.cache)
    opened = linked.opened()
    assert asked(opened.view().past, "zebras")
    assert not asked(opened.view().past, "giraffe")
    linked.commit("Feed the walrus", {"src/pool.py": "p = 1\n"})
    opened.refresh()
    assert asked(opened.view().past, "walrus")
    assert not asked(tree.past(), "walrus")


def test_a_folder_without_git_has_no_past(tmp_path: Path) -> None:
    """Nothing is stored and nothing is started for what cannot be there."""
    root = write(tmp_path / "plain", {"a.py": "x = 1\n"})
    plain = Tree(root, tmp_path / "cache")
    opened = plain.opened()
    assert not opened.view().past
    assert opened.describe_past() == "none: not a git repository"
    assert not list(plain.cache.glob("*/*/history/*"))


def test_a_repository_without_a_commit_has_no_past(tmp_path: Path) -> None:
    """The first commit is noticed when it comes."""
    root = write(tmp_path / "new", {"a.py": "x = 1\n"})
    new = Tree(root, tmp_path / "cache")
    new.git("init", "-q")
    opened = new.opened()
    assert opened.describe_past() == "none: no commit yet"
    new.commit("Feed the walrus", {})
    opened.refresh()
    opened.read_past()
    assert asked(opened.view().past, "walrus")


def test_reading_can_be_cancelled_and_done_again(tree: Tree) -> None:
    """A server that closes does not wait for fifty thousand messages."""
    opened = Repository(tree.root, cache=tree.cache, max_bytes=MAX_BYTES)
    opened.refresh()
    with pytest.raises(CancelledError):
        opened.read_past(is_cancelled=lambda: True)
    assert not opened.view().past
    opened.read_past()
    assert len(opened.view().past) == 3


def test_rebuilding_the_index_reads_the_past_again(tree: Tree) -> None:
    """`goldrank index --rebuild` is what people try when something seems wrong."""
    opened = tree.opened()
    opened.rebuild()
    assert not opened.view().past
    opened.refresh()
    opened.read_past()
    assert len(opened.view().past) == 3

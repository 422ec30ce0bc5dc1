"""Any commit that git can store is read, whatever its message holds."""

import pytest
from history_tree import Tree, asked, raw_commit

from retrieval.history.log import LONGEST_FIELD, MOST_FILES, commits


@pytest.mark.parametrize(
    "text",
    [
        b"x" * 3_000_000,
        b"walrus " * 500_000,
        b"\xff\xfe walrus \x80\n\n\xf0\x28",
        b"walrus\0M\0src/gate.py\0",
        b"walrus\n\nM\nsrc/fence.py\n" + b"a" * 40 + b"\n",
        "walrus \u202e\u200b\u2066 \U000e0041\ufeff".encode(),
        b"",
        b"\n\n\n",
        b"-----BEGIN RSA PRIVATE KEY-----\n",
    ],
    ids=[
        "huge word",
        "huge",
        "invalid UTF-8",
        "NUL",
        "like git's output",
        "invisible",
        "empty",
        "blank",
        "key",
    ],
)
def test_a_hostile_message_spoils_nothing_else(tree: Tree, text: bytes) -> None:
    """One message must not hide the others, or move a word to another commit's files."""
    raw_commit(tree, text)
    tree.commit("Feed the penguin", {"src/pool.py": "p = 1\n"})
    past = tree.past()
    assert list(asked(past, "penguin")) == ["src/pool.py"]
    assert asked(past, "zebras").keys() == {"src/gate.py", "tests/test_gate.py"}
    assert not asked(past, "walrus"), "its commit changed no file"


def test_odd_paths_are_kept_as_they_are(tree: Tree) -> None:
    """A path may look like git's output, or be no UTF-8 at all."""
    odd = ["a" * 40, "M", "R100", 'quo"te.py', "tab\tand\nline.py", "\udcff.py", "ünï/ç.py"]
    tree.commit("Feed the walrus", dict.fromkeys(odd, "x\n"))
    assert asked(tree.past(), "walrus").keys() == set(odd)


def test_a_commit_of_very_many_files_says_nothing_of_each(tree: Tree) -> None:
    """A new licence header is no evidence for any file; its renames still count."""
    tree.git("mv", "src/fence.py", "src/wall.py")
    tree.commit("Move the walrus", {f"many/{number}.py": f"{number}\n" for number in range(MOST_FILES)})
    past = tree.past()
    assert not asked(past, "walrus")
    assert list(asked(past, "giraffe")) == ["src/wall.py"]


def test_merges_and_bots_say_nothing(tree: Tree) -> None:
    """Half of some histories is "Bump x from 1 to 2"."""
    tree.commit(
        "Bump the walrus", {"src/gate.py": "x = 2\n"}, author="dependabot[bot] <1+x@users.example.invalid>"
    )
    assert not asked(tree.past(), "walrus")


def test_a_field_is_cut_wherever_its_blocks_end() -> None:
    """A pipe cuts where it likes."""
    name = b"0123456789" * 4
    output = b"\0".join([name, b"", b"12", b"A", b"a@b", b"x" * (LONGEST_FIELD * 3), b"\nM", b"a.py", b""])
    for size in (101, 4096, len(output)):
        (commit,) = commits(output[start : start + size] for start in range(0, len(output), size))
        assert len(commit.message) == LONGEST_FIELD
        assert commit.paths == [b"a.py"]
        assert commit.time == 12


def test_what_is_cut_off_is_read_as_far_as_it_goes() -> None:
    """Git may be killed at any byte."""
    name = b"0123456789" * 4
    output = b"\0".join([name, b"", b"-5", b"A", b"a@b", b"subject", b"\nR100", b"a.py", b"b.py", b""])
    for end in range(len(output)):
        assert len(list(commits([output[:end]]))) in {0, 1}

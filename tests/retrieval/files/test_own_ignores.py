"""A team may check in what nobody searches, and ignore what everybody does."""

from pathlib import Path

import pytest
from fakes import MAX_BYTES, git, write

from retrieval.files import exclusion, ignores, own_ignores, walker
from retrieval.sync.work_tree import WorkTree


def world(root: Path, files: dict[str, str | bytes], *, is_git: bool) -> Path:
    """Write files, in a git work tree or not; those that git does not ignore are committed."""
    write(root, files)
    if is_git:
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "x", "--allow-empty")
    return root


def searched(root: Path) -> list[str]:
    """List the files that are searched, without the ignore files themselves."""
    files = walker.walk(root, max_bytes=MAX_BYTES).files
    return [path for path in files if not path.endswith("ignore")]


BUILD: dict[str, str | bytes] = {
    ".gitignore": "build/\n*.log\n/local.py\nnode_modules/\n",
    "a.py": "a = 1\n",
    "local.py": "b = 1\n",
    "night.log": "x\n",
    "build/b.py": "c = 1\n",
    "build/generated/c.py": "d = 1\n",
    "build/generated/deep/d.py": "e = 1\n",
    "build/generated/deep/big.bin": b"\0\1",
    "node_modules/lib/e.py": "f = 1\n",
    "fixtures/f.py": "g = 1\n",
    "fixtures/keep/g.py": "h = 1\n",
}


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
@pytest.mark.parametrize(
    ("rules", "more", "fewer"),
    [
        ("", [], []),
        ("fixtures/\n", [], ["fixtures/f.py", "fixtures/keep/g.py"]),
        ("/fixtures/*.py\n", [], ["fixtures/f.py"]),
        ("fixtures/*\n!fixtures/keep/\n", [], ["fixtures/f.py"]),
        ("fixtures/\n!fixtures/keep/g.py\n", [], ["fixtures/f.py", "fixtures/keep/g.py"]),
        ("*.py\n!a.py\n", [], ["fixtures/f.py", "fixtures/keep/g.py"]),
        ("!build/generated/**\n", ["build/generated/c.py", "build/generated/deep/d.py"], []),
        ("!build/generated/\n", ["build/generated/c.py", "build/generated/deep/d.py"], []),
        ("!build/generated/*.py\n", ["build/generated/c.py"], []),
        ("!build/\nbuild/generated/deep\n", ["build/b.py", "build/generated/c.py"], []),
        ("!*.log\n!/local.py\n", ["local.py", "night.log"], []),
        ("!d.py\n", ["build/generated/deep/d.py"], []),
        ("# a comment\n\n!build/b.py  \n", ["build/b.py"], []),
        ("[oops\n", [], []),
    ],
)
def test_a_pattern_leaves_out_and_lets_in(
    tmp_path: Path, rules: str, more: list[str], fewer: list[str], *, is_git: bool
) -> None:
    """Where a pattern matches, it decides over git; elsewhere git decides."""
    root = world(tmp_path / "r", {**BUILD, ".goldrankignore": rules}, is_git=is_git)
    usual = {"a.py", "fixtures/f.py", "fixtures/keep/g.py"}
    found = [path for path in searched(root) if not path.endswith(".bin")]
    assert found == sorted((usual | set(more)) - set(fewer))
    assert sorted(set(walker.names(root)) & {"a.py", *usual, *more, "build/b.py"}) == sorted(
        (usual | set(more)) - set(fewer)
    )


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
def test_the_deepest_file_decides(tmp_path: Path, *, is_git: bool) -> None:
    """A folder knows best what is in it, an ignored folder too."""
    files: dict[str, str | bytes] = {
        **BUILD,
        ".goldrankignore": "*.py\n!build/generated/\n",
        "fixtures/.goldrankignore": "!f.py\n",
        "build/generated/.goldrankignore": "deep/\n!c.py\n",
    }
    root = world(tmp_path / "r", files, is_git=is_git)
    assert searched(root) == ["build/generated/c.py", "fixtures/f.py"]


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
def test_what_is_never_searched_is_not_let_in(tmp_path: Path, *, is_git: bool) -> None:
    """A pattern of a repository that someone cloned must not open the rest of the disk, or its secrets."""
    write(tmp_path, {"outside/secret.py": "s = 1\n"})
    files: dict[str, str | bytes] = {
        ".gitignore": "*\n",
        ".goldrankignore": "!**\n!../**\n!/etc/**\n",
        "a.py": "a = 1\n",
        ".env": "TOKEN=1\n",
        "keys/server.pem": "x\n",
        "node_modules/lib/e.py": "f = 1\n",
        "huge.txt": "x" * (MAX_BYTES + 1),
    }
    root = world(tmp_path / "r", files, is_git=is_git)
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "link.py").symlink_to(tmp_path / "outside" / "secret.py")
    (root / ".git").mkdir(exist_ok=True)
    write(root, {".git/hook.py": "h = 1\n"})
    assert searched(root) == ["a.py"]
    reasons = walker.walk(root, max_bytes=MAX_BYTES).reasons
    assert reasons[".env"] == reasons["keys/server.pem"] == "may hold secrets"
    assert reasons["link.py"] == "a link that leaves the root"
    assert "larger than" in reasons["huge.txt"]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """Whoever asks for the file must learn which rule hides it; who wrote the rule need not hear of it."""
    root = world(tmp_path / "r", {**BUILD, ".goldrankignore": "fixtures/\n"}, is_git=True)
    reasons = walker.walk(root, max_bytes=MAX_BYTES).reasons
    assert reasons["fixtures/f.py"] == ".goldrankignore leaves it out"
    assert own_ignores.LEFT_OUT in exclusion.NO_LOSS
    tree = WorkTree(root, max_bytes=MAX_BYTES)
    assert tree.why_unlisted("fixtures/new.py", is_git=True) == ".goldrankignore leaves it out"
    assert tree.why_unlisted("build/b.py", is_git=True) == "git ignores it"
    assert tree.lines_before_listing("fixtures/f.py") is None
    assert tree.lines_before_listing("a.py") == ["a = 1"]


def test_a_changed_file_is_judged_again_without_a_listing(tmp_path: Path) -> None:
    """Generated code that is let in changes with every build; the rules themselves change seldom."""
    root = world(
        tmp_path / "r", {**BUILD, ".goldrankignore": "!build/generated/**\nfixtures/\n"}, is_git=True
    )
    last = walker.walk(root, max_bytes=MAX_BYTES)
    write(
        root, {"build/generated/new.py": "n = 1\n", "fixtures/new.py": "n = 1\n", "build/new.py": "n = 1\n"}
    )
    touched = ["build/generated/new.py", "fixtures/new.py", "build/new.py"]
    again = walker.walk_again(root, last, touched, max_bytes=MAX_BYTES)
    assert again is not None
    assert set(again.files) - set(last.files) == {"build/generated/new.py"}
    assert walker.walk_again(root, last, [".goldrankignore"], max_bytes=MAX_BYTES) is None


def test_folders_that_no_pattern_reaches_are_not_walked(tmp_path: Path) -> None:
    """An ignored folder may hold a million files; only those on the way to a pattern are opened."""
    write(tmp_path, {".goldrankignore": "!build/generated/**\n!out/*.py\n"})
    rules = own_ignores.OwnRules(tmp_path, [""])
    assert [
        folder
        for folder in ["build", "build/x", "build/generated/y", "out", "cache"]
        if rules.may_let_in(folder)
    ] == [
        "build",
        "build/generated/y",
        "out",
    ]


def test_an_invalid_line_is_named(tmp_path: Path) -> None:
    """`goldrank doctor` lists the lines of ignore files that match nothing."""
    write(tmp_path, {".goldrankignore": "ok\n[oops\n"})
    (problem,) = ignores.problems(tmp_path, [".goldrankignore"])
    assert problem[:2] == (".goldrankignore", 2)

"""Only a work tree's own history is read, and nothing that a repository configures is run for it."""

from pathlib import Path

import pytest
from fakes import git, write
from history_tree import Tree, asked

from retrieval.files import git_history

HIDDEN = "zanzibarium"


@pytest.fixture
def victim(tmp_path: Path) -> Tree:
    """Make a repository that nobody serves."""
    return _tree(tmp_path / "victim", tmp_path / "cache", f"Open the {HIDDEN}")


@pytest.fixture
def served(tmp_path: Path) -> Tree:
    """Make a repository that is served."""
    return _tree(tmp_path / "served", tmp_path / "cache", "Close the door")


def _tree(root: Path, cache: Path, message: str) -> Tree:
    root.mkdir()
    made = Tree(root.resolve(), cache)
    made.git("init", "-q", "-b", "main")
    made.commit(message, {"a.py": "x = 1\n"})
    return made


def test_a_git_file_that_names_another_repository_shows_nothing_of_it(victim: Tree, tmp_path: Path) -> None:
    """An unpacked archive may hold any `.git` file."""
    root = write(tmp_path / "thief", {"a.py": "x = 1\n", ".git": f"gitdir: {victim.root}/.git\n"})
    opened = Tree(root.resolve(), tmp_path / "cache").opened()
    assert not opened.view().past
    assert git_history.NOT_OWN in opened.describe_past()


def test_a_git_file_that_names_anothers_submodule_shows_nothing_of_it(
    victim: Tree, served: Tree, tmp_path: Path
) -> None:
    """A submodule's folder names its work tree, which is not this one."""
    served.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(victim.root), "sub")
    root = write(tmp_path / "thief", {"a.py": "x = 1\n", ".git": f"gitdir: {served.root}/.git/modules/sub\n"})
    assert not Tree(root.resolve(), tmp_path / "cache").opened().view().past


def test_a_submodule_has_its_own_past(victim: Tree, served: Tree) -> None:
    """Who serves a submodule serves a whole repository."""
    served.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(victim.root), "sub")
    served.git("commit", "-q", "-m", "Add the submodule")
    assert list(asked(served.past("sub"), HIDDEN)) == ["a.py"]
    assert "sub" not in asked(served.past(), "submodule"), "it is no file"


@pytest.mark.parametrize("part", ["refs", "refs/heads/main", "refs/heads", "HEAD", "objects"])
def test_a_link_below_the_git_folder_shows_nothing_of_another_repository(
    victim: Tree, served: Tree, part: str
) -> None:
    """A link leads to hashes that nobody outside could guess."""
    write(served.root, {".git/objects/info/alternates": f"{victim.root}/.git/objects\n"})
    link = served.root / ".git" / part
    link.rename(served.root / "old")
    link.symlink_to(victim.root / ".git" / part)
    assert not asked(served.past(), HIDDEN)


def test_a_reference_through_a_link_shows_nothing_of_another_repository(victim: Tree, served: Tree) -> None:
    """HEAD may name a reference that names another, and only the last is a link."""
    write(served.root, {".git/objects/info/alternates": f"{victim.root}/.git/objects\n"})
    served.git("symbolic-ref", "refs/heads/way", "refs/heads/end")
    served.git("symbolic-ref", "HEAD", "refs/heads/way")
    (served.root / ".git/refs/heads/end").symlink_to(victim.root / ".git/refs/heads/main")
    assert not asked(served.past(), HIDDEN)


def test_no_program_of_a_repository_is_run(served: Tree, tmp_path: Path) -> None:
    """Reading a past is reading, whatever the repository's configuration asks for."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)
    write(served.root, {".gitattributes": "*.py diff=d filter=f\n"})
    served.commit("Configure the walrus", {"a.py": "x = 2\n"})
    for name in ("gpg.program", "core.pager", "diff.external", "diff.d.textconv", "diff.d.command"):
        served.git("config", name, str(program))
    for name in ("core.fsmonitor", "core.sshCommand", "credential.helper", "core.askPass"):
        served.git("config", name, str(program))
    served.git("config", "log.showSignature", "true")
    signed = served.git("cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    write(tmp_path, {"signed": signed + "\n"})
    served.git(
        "reset",
        "-q",
        "--soft",
        served.git("hash-object", "-t", "commit", "-w", "--literally", str(tmp_path / "signed")),
    )
    (tmp_path / "ran").unlink(missing_ok=True)  # git's own commands above may run what is configured
    assert list(asked(served.past(), "walrus")) == [".gitattributes", "a.py"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log.decorate", "full"),
        ("color.ui", "always"),
        ("log.diffMerges", "on"),
        ("log.follow", "true"),
        ("diff.renames", "false"),
        ("diff.noprefix", "true"),
        ("diff.relative", "true"),
        ("diff.orderFile", "nowhere"),
        ("diff.renameLimit", "1"),
        ("i18n.logOutputEncoding", "UTF-16"),
        ("format.pretty", "raw"),
        ("log.date", "human"),
        ("log.mailmap", "true"),
        ("core.quotePath", "true"),
        ("log.graphColors", "red"),
        ("core.abbrev", "4"),
        ("notes.displayRef", "*"),
    ],
)
def test_no_setting_of_a_repository_changes_what_is_read(served: Tree, name: str, value: str) -> None:
    """What is parsed must look the same everywhere."""
    served.git("mv", "a.py", "b.py")
    served.commit("Feed the Walrus in Zürich", {"c/ü.py": "x = 1\n"})
    expected = served.past()
    served.git("config", name, value)
    got = Tree(served.root, served.cache / "other").past()
    for question in ("walrus", "door", "zürich"):
        assert asked(got, question) == asked(expected, question)


def test_variables_of_another_git_command_are_not_followed(
    victim: Tree, served: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a hook, GIT_DIR names the repository that is being committed to."""
    monkeypatch.setenv("GIT_DIR", str(victim.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(victim.root))
    assert git_history.find(served.root) == git_history.Place(
        served.root / ".git", served.root / ".git", "", is_partial=False
    )


def test_the_marks_change_with_every_move_of_head(served: Tree) -> None:
    """They replace a process before every question."""
    place = git_history.find(served.root)
    assert isinstance(place, git_history.Place)
    seen = {git_history.marks(place)}
    steps = [
        ("commit", "-q", "--allow-empty", "-m", "two"),
        ("commit", "-q", "--amend", "--allow-empty", "-m", "three"),
        ("checkout", "-q", "HEAD~1"),
        ("switch", "-q", "-c", "side"),
        ("reset", "-q", "--soft", "main"),
        ("pack-refs", "--all"),
        ("commit", "-q", "--allow-empty", "-m", "four"),
        ("update-ref", "HEAD", "HEAD~1"),
    ]
    for count, step in enumerate(steps, 2):
        git(served.root, *step)
        seen.add(git_history.marks(place))
        assert len(seen) == count, step

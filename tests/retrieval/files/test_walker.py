"""Which files count decides what can leak, what is stale and what is found."""

import os
from pathlib import Path

import pytest
from fakes import MAX_BYTES, git, write

from retrieval.errors import RootError
from retrieval.files import exclusion, walker


def listed(root: Path) -> list[str]:
    """List the paths that the walker gives."""
    return list(walker.walk(walker.resolve_root(root), max_bytes=MAX_BYTES).files)


def reasons(root: Path) -> dict[str, str]:
    """List what the walker leaves out, with reasons."""
    listing = walker.walk(walker.resolve_root(root), max_bytes=MAX_BYTES)
    return {item.path: item.reason for item in listing.excluded}


@pytest.mark.parametrize("is_git", [True, False])
def test_a_file_ignored_by_git_is_never_listed(tmp_path: Path, is_git: bool) -> None:
    """What git ignores is often secret or generated; the rules hold without git too."""
    write(
        tmp_path,
        {
            ".gitignore": "out/\n*.log\n!keep.log\n",
            "out/a.py": "x",
            "b.log": "x",
            "keep.log": "x",
            "src/.gitignore": "/local.py\n",
            "src/local.py": "x",
            "src/deep/local.py": "x",
        },
    )
    if is_git:
        git(tmp_path, "init", "-q")
    assert listed(tmp_path) == [".gitignore", "keep.log", "src/.gitignore", "src/deep/local.py"]


def test_an_ignored_file_that_git_tracks_is_listed(tmp_path: Path) -> None:
    """Exactly what git tracks or could track: a forced file is the repository's own."""
    write(tmp_path, {".gitignore": "*.gen\n", "a.gen": "x"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", "a.gen")
    assert "a.gen" in listed(tmp_path)


def test_a_tracked_file_that_was_deleted_is_not_listed(tmp_path: Path) -> None:
    """Git still tracks it until the next commit; there is nothing to read."""
    write(tmp_path, {"a.py": "x", "b.py": "x"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    (tmp_path / "a.py").unlink()
    assert listed(tmp_path) == ["b.py"]


def test_a_repository_without_commits_is_listed(tmp_path: Path) -> None:
    """The first question may come before the first commit."""
    write(tmp_path, {"a.py": "x"})
    git(tmp_path, "init", "-q")
    assert listed(tmp_path) == ["a.py"]


def test_a_folder_that_git_ignores_is_searched_when_it_is_named(tmp_path: Path) -> None:
    """Someone who serves build/ on purpose wants it searched."""
    write(tmp_path, {".gitignore": "build/\n", "build/a.py": "x"})
    git(tmp_path, "init", "-q")
    assert listed(tmp_path / "build") == ["a.py"]


def test_links_are_never_followed(tmp_path: Path) -> None:
    """A link is the way out of a root that nobody thinks of."""
    outside = write(tmp_path / "outside", {"secret.py": "x", "folder/b.py": "x"})
    root = write(tmp_path / "root", {"a.py": "x"})
    (root / "out.py").symlink_to(outside / "secret.py")
    (root / "in.py").symlink_to(root / "a.py")
    (root / "dir").symlink_to(outside / "folder")
    for is_git in (False, True):
        if is_git:
            git(root, "init", "-q")
        assert listed(root) == ["a.py"]
        assert reasons(root)["out.py"] == "a link that leaves the root"
        assert reasons(root)["in.py"].startswith("a link, which is not followed")


def test_a_tracked_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    """Git still lists the files below; reading them would leave the root."""
    outside = write(tmp_path / "outside", {"b.py": "secret"})
    root = write(tmp_path / "root", {"lib/b.py": "x"})
    git(root, "init", "-q")
    git(root, "add", ".")
    (root / "lib/b.py").unlink()
    (root / "lib").rmdir()
    (root / "lib").symlink_to(outside)
    assert listed(root) == []
    with pytest.raises(OSError, match="no longer below the root"):
        walker.read(walker.resolve_root(root), "lib/b.py")


def test_a_file_that_became_a_link_is_not_read(tmp_path: Path) -> None:
    """It may change between the walk and the reading."""
    write(tmp_path, {"a.py": "x"})
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    with pytest.raises(OSError, match="link"):
        walker.read(tmp_path.resolve(), "link.py")


def test_a_fifo_is_left_out_and_does_not_hang(tmp_path: Path) -> None:
    """Reading a pipe would wait forever."""
    os.mkfifo(tmp_path / "pipe.py")
    assert listed(tmp_path) == []
    assert reasons(tmp_path) == {"pipe.py": "not a regular file"}
    with pytest.raises(OSError, match="not a regular file"):
        walker.read(tmp_path.resolve(), "pipe.py")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("node_modules/x/index.js", "dependencies, not this repository's code"),
        ("package-lock.json", "a lock file"),
        (".env", "may hold secrets"),
        (".env.production", "may hold secrets"),
        ("deploy/server.pem", "may hold secrets"),
        ("id_ed25519", "may hold secrets"),
        ("service-account-prod.json", "may hold secrets"),
    ],
)
def test_each_exclusion_has_its_reason(tmp_path: Path, path: str, reason: str) -> None:
    """A file that is silently missing from a search costs an afternoon."""
    write(tmp_path, {path: "x", ".env.example": "x", "keys.py": "x"})
    assert listed(tmp_path) == [".env.example", "keys.py"]
    assert reasons(tmp_path) == {path: reason}


def test_a_vendor_folder_counts_unless_a_package_manager_filled_it(tmp_path: Path) -> None:
    """A shop may have a folder of its own for its vendors."""
    write(tmp_path, {"vendor/model.py": "x", "go/vendor/modules.txt": "x", "go/vendor/m/a.go": "x"})
    assert listed(tmp_path) == ["vendor/model.py"]


def test_the_golden_file_is_no_answer_to_its_own_questions(tmp_path: Path) -> None:
    """It holds every question word for word: indexed, it would come first and spoil each evaluation."""
    write(tmp_path, {"golden.json": "[]", "tests/golden.json": "[]"})
    assert listed(tmp_path) == ["tests/golden.json"]
    assert reasons(tmp_path) == {"golden.json": "the golden questions, which are no answers"}


def test_a_large_file_is_left_out(tmp_path: Path) -> None:
    """Megabytes of data would drown the code."""
    write(tmp_path, {"a.json": "x" * (MAX_BYTES + 1), "a.py": "x = 1\n" * (MAX_BYTES // 6 + 1)})
    write(tmp_path, {"b.py": "x" * (4 * MAX_BYTES + 1)})
    assert reasons(tmp_path) == {
        "a.json": "larger than 1,000,000 bytes (max_file_bytes)",
        "b.py": "larger than 4,000,000 bytes (4 * max_file_bytes)",
    }


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("a.png", b"\x89PNG\0\0", "binary"),
        ("a.min.js", b"var a=1;\n", "minified"),
        ("bundle.js", b"x" * 6000, "minified"),
        (
            "a_pb2.py",
            b"# Generated by the protocol buffer compiler.  DO NOT EDIT!\n# @generated\n",
            "generated",
        ),
        ("a.go", b"// Code generated by mockgen. DO NOT EDIT.\npackage a\n", "generated"),
        ("a.py", b"x = 1\n", ""),
        ("emit.go", b'package emit\n\nconst header = "// Code generated by acme. DO NOT EDIT."\n', ""),
        ("emit.py", b'HEAD = [\n    "# Code generated by acme. DO NOT EDIT.",\n]\n', ""),
        ("a.h", b"/*\n * This file is auto-generated, do not edit.\n */\n", "generated"),
        ("a_pb.py", b'"""Code generated by acme. DO NOT EDIT."""\n', "generated"),
        ("q.js", b"// Skips files marked @generated\nexport function kept(){}\n", ""),
        ("q.py", b'''"""Removes files that say @generated or DO NOT EDIT."""\n''', ""),
        ("q.go", b"// Package emit writes the header Code generated by acme. DO NOT EDIT.\n", ""),
        ("w.c", b"/* WARNING: this file was auto-generated. Do not modify. */\n", "generated"),
        ("logo.py", b'LOGO = "' + b"QUJD" * 3000 + b'"\n\n\n' + b"def stamp(page):\n    pass\n" * 10, ""),
        ("notes.md", b"The scheduler wakes the workers in order. " * 300, "minified"),
        ("notes.md", (b"The scheduler wakes the workers in order. " * 30 + b"\n") * 9, ""),
        ("mac.c", b"int f(int a)\r{\r    return a;\r}\r" * 300, ""),
        ("key.asc", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "may hold secrets"),
        ("ch01.asc", b"= Chapter\n\nHow branches are rebased.\n", ""),
        ("utf16.cs", "class A { }\n".encode("utf-16-le"), ""),
        ("utf16.ps1", "é".encode("utf-16"), ""),
        ("short.json", b"[" + b"1," * 2000 + b"1]", ""),
        ("empty.py", b"", ""),
        (
            "data.bin.py",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "a Git LFS pointer; its content is not here: git lfs pull",
        ),
    ],
)
def test_content_that_is_no_text_for_people_is_refused(path: str, data: bytes, reason: str) -> None:
    """Binary, minified and generated files answer no question."""
    assert exclusion.reason_in_content(path, data) == reason


HISTORY = {
    ".svn/pristine/ab/ab12.svn-base": "x = 1",
    "a/.hg/hgrc": "[paths]",
    ".jj/repo/store/type": "git",
    ".bzr/README": "This is a Bazaar control directory.",
    "_darcs/inventory": "x",
    "old/CVS/Entries": "/a.py/1.1/",
    "old/CVS/Repository": "module",
    "old/CVS/Root": ":pserver:",
    "mirror/HEAD": "ref: refs/heads/main",
    "mirror/config": "[core]",
    "mirror/objects/info/packs": "",
    "mirror/refs/heads/main": "0",
}


@pytest.mark.parametrize("has_git", [True, False])
def test_version_controls_own_folders_are_never_searched(tmp_path: Path, *, has_git: bool) -> None:
    """They hold every file once more, as it was, and the addresses of servers."""
    write(tmp_path, {"a.py": "x = 1", "src/cvs/client.py": "x = 1", "docs/HEAD": "x", **HISTORY})
    if has_git:
        git(tmp_path, "init", "-q")
    assert listed(tmp_path) == ["a.py", "docs/HEAD", "src/cvs/client.py"]
    reasons = set(walker.walk(tmp_path.resolve(), max_bytes=MAX_BYTES).reasons.values())
    assert reasons == {"version control's own files"}
    with pytest.raises(OSError, match="version control's own files"):
        walker.read(tmp_path.resolve(), "a/.hg/hgrc")


def test_a_bare_repository_beside_its_work_trees_is_not_searched(tmp_path: Path) -> None:
    """`.bare` and a work tree for each branch is a common layout."""
    write(tmp_path / "base", {"a.py": "x = 1"})
    git(tmp_path / "base", "init", "-q")
    git(tmp_path / "base", "add", ".")
    git(tmp_path / "base", "commit", "-qm", "one")
    project = write(tmp_path / "project", {".git": "gitdir: ./.bare\n"})
    git(tmp_path, "clone", "-q", "--bare", "base", "project/.bare")
    git(project / ".bare", "worktree", "add", "-q", str(project / "tree"))
    assert listed(project) == ["tree/a.py"]
    with pytest.raises(RootError, match=r"is a bare git repository: .* serve a work tree"):
        walker.resolve_root(project / ".bare")


def test_a_repository_that_becomes_bare_history_is_noticed(tmp_path: Path) -> None:
    """A mirror that is cloned into a served folder must not be searched from then on."""
    root = write(tmp_path, {"a.py": "x = 1"}).resolve()
    git(root, "init", "-q")
    last = walker.walk(root, max_bytes=MAX_BYTES)
    write(root, {path: text for path, text in HISTORY.items() if path.startswith("mirror/")})
    touched = [path for path in HISTORY if path.startswith("mirror/")]
    assert walker.walk_again(root, last, touched, max_bytes=MAX_BYTES) is None, "all is looked through"


@pytest.mark.parametrize("has_git", [True, False])
def test_what_is_ours_is_passed_over(tmp_path: Path, *, has_git: bool) -> None:
    """A cache below its root would be searched as if it were code, and grow with every search."""
    root = write(tmp_path, {"a.py": "x", "cache/b.json": "x", "log.txt": "x", "cache.py": "x"}).resolve()
    if has_git:
        git(root, "init", "-q")
    own = ("cache", "log.txt")
    last = walker.walk(root, max_bytes=MAX_BYTES, own=own)
    assert list(last.files) == ["a.py", "cache.py"]
    assert sorted(walker.names(root, own=own)) == ["a.py", "cache.py"]
    again = walker.walk_again(root, last, ["cache/c.json", "cache"], max_bytes=MAX_BYTES, own=own)
    assert again is not None
    assert list(again.files) == ["a.py", "cache.py"]


def test_the_order_is_that_of_the_paths_bytes(tmp_path: Path) -> None:
    """Same input, same output: also where a locale would sort otherwise."""
    write(tmp_path, {"b.py": "x", "B.py": "x", "a/z.py": "x", "é.py": "x", "a.py": "x"})
    assert listed(tmp_path) == ["B.py", "a.py", "a/z.py", "b.py", "é.py"]


def test_a_name_that_is_no_utf8_is_listed_and_read(tmp_path: Path) -> None:
    """File names are bytes; one bad byte must not end the walk."""
    name = os.fsdecode(b"bad\x80.py")
    write(tmp_path, {name: "x = 1"})
    assert listed(tmp_path) == [name]
    assert walker.read(tmp_path.resolve(), name) == b"x = 1"


def test_a_root_that_cannot_be_served_says_why(tmp_path: Path) -> None:
    """A mistyped folder must not look like an empty repository."""
    write(tmp_path, {"file.py": "x"})
    with pytest.raises(RootError, match=r"nowhere does not exist"):
        walker.resolve_root(tmp_path / "nowhere")
    with pytest.raises(RootError, match=r"is a file"):
        walker.resolve_root(tmp_path / "file.py")


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    """Nothing to search is an answer, not an error."""
    assert listed(tmp_path) == []

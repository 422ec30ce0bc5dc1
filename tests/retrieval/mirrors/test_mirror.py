"""A mirror outlives kills, other processes and servers that are gone, and takes objects only."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from fakes import MAX_BYTES, git, write
from remotes import Remote, remove, restore, serving, silent

from retrieval.errors import CancelledError, GoldrankError, MirrorError
from retrieval.mirrors import inventory, remote
from retrieval.mirrors.mirror import Mirror
from retrieval.mirrors.source import read_source

PYTHON = "def answer(value):\n    return value\n"
PATIENCE_S = 60


@pytest.fixture(name="origin")
def origin_fixture(tmp_path: Path) -> Remote:
    """A repository with two commits, a branch and a tag."""
    made = Remote(tmp_path, {"a.py": PYTHON})
    git(made.work, "push", "-q", "origin", "HEAD:refs/heads/stable", "HEAD:refs/tags/v1")
    made.push({"b.py": PYTHON})
    return made


def mirror_of(url: str, cache: Path) -> Mirror:
    """Return the mirror of a URL."""
    source = read_source(url)
    assert source is not None
    return Mirror(source, cache=cache, max_file_bytes=MAX_BYTES)


def test_a_ref_names_a_branch_a_tag_or_a_commit(origin: Remote, tmp_path: Path) -> None:
    """Assistants compare versions: each ref of a URL is served by itself, from one mirror."""
    first = git(origin.folder, "rev-parse", "v1").strip()
    last = git(origin.folder, "rev-parse", "main").strip()
    named = {"": last, "main": last, "stable": first, "v1": first, first: first, first[:9]: first}
    for ref, commit in named.items():
        mirror = origin.mirror(tmp_path / "cache", ref)
        mirror.refresh(if_older_s=PATIENCE_S)
        assert mirror.commit() == commit, ref
    assert len(inventory.folders(tmp_path / "cache")) == 1


def test_a_commit_that_no_branch_leads_to_is_fetched_by_its_hash(origin: Remote, tmp_path: Path) -> None:
    """What a review talks about is often a commit that was pushed over."""
    lost = origin.push({"lost.py": PYTHON})
    git(origin.work, "reset", "-q", "--hard", "HEAD~1")
    origin.push({"kept.py": PYTHON})
    mirror = origin.mirror(tmp_path / "cache", lost)
    mirror.refresh()
    assert mirror.commit() == lost


def test_a_refresh_follows_pushes_force_pushes_and_branches_that_are_gone(
    origin: Remote, tmp_path: Path
) -> None:
    """A mirror that keeps a deleted branch answers from code that is no more."""
    cache = tmp_path / "cache"
    main, stable = origin.mirror(cache), origin.mirror(cache, "stable")
    assert main.refresh()
    assert not main.refresh()
    pushed = origin.push({"c.py": PYTHON})
    assert main.refresh()
    assert main.commit() == pushed
    git(origin.work, "reset", "-q", "--hard", "HEAD~2")
    forced = origin.push({"d.py": PYTHON})
    git(origin.folder, "update-ref", "-d", "refs/heads/stable")
    git(origin.folder, "update-ref", "refs/heads/stable/next", forced)
    assert main.refresh()
    assert main.commit() == forced
    with pytest.raises(GoldrankError, match="no branch, tag or commit 'stable'"):
        stable.require_commit()


def test_an_empty_repository_is_said_to_be_empty(tmp_path: Path) -> None:
    """A repository that was just created is served before its first push."""
    bare = tmp_path / "new.git"
    bare.mkdir()
    git(bare, "init", "-q", "--bare", "-b", "main")
    mirror = mirror_of(f"file://{bare}", tmp_path / "cache")
    mirror.refresh()
    with pytest.raises(GoldrankError, match="no commit yet"):
        mirror.require_commit()


def test_a_server_that_is_gone_leaves_the_mirror_and_is_said(origin: Remote, tmp_path: Path) -> None:
    """A forge is down at times, and the code of an hour ago answers most questions."""
    mirror = origin.mirror(tmp_path / "cache")
    mirror.refresh()
    commit = mirror.commit()
    remove(origin)
    with pytest.raises(
        MirrorError, match=r"cannot be fetched: .*not appear to be a git repository.*git ls-remote"
    ):
        mirror.refresh()
    assert mirror.commit() == commit
    state = mirror.state()
    assert state.error
    assert 0 < state.fetched_at < state.tried_at
    restore(origin)
    mirror.refresh()
    assert mirror.state().error == ""


def test_a_server_that_is_not_there_is_asked_once_for_many_questions(tmp_path: Path) -> None:
    """Each question would wait for the same timeout."""
    mirror = mirror_of(f"file://{tmp_path}/none", tmp_path / "cache")
    with pytest.raises(MirrorError) as first:
        mirror.require()
    with pytest.raises(MirrorError) as second:
        mirror.require()
    assert first.value is second.value
    assert not mirror.exists


def test_a_ref_that_was_pushed_after_the_last_fetch_is_fetched(origin: Remote, tmp_path: Path) -> None:
    """Whoever tags a release and serves it must not wait for a schedule."""
    origin.mirror(tmp_path / "cache").refresh()
    git(origin.folder, "tag", "v2", "main")
    later, never = origin.mirror(tmp_path / "cache", "v2"), origin.mirror(tmp_path / "cache", "v3")
    later.require()
    assert later.require_commit() == git(origin.folder, "rev-parse", "main").strip()
    never.require()
    tried_at = never.state().tried_at
    never.require()
    assert never.state().tried_at == tried_at


def test_a_users_own_rewriting_of_urls_is_followed(
    origin: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Companies send a forge's URLs to a proxy of their own, and git knows it."""
    config = f'[url "file://{origin.folder.parent.parent}/"]\n\tinsteadOf = https://forge.invalid/\n'
    write(tmp_path, {"gitconfig": config})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    mirror = mirror_of("https://forge.invalid/owner/name.git", tmp_path / "cache")
    mirror.refresh()
    assert mirror.commit()


def test_a_smaller_limit_of_another_process_loses_nothing(origin: Remote, tmp_path: Path) -> None:
    """Two servers may have two settings, and share the mirror."""
    large = Mirror(origin.source(), cache=tmp_path / "cache", max_file_bytes=10 * MAX_BYTES)
    large.refresh()
    origin.push({"large.json": b"1," * 4_000_000})
    origin.mirror(tmp_path / "cache").refresh()
    assert (
        git(large.reader, "--git-dir=.", "cat-file", "-s", f"{large.commit()}:large.json").strip()
        == "8000000"
    )


def test_a_server_without_filters_is_mirrored_whole(origin: Remote, tmp_path: Path) -> None:
    """Many servers cannot leave blobs out; then the transfer costs more, and nothing else changes."""
    git(origin.folder, "config", "uploadpack.allowFilter", "false")
    origin.push({"large.json": b"1," * 4_000_000})
    mirror = origin.mirror(tmp_path / "cache")
    mirror.refresh()
    assert (
        git(mirror.reader, "--git-dir=.", "cat-file", "-s", f"{mirror.commit()}:large.json").strip()
        == "8000000"
    )


def test_a_higher_limit_fetches_what_was_left_out(origin: Remote, tmp_path: Path) -> None:
    """A user who raises max_file_bytes wants the files that were too large."""
    origin.push({"large.json": b"1," * 4_000_000})
    small = origin.mirror(tmp_path / "cache")
    small.refresh()
    large = Mirror(origin.source(), cache=tmp_path / "cache", max_file_bytes=10 * MAX_BYTES)
    large.refresh()
    assert (
        git(large.reader, "--git-dir=.", "cat-file", "-s", f"{large.commit()}:large.json").strip()
        == "8000000"
    )


def test_a_killed_clone_leaves_no_mirror_and_the_next_one_is_whole(origin: Remote, tmp_path: Path) -> None:
    """A laptop is closed at any moment; half a mirror would answer with half the code."""
    script = (
        "import sys; from pathlib import Path\n"
        "from retrieval.mirrors.mirror import Mirror\nfrom retrieval.mirrors.source import read_source\n"
        "mirror = Mirror(read_source(sys.argv[1]), cache=Path(sys.argv[2]), max_file_bytes=1000000)\n"
        "print('begun', flush=True)\nmirror.refresh()\n"
    )
    cache = tmp_path / "cache"
    mirror = origin.mirror(cache)
    for n in range(6):
        command = [sys.executable, "-c", script, origin.url, str(cache)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd()) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with suppress(subprocess.TimeoutExpired):
                process.wait(n * 0.02)
            process.kill()
        assert not mirror.exists or mirror.commit()
    mirror.refresh()
    assert mirror.commit()
    assert not list(mirror.folder.glob("*.new"))


def test_locks_that_a_killed_git_left_do_not_stop_a_refresh(origin: Remote, tmp_path: Path) -> None:
    """Git itself waits for such a lock for ever, and nobody looks into a cache."""
    mirror = origin.mirror(tmp_path / "cache")
    mirror.refresh()
    for name in ("refs/heads/main.lock", "packed-refs.lock", "config.lock", "objects/pack/tmp_pack_x"):
        left = mirror.git_folder / name
        left.touch()
        os.utime(left, (1, 1))
    pushed = origin.push({"c.py": PYTHON})
    assert mirror.refresh()
    assert mirror.commit() == pushed
    assert not list(mirror.git_folder.rglob("*.lock"))


def test_processes_that_want_one_mirror_fetch_it_once(origin: Remote, tmp_path: Path) -> None:
    """Every assistant starts a server of its own, all at nine in the morning."""
    mirrors = [origin.mirror(tmp_path / "cache") for _ in range(6)]
    threads = [threading.Thread(target=mirror.require) for mirror in mirrors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert {mirror.commit() for mirror in mirrors} == {git(origin.folder, "rev-parse", "main").strip()}
    assert len({mirror.state().fetched_at for mirror in mirrors}) == 1


def test_nothing_of_a_remote_is_run(origin: Remote, tmp_path: Path) -> None:
    """Whoever pushes to a repository must not run programs where it is searched."""
    trap = tmp_path / "ran"
    evil = f"touch {trap}"
    write(
        origin.work,
        {
            ".gitattributes": "* filter=evil diff=evil\n*.py text eol=crlf\n",
            ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "{evil}"\n',
            ".gitconfig": f'[filter "evil"]\n\tsmudge = {evil}\n[core]\n\tfsmonitor = {evil}\n',
            ".git-hooks/post-checkout": f"#!/bin/sh\n{evil}\n",
        },
    )
    commit = git(origin.work, "rev-parse", "HEAD").strip()
    git(origin.work, "update-index", "--add", "--cacheinfo", f"160000,{commit},x")
    git(origin.work, "add", ".gitattributes", ".gitmodules", ".gitconfig", ".git-hooks")
    git(origin.work, "commit", "-q", "-m", "evil")
    git(origin.work, "push", "-q", "origin", "HEAD")
    mirror = origin.mirror(tmp_path / "cache")
    mirror.refresh()
    for name in ("reference-transaction", "post-fetch", "pre-auto-gc", "post-update", "fsmonitor-watchman"):
        hook = mirror.git_folder / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{evil}\n", encoding="ascii")
        hook.chmod(0o700)
    origin.push({"c.py": PYTHON})
    assert mirror.refresh()
    assert not trap.exists()
    assert not (mirror.git_folder / "modules").exists()


def test_a_repository_is_fetched_over_http(origin: Remote, tmp_path: Path) -> None:
    """This is how everybody's repositories come; the same server then says nothing, or sends elsewhere."""
    with serving(origin.folder.parent.parent) as base:
        mirror = mirror_of(f"{base}/owner/name.git", tmp_path / "cache")
        mirror.refresh()
        assert mirror.commit() == git(origin.folder, "rev-parse", "main").strip()
        with serving(origin.folder.parent.parent, redirect=base) as elsewhere:
            other = mirror_of(f"{elsewhere}/owner/name.git", tmp_path / "cache")
            with pytest.raises(MirrorError, match="cannot be fetched"):
                other.refresh()


def test_a_server_that_breaks_off_leaves_no_mirror(origin: Remote, tmp_path: Path) -> None:
    """Connections break in the middle of a clone every day; half a repository would answer wrongly."""
    with serving(origin.folder.parent.parent, dies=True) as base:
        mirror = mirror_of(f"{base}/owner/name.git", tmp_path / "cache")
        with pytest.raises(MirrorError, match="cannot be fetched"):
            mirror.refresh()
    assert not mirror.exists
    assert not list(mirror.folder.glob("repo.git*"))


def test_a_password_comes_from_gits_helper_and_is_kept_nowhere(
    origin: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever can clone a private repository can serve it, and a copied cache gives nothing away."""
    caplog.set_level("DEBUG")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with serving(origin.folder.parent.parent, password="ann:s3cret") as base:  # noqa: S106 - a fake
        mirror = mirror_of(f"{base}/owner/name.git", tmp_path / "cache")
        with pytest.raises(MirrorError, match="could not read Username"):
            mirror.refresh()
        helper = '[credential]\n\thelper = "!f() { echo username=ann; echo password=s3cret; }; f"\n'
        write(tmp_path, {"gitconfig": helper})
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
        mirror.refresh()
    assert mirror.commit()
    with pytest.raises(MirrorError):
        mirror.refresh()  # the server is gone: what git says of it is written down
    kept = b"".join(file.read_bytes() for file in (tmp_path / "cache").rglob("*") if file.is_file())
    assert b"s3cret" not in kept
    assert "s3cret" not in caplog.text


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    """Without an end, one dead connection would hold the mirror's lock until the machine restarts."""
    folder = tmp_path / "repo.git"
    folder.mkdir()
    git(folder, "init", "-q", "--bare")
    with silent() as base, pytest.raises(MirrorError, match="no progress for 1 s"):
        remote.fetch(folder, [f"{base}/o/n"], protocol="http", stall_s=1.0)


def test_a_fetch_that_nobody_waits_for_ends_at_once(tmp_path: Path) -> None:
    """Ctrl-C on a slow clone must end git too, and what git started."""
    folder = tmp_path / "repo.git"
    folder.mkdir()
    git(folder, "init", "-q", "--bare")
    with silent() as base, pytest.raises(CancelledError):
        remote.fetch(folder, [f"{base}/o/n"], protocol="http", is_cancelled=lambda: True)


def test_only_the_protocol_of_the_url_is_used(origin: Remote, tmp_path: Path) -> None:
    """A remote, or a configuration, must not turn a fetch into a program or into another protocol."""
    folder = tmp_path / "repo.git"
    folder.mkdir()
    git(folder, "init", "-q", "--bare")
    trap = tmp_path / "ran"
    for url in (origin.url, f"ext::touch {trap}"):
        with pytest.raises(MirrorError, match="not allowed"):
            remote.fetch(folder, [url], protocol="https")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            b"fatal: Authentication failed for 'https://ann:s3cret@host/o/n/'\n",
            "Authentication failed for 'https://host/o/n/'",
        ),
        (b"Receiving: 1%\rReceiving: 2%\rerror: RPC failed\nfatal: early EOF\n", "RPC failed; early EOF"),
        (
            b"fatal: unable to access 'https://host/x?private_token=s3cret': no\n",
            "unable to access 'https://host/x: no",
        ),
        (b"remote: https://oauth2:s3cret@host/x moved\nfatal: x\n", "remote: https://host/x moved; x"),
        (b"", "git failed without a word"),
    ],
)
def test_what_git_said_is_shown_without_credentials(said: bytes, shown: str) -> None:
    """Git repeats the URL after a helper or a configuration has put a password into it."""
    assert remote.readable(said).replace("'https://host/x':", "'https://host/x:") == shown
    assert "s3cret" not in remote.readable(said)


def test_a_mirror_is_removed_but_not_what_only_looks_like_one(origin: Remote, tmp_path: Path) -> None:
    """`goldrank clean` frees disk, and deletes nothing that goldrank did not make."""
    mirror = origin.mirror(tmp_path / "cache")
    mirror.refresh()
    alike = write(tmp_path / "cache" / "mirrors" / "mine", {"url": "https://host/o/n\n"})
    assert inventory.folders(tmp_path / "cache") == [mirror.folder]
    with pytest.raises(GoldrankError, match="lacks goldrank's"):
        inventory.remove(alike)
    inventory.remove(mirror.folder)
    assert not mirror.folder.exists()
    assert alike.exists()

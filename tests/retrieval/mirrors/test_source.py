"""A URL reaches git as an argument, and users paste URLs with tokens: what is read decides what is run."""

import os
from pathlib import Path

import pytest
from fakes import git

from retrieval.errors import ArgumentError
from retrieval.mirrors.source import Source, place_of, read_root, read_source

NAMED = {
    "https://github.com/elixir-ecto/ecto": ("elixir-ecto/ecto", "", "https"),
    "https://github.com/elixir-ecto/ecto.git@v3.12.0": ("elixir-ecto/ecto@v3.12.0", "v3.12.0", "https"),
    "https://host/o/n@feature/x@2": ("o/n@feature/x@2", "feature/x@2", "https"),
    "https://host/@scope/name@lib@1.2": ("@scope/name@lib@1.2", "lib@1.2", "https"),
    "https://org@dev.azure.com/org/p/_git/name": ("_git/name", "", "https"),
    "git@github.com:owner/name.git": ("owner/name", "", "ssh"),
    "git@github.com:owner/name@main": ("owner/name@main", "main", "ssh"),
    "ssh://git@host:22/x@v1": ("x@v1", "v1", "ssh"),
    "ssh://git@[::1]:2222/~/o/n": ("o/n", "", "ssh"),
    "file:///srv/o/name.git@main": ("name@main", "main", "file"),
    "http://127.0.0.1:8080/o/n": ("o/n", "", "http"),
    "git://localhost/o/n": ("o/n", "", "git"),
}
REFUSED = {
    "ext::sh -c id": "names a program",
    "fd::17/foo": "names a program",
    "https://ann:s3cret@host/o/n": "holds a password",
    "https://:s3cret@host/o/n": "holds a password",
    "ssh://git:s3cret@host/o/n": "holds a password",
    "https://ghp_s3cret0123456789abcdefghijklmnopqrstuv@github.com/o/n": "looks like a token",
    "https://host/o/n?private_token=s3cret": "query",
    "https://host/o/n#s3cret": "query or a fragment",
    "http://example.com/o/n": "this machine only",
    "git://example.com/o/n": "this machine only",
    "http://127.0.0.1.example.com/o/n": "this machine only",
    "ftp://host/o/n": "ftp:// is not served",
    "https://host/": "names no repository",
    "https://host": "names no repository",
    "https:///o/n": "names no host",
    "https://ho st/o/n": "names no host",
    "ssh://-oProxyCommand=id/o/n": "names no host",
    "git@-oProxyCommand=id:o/n": "names no host",
    "-x@host:o/n": "names no host",
    "git@host:-oProxyCommand=id": "option",
    "https://host/o/../../n": "climbs",
    "https://host/o/n\n": "names no repository",
    "https://host/o/n@--upload-pack=id": "cannot be a branch",
    "https://host/o/n@-x": "cannot be a branch",
    "https://host/o/n@": "cannot be a branch",
    "https://host/o/n@a..b": "cannot be a branch",
    "https://host/o/n@a b": "cannot be a branch",
    "https://host/o/n@HEAD^{/x}": "cannot be a branch",
    "file://other/srv/x": "no host",
}


@pytest.mark.parametrize("text", NAMED)
def test_a_url_names_a_repository_and_a_ref(text: str) -> None:
    """People paste what a forge shows, and add a ref as they would to a package."""
    found = read_source(text)
    assert found is not None
    assert (found.name, found.ref, found.protocol) == NAMED[text]
    assert found.written.rstrip("/") == text


@pytest.mark.parametrize("text", REFUSED)
def test_a_url_that_runs_a_program_or_holds_a_secret_is_refused(text: str) -> None:
    """A message that repeats a password puts it into a log, and into an assistant's context."""
    with pytest.raises(ArgumentError, match=REFUSED[text]) as refused:
        read_source(text)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["src/api", "C:\\src\\api", "C:/src", "a:b", "./x@v1", "~/src", "", "x::", "a.py:12"]
)
def test_a_folder_is_no_url(text: str) -> None:
    """A folder that does not exist yet must stay a folder in the error that says so."""
    if text == "x::":
        with pytest.raises(ArgumentError):
            read_source(text)
    else:
        assert read_source(text) is None


def test_an_existing_folder_wins_over_a_url(tmp_path: Path) -> None:
    """A folder may be called anything, and whoever has it means it."""
    old = Path.cwd()
    os.chdir(tmp_path)
    try:
        for name in ("git@host:owner", "https:"):
            Path(name).mkdir()
        assert read_root("git@host:owner") == Path("git@host:owner")
    finally:
        os.chdir(old)


def test_the_path_of_a_bare_repository_is_served_as_its_url(tmp_path: Path) -> None:
    """On a server, repositories lie bare in a folder; a branch of one is named as in a URL."""
    bare = tmp_path / "srv" / "o@rg" / "name.git"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare")
    whole, tagged = read_root(str(bare)), read_root(f"{bare}@v1")
    assert isinstance(whole, Source)
    assert isinstance(tagged, Source)
    assert (whole.url, whole.ref, whole.name) == (f"file://{bare}", "", "name")
    assert (tagged.url, tagged.ref, tagged.name) == (f"file://{bare}", "v1", "name@v1")


def test_refs_share_a_mirror_and_have_roots_of_their_own(tmp_path: Path) -> None:
    """Two refs of one URL must not share an index, and need not be fetched twice."""
    sources = [read_source(f"https://host/o/n{end}") for end in ("", ".git", "/", "@v1", "@v2", ".git@v1")]
    found = [source for source in sources if source]
    assert len({source.mirror_folder(tmp_path) for source in found}) == 1
    assert len({source.root(tmp_path) for source in found}) == 3
    other = read_source("https://host/o/other")
    assert other is not None
    assert other.mirror_folder(tmp_path) != found[0].mirror_folder(tmp_path)


def test_all_urls_of_a_repository_have_one_place() -> None:
    """A push names a repository by several URLs, of which the served one may be any."""
    urls = ["https://Host/o/n.git", "git@host:o/n", "ssh://git@host:22/o/n.git", "https://host:8443/o/n/"]
    assert {place_of(url) for url in urls} == {"host/o/n"}
    assert place_of("no url") == ""

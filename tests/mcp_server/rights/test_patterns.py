"""Which repositories a line of the rights file means, and that a doubtful text means fewer."""

from pathlib import Path

import pytest

from mcp_server.rights.patterns import Pattern, Patterns, identity, pattern_of
from retrieval.errors import ArgumentError
from retrieval.mirrors.source import Root, read_root


def means(pattern: str, written: str) -> bool:
    """Return whether a pattern means a root as a user writes it."""
    one, root = pattern_of(pattern), read_root(written)
    found = Patterns([one]).mean(root)
    assert one.is_among({identity(root)}) == found
    return found


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("https://git.example.com/payments/*", "https://git.example.com/payments/ledger.git"),
        ("https://git.example.com/payments/*", "git@git.example.com:payments/ledger.git"),
        ("https://git.example.com/payments/*", "ssh://git@git.example.com/payments/ledger"),
        ("https://git.example.com/payments/*", "https://GIT.example.com/payments/ledger"),
        ("https://git.example.com/payments/*", "https://git.example.com:443/payments/ledger"),
        ("https://git.example.com/payments/*", "https://git.example.com/payments/ledger@v1.2"),
        ("git@example.com:team/docs.git", "https://example.com/team/docs"),
        ("https://git.example.com/open/**", "https://git.example.com/open/a/b/c.git"),
        ("https://git.example.com/**/docs", "https://git.example.com/a/b/docs"),
        ("https://git.example.com/*/api-*", "https://git.example.com/team/api-web"),
        ("https://*.example.com/team/docs", "https://git.example.com/team/docs"),
        ("https://git.example.com:8443/a/*", "https://git.example.com:8443/a/b"),
        ("file:///srv/open/*", "file:///srv/open/a.git"),
        ("/srv/src/*", "/srv/src/api"),
        ("**", "https://anything.example.com/a/b"),
        ("**", "/srv/src/api"),
    ],
)
def test_a_pattern_means(pattern: str, written: str) -> None:
    """A right is for a repository, however its URL is spelled."""
    assert means(pattern, written)


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("https://git.example.com/payments/*", "https://git.example.com/payments/a/b"),
        ("https://git.example.com/payments/*", "https://git.example.com/payments-old/ledger"),
        ("https://git.example.com/payments/*", "https://git.example.com/open/payments/ledger"),
        ("https://git.example.com/payments/*", "https://git.example.com.evil.com/payments/ledger"),
        ("https://git.example.com/payments/*", "https://gitxexample.com/payments/ledger"),
        ("https://git.example.com/payments/*", "https://git.example.com:8443/payments/ledger"),
        ("https://git.example.com/payments/*", "https://git.example.com/Payments/ledger"),
        ("https://git.example.com/payments/ledger", "https://git.example.com/payments/ledger-secrets"),
        ("https://git.example.com/open/**", "https://git.example.com/open-secrets/a"),
        ("https://git.example.com/open/**", "https://git.example.com/closed/open/a"),
        ("https://*/open/a", "https://git.example.com:8443/open/a"),
        ("https://*/a", "https://git.example.com/open/a"),
        ("https://git.example.com/a.c/*", "https://git.example.com/abc/d"),
        ("file:///srv/open/*", "/srv/open/a"),
        ("/srv/src/*", "file:///srv/src/a.git"),
        ("/srv/src/*", "/srv/src/../closed"),
        ("/srv/src/*", "/srv/src/a/b"),
        ("https://git.example.com/open/*", "https://git.example.com/%6fpen/a"),
    ],
)
def test_a_pattern_means_no_more(pattern: str, written: str) -> None:
    """What is left out of a pattern stays hidden, and one that is too narrow is noticed."""
    assert not means(pattern, written)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "names no repository"),
        ("*", "names no repository"),
        ("payments/*", "names no repository"),
        ("git.example.com/payments/*", "did you mean https://git.example.com/payments/"),
        ("https://git.example.com", "names no repository"),
        ("https://git.example.com/", "names no repository"),
        ("https://**/payments/*", "names no host"),
        ("https://git.example.com/pay**", "beside other characters"),
        ("https://git.example.com/payments/../open/*", "climbs out"),
        ("https://git.example.com/payments/*@main", "names a ref"),
        ("https://git.example.com/payments/*?x=1", "query"),
        ("https://git.example.com/a b", "space"),
        ("https://git.example.com/a\n", "space"),
        ("ext::sh -c id", "space"),
        ("ftp://git.example.com/a/b", "names no repository"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_way_out(pattern: str, why: str) -> None:
    """A pattern that silently means nothing locks people out, and one that means too much lets them in."""
    with pytest.raises(ArgumentError, match=why) as refused:
        pattern_of(pattern)
    assert refused.value.remedy


def test_a_repository_that_is_named_is_looked_up_and_not_compared() -> None:
    """A group of five thousand repositories would take minutes among ten thousand served ones."""
    assert pattern_of("git@git.example.com:team/docs.git") == Pattern("//git.example.com/team/docs")
    group = Patterns(pattern_of(f"https://git.example.com/{n}/{n}") for n in range(3))
    assert [group.mean(read_root(f"https://git.example.com/{n}/2")) for n in (1, 2)] == [False, True]


def test_a_folder_is_known_by_the_path_that_is_served(tmp_path: Path) -> None:
    """A link is served by its own name, wherever it leads."""
    root: Root = tmp_path / "current"
    assert identity(root) == str(root)
    assert Patterns([pattern_of(f"{tmp_path}/*")]).mean(root)

"""Which repositories a question is sent to, and that a hidden one changes nothing of it."""

import itertools
from collections.abc import Iterable

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.rank.need import read_need
from retrieval.routing.profile import Profile, profile_of
from retrieval.routing.router import BLOCK, Router

COMMIT = "0" * 40


def profile(source: str, words: str, *, names: Iterable[str] = (), chunks: int = 10) -> Profile:
    """Return the profile of a repository whose every chunk holds some words; one chunk defines the names."""
    stems = {stem.encode() for stem in tokenizer.stems(tokenizer.terms(words))}
    defined = {stem.encode() for stem in tokenizer.name_stems(names)}
    held = dict.fromkeys(defined, 1) | dict.fromkeys(stems, chunks)  # a chunk holds the names it defines
    return profile_of(source, COMMIT, chunks=chunks, held=held, defined=dict.fromkeys(defined, 1))


BANK = profile("h/team/bank", "ledger account transfer balance", names=["post_entry"])
WEB = profile("h/team/web", "request header retry backoff server", names=["retry_request"])
GAME = profile("h/team/game", "sprite collision frame server", names=["draw_sprite"])


def noise(count: int) -> list[Profile]:
    """Return profiles of random words, some of them those of the others."""
    random = np.random.default_rng(7)
    words = [f"word{number}" for number in range(300)] + "ledger account retry server sprite frame".split()
    return [
        profile(
            f"h/hidden/{number:04}", " ".join(random.choice(words, 40)), chunks=int(random.integers(3, 900))
        )
        for number in range(count)
    ]


def sources(router: Router, asked: str, visible: Iterable[str], **given: int) -> list[str]:
    """Return the route of a question."""
    return [one.source for one in router.route(read_need(asked), visible, **given)]


ALL = [one.source for one in (BANK, WEB, GAME)]


def test_the_repository_with_the_words_of_the_question_is_first() -> None:
    """It is the one that can answer."""
    router = Router([BANK, WEB, GAME])
    assert sources(router, "where is the balance of an account kept", ALL)[0] == BANK.source
    assert sources(router, "retry with backoff on the server", ALL)[0] == WEB.source


def test_an_identifier_that_one_repository_defines_leads_there() -> None:
    """Its parts are common words, and the whole name is not."""
    others = [profile(f"h/o/{n}", "post entry request draw", names=["post", "entry"]) for n in range(9)]
    router = Router([*others, BANK])
    visible = [BANK.source, *(one.source for one in others)]
    assert sources(router, "post_entry", visible)[0] == BANK.source


def test_a_guess_leads_to_the_repository_that_defines_it() -> None:
    """An assistant that guesses the name tells more than the question."""
    router = Router([BANK, WEB, GAME])
    found = router.route(read_need("where does it happen", ["draw_sprite"]), ALL)
    assert found[0].source == GAME.source


def test_ties_are_in_the_order_of_names_and_a_repository_without_a_profile_scores_nothing() -> None:
    """A question has one route, and what is not published yet is searched where there is room."""
    router = Router([WEB, BANK, GAME])
    found = router.route(read_need("zebra"), [*ALL, "h/team/fresh"])
    assert [one.source for one in found] == sorted([*ALL, "h/team/fresh"])
    assert {one.score for one in found} == {0.0}


def test_only_so_many_are_returned() -> None:
    """A question is sent to twenty of ten thousand."""
    router = Router(noise(40))
    assert len(router.route(read_need("ledger"), [f"h/hidden/{n:04}" for n in range(40)])) == 20
    assert len(sources(router, "ledger", [f"h/hidden/{n:04}" for n in range(40)], most=7)) == 7


def test_hidden_repositories_change_no_score_to_the_last_bit() -> None:
    """Whoever could see a score move would learn which words a repository holds that they may not see."""
    asked = read_need("retry the ledger's server account sprite frame", ["word7", "word8"])
    seen = [*ALL, *(f"h/hidden/{n:04}" for n in range(30))]
    alone = Router([BANK, WEB, GAME, *noise(30)])
    for crowd in (31, 300, 3 * BLOCK):
        crowded = Router(noise(crowd))
        crowded.replace([GAME, WEB, BANK])
        assert crowded.route(asked, seen) == alone.route(asked, seen)


def test_hidden_repositories_change_nothing_after_any_history_of_changes() -> None:
    """A router that runs for months has replaced and removed thousands."""
    asked, seen = read_need("retry the ledger's server"), [*ALL, "h/hidden/0003"]
    worn = Router([*noise(2 * BLOCK), BANK])
    worn.remove([f"h/hidden/{n:04}" for n in range(0, 2 * BLOCK, 2)])
    worn.replace([profile("h/team/web", "other words entirely"), GAME])
    worn.replace(itertools.chain(noise(5), [WEB]))
    assert worn.route(asked, seen) == Router([BANK, WEB, GAME, noise(5)[3]]).route(asked, seen)


def test_a_replaced_profile_counts_at_once_and_a_removed_one_no_longer() -> None:
    """A push changes what a repository is about."""
    router = Router([BANK, WEB])
    visible = [BANK.source, WEB.source]
    assert sources(router, "sprite collision", visible)[0] == BANK.source  # a tie, by name
    router.replace([profile(WEB.source, "sprite collision")])
    assert sources(router, "sprite collision", visible)[0] == WEB.source
    assert router.commits == {BANK.source: COMMIT, WEB.source: COMMIT}
    router.remove([WEB.source, "h/unknown"])
    assert {one.score for one in router.route(read_need("sprite"), visible)} == {0.0}
    assert router.commits == {BANK.source: COMMIT}


def test_a_place_that_became_free_is_used_again() -> None:
    """Repositories come and go for years in one process."""
    router = Router(noise(BLOCK))
    size = router.size_bytes
    for _ in range(5):
        router.remove(["h/hidden/0007"])
        router.replace([noise(8)[7]])
    assert router.size_bytes == size


def test_an_empty_router_and_an_empty_set_answer() -> None:
    """The router starts before anything is published, and a caller may see nothing."""
    assert Router().route(read_need("ledger"), ["h/a/b"])[0].score == 0.0
    assert Router([BANK]).route(read_need("ledger"), []) == []
    assert Router([BANK]).route(read_need("?"), [BANK.source])[0].score == 0.0

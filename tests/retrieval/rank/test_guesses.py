"""Guesses at what the code is called find what the question's words miss, and wrong ones cost little."""

from pathlib import Path

import pytest
from fakes import repository, write

from retrieval.rank.need import read_need
from retrieval.rank.ranker import find_and_rank
from retrieval.sync.repository import Repository

FILES = {
    "app/paste_handler.ts": "export function handlePaste(url: string) {\n  return embeds.matchUrl(url);\n}\n",
    "app/throttle.ts": "export const maxAttempts = 5;\nexport function tooMany(n: number) {}\n",
    "app/video.ts": "// a link to a video, and the video player\nexport function video(link: string) {}\n",
    "app/menu.ts": "export function openMenu() {}\n",
    "app/crypto.ts": "export function encryptToken(token: string) { return cipher(token); }\n",
    "server/mailer.ts": "export function sendMail(to: string) { return smtp.deliver(to); }\n",
}
QUESTION = "a link to a video turns into a player"


@pytest.fixture
def opened(tmp_path: Path) -> Repository:
    """Index the files."""
    return repository(write(tmp_path / "r", FILES), tmp_path / "cache")


def order(opened: Repository, asked: str | list[str], *expect: str) -> list[str]:
    """Return the files in order."""
    ranked = find_and_rank(read_need(asked, expect), opened.view().snapshot, limit=10)
    return [candidate.chunk.path for candidate in ranked]


@pytest.mark.parametrize("guess", ["handlePaste", "paste_handler.ts", "matchUrl", "handle_paste"])
def test_a_guess_brings_in_what_the_question_never_says(opened: Repository, guess: str) -> None:
    """Nobody who asks for a player says paste; an assistant guesses it."""
    assert "app/paste_handler.ts" not in order(opened, QUESTION)
    assert "app/paste_handler.ts" in order(opened, QUESTION, guess)


def test_guesses_alone_answer_where_no_word_of_the_question_occurs(opened: Repository) -> None:
    """A question in another language has no word in the code to contradict them."""
    assert order(opened, "どうやって貼り付けますか", "handlePaste")[0] == "app/paste_handler.ts"


def test_guesses_at_another_answer_do_not_displace_this_one(opened: Repository) -> None:
    """They agree with the question nowhere, so they are not trusted."""
    assert order(opened, QUESTION, "sendMail", "smtp", "mailer.ts", "deliver")[0] == "app/video.ts"


def test_a_guess_that_occurs_nowhere_changes_nothing(opened: Repository) -> None:
    """Half of all guesses are wrong."""
    assert order(opened, QUESTION, "wobblefrotz", "zxqvbn") == order(opened, QUESTION)


def test_wordings_add_up(opened: Repository) -> None:
    """What either says is found."""
    both = order(opened, ["encrypt a token", "deliver mail by smtp"])
    assert {"app/crypto.ts", "server/mailer.ts"} <= set(both[:2])

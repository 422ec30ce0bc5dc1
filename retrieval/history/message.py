"""What of a commit's message counts: the subject and the body, without trailers, secrets and long data."""

import re
from dataclasses import dataclass

from retrieval.chunks import tokenizer
from retrieval.files import secret_masking
from retrieval.text import is_data

VERSION = 1
"""Increment when other text of a message counts: every history is then read again."""

SUBJECT_CHARS = 200
BODY_CHARS = 2_000  # 500 change nDCG@10 by less than .01; without bodies it loses up to .03 (as below)
SUBJECT_WEIGHT = 2
"""A term of the subject counts as this many of the body. With 1, issue titles lose .01 nDCG@10 and questions
gain .003; with 3, questions lose .014 (benchmarks/runs/2026-11-28-lines/history.txt)."""

_TRAILER = re.compile(
    r"(?:[a-z]+(?:-[a-z]+)*-(?:by|to|on|id|from)|cc|link|pr-url|bug|change-type|reviewers?|"
    r"differential revision|test plan|\(cherry picked from commit [0-9a-f]+\)|git-svn-id)(?::|$)",
    re.IGNORECASE,
)
_BOT = re.compile(
    r"\[bot\]|\b(?:dependabot|renovate|greenkeeper|pre-commit-ci|github-actions|snyk-bot|weblate|transifex|"
    r"allcontributors|imgbot|mergify|[a-z]+-bot|bot)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says.

    Attributes:
        subject: Its first paragraph as one line, masked, at most `SUBJECT_CHARS` characters.
        stems: The stems of subject and body, with repetitions; a subject's are repeated by its weight.
    """

    subject: str
    stems: list[str]


def read(text: str) -> Message:
    r"""Read a message.

    >>> read("Parse the header\n\nIt was ignored.\n\nSigned-off-by: A <a@example.invalid>\n").stems
    ['pars', 'the', 'header', 'pars', 'the', 'header', 'it', 'wa', 'ignor']
    """
    lines = secret_masking.mask(text).text.strip().splitlines()
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    subject = " ".join(" ".join(lines[:end]).split())[:SUBJECT_CHARS]
    body = "\n".join(line for line in lines[end:] if not _TRAILER.match(line) and not is_data(line))
    stems = _stems(subject) * SUBJECT_WEIGHT + _stems(body[:BODY_CHARS])
    return Message(subject, stems)


def is_bot(author: str) -> bool:
    """Return whether an author's name and e-mail are those of a program.

    >>> is_bot("renovate[bot] 1+renovate[bot]@example.invalid"), is_bot("Bo Talbot b@example.invalid")
    (True, False)
    """
    return bool(_BOT.search(author))


def _stems(text: str) -> list[str]:
    return tokenizer.stems(tokenizer.terms(text))

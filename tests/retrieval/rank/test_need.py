"""What a caller wants: wordings, pasted texts and guesses."""

import doctest

from retrieval.rank import need
from retrieval.rank.need import MOST_GUESSES, read_need

ISSUE = (
    """Pipe symbol is lost in nested cells

<!-- Please read the guide before you file an issue -->
**Describe the bug**
The renderer drops the pipe of a nested cell, see https://example.com/page/4711.

### Environment
- Python: 3.11.4
tablelib 2.4.1
- [x] I searched for this before
"""
    + "The cell is rendered twice.\n" * 8
)


def test_a_pasted_issue_is_asked_by_its_title_and_by_its_own_words() -> None:
    """The title says what it is about; the template says the same in every issue."""
    title, whole = read_need(ISSUE).wordings
    assert title.query.text == "Pipe symbol is lost in nested cells"
    assert (title.share, whole.share) == (0.5, 0.5)
    assert "renderer drops the pipe" in whole.query.text
    for noise in ("Please read", "Describe the bug", "example.com", "tablelib 2.4.1", "3.11.4", "I searched"):
        assert noise not in whole.query.text
    assert read_need(ISSUE).is_pasted


def test_a_question_of_two_lines_stays_one_question() -> None:
    """Nobody writes a title for a question of twenty words."""
    asked = read_need("where is a cell rendered\nand why twice")
    assert [wording.share for wording in asked.wordings] == [1.0]
    assert not asked.is_pasted


def test_guesses_lose_weight_with_their_place() -> None:
    """The most likely comes first, says the description."""
    first, second, third = read_need("q", ["backoff", "backoff", "Retry-After", " ", "jitter"]).guesses
    assert [guess.text for guess in (first, second, third)] == ["backoff", "Retry-After", "jitter"]
    assert first.weight == 1 > second.weight > third.weight


def test_a_guess_at_a_file_means_its_name() -> None:
    """`http/retry_policy.py` is the file called retry_policy, not a module py."""
    (guess,) = read_need("q", ["src/http/retry_policy.py"]).guesses
    assert guess.title == "retrypolicy"


def test_more_guesses_than_are_read_are_left_out() -> None:
    """Each costs a look into the index."""
    assert len(read_need("q", [f"guess{i}" for i in range(20)]).guesses) == MOST_GUESSES


def test_several_names_are_still_a_name() -> None:
    """Two spellings of one identifier are no question."""
    assert read_need(["parse_header", "parseHeader"]).is_symbol
    assert not read_need(["parse_header", "how are headers parsed"]).is_symbol


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    assert doctest.testmod(need).failed == 0

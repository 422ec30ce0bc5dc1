"""A subject is only worth asking if a person could have asked it."""

import pytest

from retrieval.training.past.subjects import is_bot, question


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Fix #12: keep the order of keys", "keep the order of keys"),
        ("[Fix #15589] Keep the order of keys (#15590)", "Keep the order of keys"),
        ("feat(parser)!: keep the order of keys", "parser: keep the order of keys"),
        ("Keep the order of keys (#7024, #9455)", "Keep the order of keys"),
        ("🐛 Keep the order of keys.", "Keep the order of keys"),
        ("unix: keep the order of keys", "unix: keep the order of keys"),
        ("Fix the order, from Ann Example in GitHub issue 5511", None),
        ("Keep the order of keys, from Ann Example in GitHub issue 5511.", "Keep the order of keys"),
        ("Bump the version to 1.2.3 at last", None),
        ('Revert "Keep the order of keys"', None),
        ("docs: say how keys are ordered", None),
        ("Add unit tests for the order of keys", None),
        ("Update README.md with the new order", None),
        ("Fix order", None),
        ("src/a.py: src/b.py: src/c.py 1.2 fix", None),
    ],
)
def test_a_subject_is_asked_without_numbers_or_not_at_all(subject: str, expected: str | None) -> None:
    """Nobody who asks knows the number of the issue."""
    assert question(subject) == expected


def test_a_person_whose_name_looks_like_a_bot_is_a_person() -> None:
    """Abbott and Talbot write code too."""
    assert not is_bot("Talbot Abbott <talbot@abbott.example>")
    assert is_bot("README-bot <actions@github.example>")

"""How a reply says that only some of the repositories were searched, or answered."""

from collections.abc import Sequence

SHOWN = 20  # names of repositories


def searched(asked: int, served: int) -> str:
    """Say which repositories were searched, as the header begins.

    >>> searched(3, 3)
    '3 repositories'
    """
    if asked == served:
        return f"{asked} repositories"
    return (
        f"searched {asked} of {served} repositories, those that the question's words point to; "
        "name one with repo"
    )


def missing_notes(missing: Sequence[str], asked: int) -> tuple[str, ...]:
    """Name those that did not answer, in a note; no note if all did.

    >>> missing_notes(["team/api"], 20)
    ('1 of 20 repositories did not answer: team/api',)
    """
    return (f"{len(missing)} of {asked} repositories did not answer: {_listed(missing)}",) if missing else ()


def unknown_note(unknown: int, served: int) -> tuple[str, ...]:
    """Say how many repositories could not be chosen by their contents; no note if there are none.

    >>> unknown_note(3, 200)
    ('3 of 200 repositories are not published yet, and were chosen last; name one with repo',)
    """
    said = f"{unknown} of {served} repositories are not published yet, and were chosen last"
    return (f"{said}; name one with repo",) if unknown else ()


def nobody(asked: Sequence[str]) -> str:
    """Say that none of the repositories that were asked has answered."""
    return f"none of {len(asked)} repositories answered: {_listed(asked)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")

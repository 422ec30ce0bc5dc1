"""Which commits lie before a HEAD, at the limit of what is read and whatever their clocks say."""

from retrieval.history import columns, lineage
from retrieval.history.growth import Growth
from retrieval.history.log import Commit


def name(number: int) -> bytes:
    """Name a commit."""
    return number.to_bytes(20, "big")


def grown(*commits: Commit) -> Growth:
    """Add commits to empty columns."""
    growth = Growth(columns.empty())
    for commit in commits:
        growth.add(commit)
    return growth


def commit(number: int, *parents: int, time: int) -> Commit:
    """Make a commit that changed one file."""
    return Commit(
        name(number), [name(parent) for parent in parents], time, "A", f"word{number}", [b"a.py"], 1
    )


def used(growth: Growth, head: int, limit: int) -> list[int]:
    """Return the numbers of the commits that are evidence at a HEAD."""
    found = lineage.before(growth.columns(), growth.row_of(name(head)), limit=limit).columns
    return [int.from_bytes(found.hashes[row].tobytes(), "big") for row in found.used.nonzero()[0].tolist()]


def test_the_newest_commits_are_used_when_there_are_too_many() -> None:
    """A question is more often about what happened lately."""
    growth = grown(*(commit(number, number - 1, time=number) for number in range(9, 0, -1)))
    assert used(growth, 9, 3) == [9, 8, 7]
    assert used(growth, 5, 3) == [5, 4, 3]
    assert lineage.before(growth.columns(), growth.row_of(name(9)), limit=9).is_cut, "commit 0 was not read"
    assert not lineage.before(growth.columns(), growth.row_of(name(9)), limit=3).is_cut


def test_a_clock_that_goes_wrong_changes_nothing() -> None:
    """A commit is newer than its parents, whatever its date."""
    growth = grown(commit(3, 2, time=0), commit(2, 1, time=1 << 40), commit(1, time=5))
    assert used(growth, 3, 2) == [3, 2]


def test_a_long_line_of_commits_needs_no_deep_stack() -> None:
    """Fifty thousand parents in a row are normal."""
    growth = grown(*(commit(number, number - 1, time=number) for number in range(50_000, 0, -1)))
    assert len(used(growth, 50_000, 60_000)) == 50_000


def test_a_circle_of_parents_comes_to_an_end() -> None:
    """No hash leads back to itself, but `info/grafts` may name any commit as a parent."""
    growth = grown(commit(3, 2, 3, time=3), commit(2, 1, time=2), commit(1, 3, time=1))
    assert used(growth, 3, 9) == [3, 2, 1]

"""What an administrator is told of a rights file: who sees which repository, and what in it has no effect."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mcp_server.rights.patterns import identity
from mcp_server.rights.rights import RightsTable
from retrieval.mirrors.source import Source


@dataclass(frozen=True, slots=True)
class Readers:
    """Who sees a repository.

    Attributes:
        root: The repository.
        people: Those of the file, sorted.
        groups: The groups that may see it, sorted; an authorization server may name them for others.
    """

    root: Source
    people: tuple[str, ...]
    groups: tuple[str, ...]


def readers_of(table: RightsTable, roots: Iterable[Source]) -> Iterator[Readers]:
    """Say who sees each repository."""
    for root in roots:
        groups = tuple(group for group in sorted(table.groups) if table.may_see([group], root))
        people = (name for name, mine in sorted(table.people.items()) if mine.intersection(groups))
        yield Readers(root, tuple(people), groups)


def without_effect(table: RightsTable, roots: Sequence[Source]) -> list[str]:
    """Say which lines of the file change nothing for the served repositories, a sentence each."""
    identities = frozenset(map(identity, roots))
    found = [f"{name} is in no group, and sees nothing" for name, mine in table.people.items() if not mine]
    for group, patterns in table.groups.items():
        if not patterns.each:
            found.append(f"the group {group} names no repository")
        for pattern, text in zip(patterns.each, table.written[group], strict=True):
            if not pattern.is_among(identities):
                found.append(f"{text} of the group {group} matches none of the {len(roots):,} repositories")
        if not any(group in mine for mine in table.people.values()):
            found.append(f"nobody is in the group {group}, unless an authorization server says so")
    return found

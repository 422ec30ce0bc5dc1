"""How questions are split into folds, so that no group of questions is in two of them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fold:
    """One way of parting the questions; ids in the order of the golden file."""

    training: tuple[str, ...]
    testing: tuple[str, ...]


def folds_by_time(groups: Mapping[str, str], dates: Mapping[str, str], count: int) -> list[Fold]:
    """Part the questions so that what is learned from is older than what is tested on.

    Groups are ordered by their newest question and cut into `count` blocks; each block but the first is
    tested by what the blocks before it teach.

    Args:
        groups: The group of each question, in the order of the golden file.
        dates: YYYY-MM-DD or "" by question; what has no date counts as oldest.
        count: How many blocks; fewer when there are fewer groups.

    Returns:
        One fold fewer than there are blocks; a question of the first block is never tested.
    """
    members: dict[str, list[str]] = {}
    for identity, name in groups.items():
        members.setdefault(name, []).append(identity)
    ordered = sorted(members, key=lambda name: max(dates.get(identity, "") for identity in members[name]))
    possible = min(count, len(ordered))
    blocks = [
        [identity for name in ordered[i * len(ordered) // possible : (i + 1) * len(ordered) // possible]
         for identity in members[name]]
        for i in range(possible)
    ]  # fmt: skip
    return [
        Fold(tuple(identity for block in blocks[:i] for identity in block), tuple(blocks[i]))
        for i in range(1, len(blocks))
    ]


def folds(groups: Mapping[str, str], count: int, *, seed: int) -> list[Fold]:
    """Part the questions into folds of about one size, never a group.

    Args:
        groups: The group of each question, in the order of the golden file.
        count: How many folds; fewer when there are fewer groups.
        seed: Another one parts otherwise.

    Returns:
        Each question is tested in exactly one of them; none when there are fewer than two groups.
    """
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - heavy, and needed here alone

    identities, names = list(groups), list(groups.values())
    possible = min(count, len(set(names)))
    if possible < 2:  # noqa: PLR2004 - one fold leaves nothing to learn from
        return []
    splitter = GroupKFold(possible, shuffle=True, random_state=seed)
    return [
        Fold(tuple(identities[i] for i in training), tuple(identities[i] for i in testing))
        for training, testing in splitter.split(identities, groups=names)
    ]

"""How questions are split into folds, so that no group of questions is in two of them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fold:
    """One split of the questions; ids in the order of the golden file."""

    training: tuple[str, ...]
    testing: tuple[str, ...]


def folds_by_time(groups: Mapping[str, str], dates: Mapping[str, str], count: int) -> list[Fold]:
    """Split the questions so that training questions are older than test questions.

    Groups are ordered by their newest question and split into `count` blocks; each block but the first is
    tested by a model trained on the blocks before it.

    Args:
        groups: The group of each question, in the order of the golden file.
        dates: YYYY-MM-DD or "" by question; questions without a date count as oldest.
        count: How many blocks; fewer when there are fewer groups.

    Returns:
        One fold fewer than there are blocks; questions of the first block are never tested.
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
    """Split the questions into folds of about equal size, without splitting a group.

    Args:
        groups: The group of each question, in the order of the golden file.
        count: How many folds; fewer when there are fewer groups.
        seed: Decides the split.

    Returns:
        Folds that test each question exactly once; no folds if there are fewer than two groups.
    """
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - heavy, and needed here alone

    identities, names = list(groups), list(groups.values())
    possible = min(count, len(set(names)))
    if possible < 2:  # noqa: PLR2004 - one fold leaves nothing to train on
        return []
    splitter = GroupKFold(possible, shuffle=True, random_state=seed)
    return [
        Fold(tuple(identities[i] for i in training), tuple(identities[i] for i in testing))
        for training, testing in splitter.split(identities, groups=names)
    ]

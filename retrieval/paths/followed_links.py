"""Which links lead to files inside the served roots, if you choose to follow links, and how those are read.

What a link leads to is resolved when it is listed and again when it is read. Both times the real path must be
inside a served root, is checked as any file there, and is opened folder by folder below that root without
following links. So a link that is swapped in between can lead to another searched file, and nowhere else.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.files import confinement, exclusion, ignores, own_ignores, walker
from retrieval.files.walker import Listing
from retrieval.records import Exclusion, FileStat

OUTSIDE = "a link that leaves the served roots; follow_links follows those inside alone"
NOWHERE = "a link that leads nowhere, or to itself"
CACHE = "a link into a cache"
_HISTORY_MARKS = ("HEAD", "objects", "refs", "Entries", "Repository")


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Where links may lead.

    Attributes:
        roots: The served roots, with links resolved; without any, no link is followed.
        own: Files and folders that belong to goldrank, with links resolved.
        max_bytes: Larger files are excluded.
    """

    roots: tuple[Path, ...] = ()
    own: tuple[Path, ...] = ()
    max_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Target:
    """A real path: the served root that holds it, and the path below that root ("" for the root)."""

    root: Path
    path: str

    @property
    def place(self) -> str:
        """The whole path."""
        return f"{self.root}/{self.path}".rstrip("/")


class _Walk:
    """One pass over the links of a listing; each real file and folder is taken once."""

    def __init__(self, policy: LinkPolicy, root: Path, listing: Listing) -> None:
        """Begin with the files that are listed under their own paths."""
        self.files: dict[str, FileStat] = {}
        self.excluded: list[Exclusion] = []
        self._policy, self._listing = policy, listing
        known = [
            *listing.files,
            *(item.path for item in listing.excluded if not exclusion.is_link(item.reason)),
        ]
        self._seen = {f"{root}/{path}".rstrip("/") for path in known}
        self._folders = {str(root)}
        # The path under which a link is listed, and where it is.
        self._pending = deque((path, f"{root}/{path}") for path in _links_of(listing))
        self._links = {place for _, place in self._pending}

    def run(self) -> None:
        """Follow every link, and the links below what they lead to."""
        while self._pending:
            path, place = self._pending.popleft()
            if reason := self._follow(path, place):
                self.excluded.append(Exclusion(path, reason))

    def _follow(self, path: str, place: str) -> str:
        """Follow one link; return why nothing is searched under its path, or ""."""
        target = _resolve(place, self._policy)
        if isinstance(target, str):
            return target
        if not os.path.isdir(target.place):  # noqa: PTH112 - no error
            taken = self._take({target.path: path}, target.root)
            return "" if taken else exclusion.A_LINK
        if target.place in self._folders:
            return exclusion.A_LINK
        self._folders.add(target.place)
        base = f"{target.path}/" if target.path else ""
        below = {f"{base}{name}": f"{path}/{name}" for name in walker.listed_below(Path(target.place))}
        return "" if self._take(below, target.root) else exclusion.A_LINK

    def _take(self, shown: dict[str, str], root: Path) -> bool:
        """List files of a served root under other paths; return whether any is new.

        Args:
            shown: The path under which each is listed, by its path below the root.
            root: The root that holds them.
        """
        is_new = False
        judged = walker.judged(root, list(shown), max_bytes=self._policy.max_bytes)
        for path, stat in judged.files.items():
            place, listed = f"{root}/{path}", shown[path]
            if place in self._seen:
                continue
            self._seen.add(place)
            is_new = True
            if reason := self._refusal(listed, Path(place)):
                self.excluded.append(Exclusion(listed, reason))
            else:
                self.files[listed] = stat
        for item in judged.excluded:
            place, listed = f"{root}/{item.path}".rstrip("/"), shown[item.path]
            if exclusion.is_link(item.reason):
                is_new = True
                if place not in self._links:  # each once, whatever is swapped meanwhile
                    self._links.add(place)
                    self._pending.append((listed, place))
            elif place not in self._seen:
                self._seen.add(place)
                is_new = True
                self.excluded.append(Exclusion(listed, item.reason))
        return is_new

    def _refusal(self, listed: str, place: Path) -> str:
        """Say why a file is not searched under the path of a link, or ""."""
        if self._listing.rules.verdict(listed) is True:
            return own_ignores.LEFT_OUT
        return CACHE if _is_own(place, self._policy) else exclusion.never_let_in(listed)


def follow(policy: LinkPolicy, root: Path, listing: Listing) -> Listing:
    """Add the files that links lead to, under the paths of the links, and say why others are left out."""
    if not policy.roots or not any(_links_of(listing)):
        return listing
    walk = _Walk(policy, root, listing)
    walk.run()
    links = set(_links_of(listing))
    files = sorted({**walk.files, **listing.files}.items(), key=lambda entry: os.fsencode(entry[0]))
    others = (item for item in listing.excluded if item.path not in links)
    return replace(
        listing,
        files=dict(files),
        excluded=(*others, *walk.excluded),
        folders=listing.folders | walker.folders_of(walk.files),
        follows_links=True,
    )


def read(policy: LinkPolicy, root: Path, path: str) -> bytes:
    """Read a listed file, through links if the policy allows it.

    Raises:
        OSError: The file vanished, leads where it must not be read, or cannot be read.
    """
    try:
        return walker.read(root, path)
    except OSError:
        if not policy.roots or confinement.escape(path) or not os.path.lexists(root / path):
            raise
    target = _resolve(f"{root}/{path}", policy)
    if isinstance(target, str):
        raise FileNotFoundError(f"{path}: {target}")
    if not walker.judged(target.root, [target.path], max_bytes=policy.max_bytes).files:
        raise FileNotFoundError(f"{path} leads to a file that is not searched")
    return walker.read(target.root, target.path)


def _links_of(listing: Listing) -> Iterator[str]:
    return (item.path for item in listing.excluded if exclusion.is_link(item.reason))


def _resolve(place: str, policy: LinkPolicy) -> _Target | str:
    """Find the served root that holds what a link leads to, or say why it is not followed."""
    real = os.path.realpath(place)
    if os.path.islink(real) or not os.path.lexists(real):  # noqa: PTH114 - no error; a loop is still a link
        return NOWHERE
    holders = [root for root in policy.roots if Path(real).is_relative_to(root)]
    if not holders or f"{real}/".startswith(ignores.SYSTEM):
        return OUTSIDE
    root = max(holders, key=lambda holder: len(str(holder)))
    path = "" if real == str(root) else Path(real).relative_to(root).as_posix()
    if path and (reason := exclusion.never_let_in(path)):
        return f"a link; its target is not searched: {reason}"
    if _is_own(Path(real), policy):
        return CACHE
    return confinement.HISTORY if _is_in_history(root, path) else _Target(root, path)


def _is_own(place: Path, policy: LinkPolicy) -> bool:
    return any(place.is_relative_to(own) for own in policy.own)


def _is_in_history(root: Path, path: str) -> bool:
    """Return whether a path is, or is below, a version-control folder of an arbitrary name."""
    folder = path
    while folder:
        names = {name for name in _HISTORY_MARKS if os.path.lexists(f"{root}/{folder}/{name}")}
        if ignores.is_history(folder, names):
            return True
        folder = folder.rpartition("/")[0]
    return False

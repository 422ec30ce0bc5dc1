"""Which repositories are served, by which names, and which of them a call is about.

Nothing is opened: two servers that serve the same repositories name them alike.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_server.serving.candidates import names_in
from retrieval.errors import ArgumentError, shorten
from retrieval.files import confinement
from retrieval.mirrors.source import Root, Source
from retrieval.paths.spans import readings


@dataclass(frozen=True, slots=True)
class Served:
    """The served repositories.

    Attributes:
        roots: What is served, by name.
        folders: The folder that identifies each, by name: a root itself, or the one of a mirror.
    """

    roots: Mapping[str, Root]
    folders: Mapping[str, Path]

    @property
    def names(self) -> list[str]:
        """The names, in the order that the repositories were given in."""
        return list(self.roots)

    @property
    def sources(self) -> dict[str, Source]:
        """Those that are served from their URLs, by name."""
        return {name: root for name, root in self.roots.items() if isinstance(root, Source)}

    def name_of(self, repo: str | None) -> str:
        """Return the name of the repository that a caller named; None means the only one.

        Raises:
            ArgumentError: The repository is not served, none is, or several are and `repo` is None.
        """
        if not self.roots:
            raise ArgumentError("you may see no repository", remedy="ask who runs this server for the right")
        served = ", ".join(self.roots)
        if repo is None:
            if len(self.roots) == 1:
                return next(iter(self.roots))
            raise ArgumentError(f"repo is needed, because several repositories are served: {served}")
        if repo in self.roots:
            return repo
        for name, source in self.sources.items():
            if repo in {source.written, source.url}:
                return name
        for name, folder in self.folders.items():
            if os.path.abspath(os.path.expanduser(repo)) == str(folder):  # noqa: PTH100, PTH111 - no link is to be resolved
                return name
        raise ArgumentError(f"repo {shorten(repr(repo))} is not served", remedy=f"served are: {served}")

    def written(self, repo: str | None) -> str:
        """Return the URL with its ref, or the folder, of the repository that a caller named.

        Raises:
            ArgumentError: As `name_of` says.
        """
        return _whole(self.roots[self.name_of(repo)])

    def repo_and_folder(self, repo: str | None) -> tuple[str | None, str]:
        """Split what a caller named into a repository and a folder in it: `root/packages/api`.

        Returns:
            The repository's name, and the folder that may answer, or "".
        """
        for name in self.roots if repo and repo not in self.roots else ():
            folder = repo.removeprefix(f"{name}/").strip("/") if repo and repo.startswith(f"{name}/") else ""
            if folder and not confinement.escape(folder):
                return name, folder
        return repo, ""

    def repo_of(self, repo: str | None, candidates: Sequence[object]) -> str | None:
        """Find the repository that candidates are of, if the call names none.

        Returns:
            The repository with whose name or path all candidates begin, else `repo`.
        """
        if repo is not None or len(self.roots) == 1:
            return repo
        asked = list(names_in(candidates))
        for name, folder in self.folders.items():
            if all(_is_below(text, name, str(folder)) for text in asked):  # texts alone are of any root
                return name
        return repo


def served_as_named(roots: Sequence[Root], cache: Path) -> Served:
    """Name each root by its folder or URL, and by the whole of it where two have one name."""
    absolute = list(dict.fromkeys(root if isinstance(root, Source) else _absolute(root) for root in roots))
    names = [root.name or str(root) for root in absolute]
    counts = Counter(names)  # of ten thousand names, each must not be looked for among all others
    named = {
        name if counts[name] == 1 else _whole(root): root for name, root in zip(names, absolute, strict=True)
    }
    return Served(
        named, {name: root.root(cache) if isinstance(root, Source) else root for name, root in named.items()}
    )


def _is_below(text: str, name: str, root: str) -> bool:
    """Tell whether a candidate begins with a root's name or path, in any form that a place is written in."""
    for reading in readings(text):
        path = reading.path.replace("\\", "/").removeprefix("file://").removeprefix("./")
        if path.startswith((f"{name}/", f"{root}/")):
            return True
    return False


def _absolute(root: Path) -> Path:
    return Path(os.path.abspath(root.expanduser()))  # noqa: PTH100 - a root may not exist yet


def _whole(root: Root) -> str:
    return root.written if isinstance(root, Source) else str(root)

"""Which files `.goldrankignore` leaves out of the search, and which it lets in although git ignores them.

The file has gitignore syntax and may be in any folder. Where one of its patterns matches, it decides over
git: the last match of the deepest file that has one. As in git, nothing below a folder that is left out is
let in. A pattern only lets files be listed: `walker` still excludes what leads out of the root, belongs to
version control, may hold secrets, or is too large.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.files import confinement, git, globs
from retrieval.files.globs import Rules

NAME = ".goldrankignore"
LEFT_OUT = f"{NAME} leaves it out"
NEVER_ENTERED = frozenset({".git", "node_modules", "bower_components", "jspm_packages", "site-packages"})

Read = Callable[[str], bytes]
"""Returns the content of a file, or raises an OSError."""

_SPECIAL = re.compile(rb"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class _File:
    """One ignore file.

    Attributes:
        rules: Its patterns.
        wanted: For each pattern that lets files in, the path that leads to them, up to its first wildcard;
            b"" when they may be anywhere below.
    """

    rules: Rules
    wanted: tuple[bytes, ...]


class OwnRules:
    """The `.goldrankignore` files of a root, by folder ("" is the root)."""

    def __init__(self, root: Path, folders: Iterable[str], *, read: Read | None = None) -> None:
        """Read the files in some folders; one that cannot be read has no patterns.

        Args:
            root: The root.
            folders: The folders.
            read: Reads a file of a root that is not on disk.
        """
        self._files: Mapping[str, _File] = {
            folder: found for folder in folders if (found := _read(root, folder, read)) is not None
        }
        self._verdicts: dict[str, bool | None] = {"": None}

    @classmethod
    def none(cls) -> "OwnRules":
        """Return rules that decide nothing."""
        return cls(Path(), ())

    @property
    def lets_in(self) -> bool:
        """Whether any pattern lets files in."""
        return any(item.wanted for item in self._files.values())

    def with_folder(self, root: Path, folder: str) -> "OwnRules":
        """Return these rules and those of one more folder."""
        own = OwnRules(root, ())
        found = _read(root, folder)
        own._files = {**self._files, folder: found} if found else self._files
        return own

    def verdict(self, path: str) -> bool | None:
        """Return True when a file is left out, False when it is let in, None when git decides."""
        if not self._files:
            return None
        folder = path.rpartition("/")[0]
        above = self.folder_verdict(folder)
        if above is True:
            return True
        said = self._match(path, is_folder=False)
        return above if said is None else said

    def may_let_in(self, folder: str) -> bool:
        """Return whether a file below a folder may be let in."""
        verdict = self.folder_verdict(folder)
        if verdict is not None:
            return not verdict
        below = os.fsencode(f"{folder}/")
        for place, item in self._files.items():
            base = os.fsencode(f"{place}/") if place else b""
            for wanted in item.wanted:
                lead = base + wanted
                if lead.startswith(below) or below.startswith(lead):
                    return True
        return False

    def folder_verdict(self, folder: str) -> bool | None:
        """Return True when everything below a folder is left out, False when it is let in, else None."""
        pending = []
        while folder not in self._verdicts:
            pending.append(folder)
            folder = folder.rpartition("/")[0]
        verdict = self._verdicts[folder]
        for below in reversed(pending):
            said = None if verdict is True else self._match(below, is_folder=True)
            verdict = verdict if said is None else said
            self._verdicts[below] = verdict
        return verdict

    def _match(self, path: str, *, is_folder: bool) -> bool | None:
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            item = self._files.get(folder)
            if item:
                inside = os.fsencode(path[len(folder) + 1 :] if folder else path)
                verdict = item.rules.verdict(inside, is_folder=is_folder)
                if verdict is not None:
                    return verdict
        return None


def line_for(path: str) -> str:
    r"""Write the line that lets one path in, and nothing else; a folder's path may end with a slash.

    >>> line_for("local.py"), line_for("build/a[1].py")
    ('!/local.py', '!build/a\\[1].py')
    """
    escaped = re.sub(r"[*?\[\\]|\s\Z", r"\\\g<0>", path)
    return f"!{escaped}" if "/" in path.rstrip("/") else f"!/{escaped}"


def with_let_in(root: Path, paths: Iterable[str]) -> tuple[list[str], OwnRules]:
    """Add to the paths that git lists those that are let in; return also the rules that apply to all."""
    listed = list(paths)
    more = let_in(root, rules_of(root, listed))
    return listed + more, rules_of(root, listed + more)


def rules_of(root: Path, paths: Iterable[str]) -> OwnRules:
    """Read the `.goldrankignore` of the root, and those among listed paths."""
    named = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == NAME}
    return OwnRules(root, sorted(named | {""}))


def let_in(root: Path, rules: OwnRules) -> list[str]:
    """List the files that git ignores and that patterns let in."""
    if not rules.lets_in:
        return []
    asked = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    listed = git.ask(root, *asked) or b""
    found: list[str] = []
    for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
        if name.endswith("/"):
            found += _below(root, name.rstrip("/"), rules)
        elif rules.verdict(name) is False:
            found.append(name)
    return found


def _below(root: Path, start: str, rules: OwnRules) -> Iterator[str]:
    """Yield the files that are let in below a folder that git ignores."""
    pending = [(start, rules)]
    while pending:
        folder, rules = pending.pop()
        if NEVER_ENTERED.intersection(folder.split("/")) or not rules.may_let_in(folder):
            continue
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: os.fsencode(entry.name))
        except OSError:
            continue
        if any(entry.name == NAME for entry in entries):
            rules = rules.with_folder(root, folder)
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                pending.append((path, rules))
            elif rules.verdict(path) is False:
                yield path


def _read(root: Path, folder: str, read: Read | None = None) -> _File | None:
    path = f"{folder}/{NAME}" if folder else NAME
    try:
        data = read(path) if read else confinement.read(root, path)
    except OSError:
        return None
    lines = globs.lines_of(data)
    rules = Rules(glob for line in lines if (glob := globs.parse(line)))
    return _File(rules, tuple(_lead(line) for line in lines if _is_wanted(line)))


def _is_wanted(line: bytes) -> bool:
    glob = globs.parse(line)
    return glob is not None and glob.is_negated


def _lead(line: bytes) -> bytes:
    """Return the path up to the first wildcard of a pattern that lets files in; b"" for a name anywhere."""
    body = line.strip().removeprefix(b"!")
    if b"/" not in body.rstrip(b"/"):
        return b""
    special = _SPECIAL.search(body)
    return body[: special.start()].lstrip(b"/") if special else body.lstrip(b"/")

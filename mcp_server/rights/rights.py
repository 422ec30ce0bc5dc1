"""Who sees which repositories: a file of people, groups and repositories, read again whenever it changes.

    operators = ["prometheus"]                # may read /metrics

    [people]                                  # names of the token file, or the `sub` of issued tokens
    ann = ["payments", "everyone"]

    [groups]
    payments = ["https://git.example.com/payments/*"]
    everyone = ["https://git.example.com/open/**", "git@example.com:team/docs.git"]

Who is not in it sees nothing, and while it cannot be read, nobody sees anything.
"""

import logging
import os
import stat
import threading
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_server.rights.caller import Caller
from mcp_server.rights.patterns import Pattern, Patterns, pattern_of
from retrieval.errors import ArgumentError, GoldrankError, shorten
from retrieval.mirrors.source import Root, Source

MOST_BYTES = 10_000_000  # a hundred thousand lines
_TABLES = {"people", "groups", "operators"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RightsTable:
    """What a rights file says.

    Attributes:
        people: The groups of each person.
        groups: What each group may see.
        written: The same, as it is written.
        operators: Who may read the metrics.
    """

    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, Patterns] = field(default_factory=dict)
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    operators: frozenset[str] = frozenset()

    def groups_of(self, caller: Caller) -> frozenset[str]:
        """Return the groups of a caller: those of the file, and those that their token names."""
        if not caller.name:
            return frozenset()
        named = self.people.get(caller.name, frozenset()) | caller.groups
        return frozenset(group for group in named if group in self.groups)

    def may_see(self, groups: Iterable[str], root: Root) -> bool:
        """Return whether any of some groups may see a repository."""
        return any(self.groups[group].mean(root) for group in groups)

    def seen_by(self, caller: Caller, roots: Iterable[Source]) -> list[Source]:
        """List the repositories that a caller sees."""
        groups = self.groups_of(caller)
        return [root for root in roots if self.may_see(groups, root)]


NOBODY = RightsTable()


class Rights:
    """The rights of a file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ArgumentError: It cannot be read, others can change it, or a line is none.
        """
        self._path = path
        self._lock = threading.Lock()  # guards the two below
        self._mark = _mark_of(path)
        self._table = read_rights(path)

    @property
    def table(self) -> RightsTable:
        """What the file says now; nothing while it cannot be read. The same object until it changes."""
        with self._lock:
            try:
                mark = _mark_of(self._path)
                if mark is None or mark != self._mark:
                    self._table = read_rights(self._path)
                    self._mark = mark
            except GoldrankError as error:
                if self._table is not NOBODY:
                    log.warning("nobody sees anything: %s", error)
                self._table, self._mark = NOBODY, None
            return self._table

    def may_see(self, caller: Caller, root: Root) -> bool:
        """Return whether a caller may know of a repository."""
        table = self.table
        return table.may_see(table.groups_of(caller), root)

    def is_operator(self, caller: Caller) -> bool:
        """Return whether a caller may read what is counted of all repositories."""
        return bool(caller.name) and caller.name in self.table.operators


def read_rights(path: Path) -> RightsTable:
    """Read a rights file.

    Raises:
        ArgumentError: It cannot be read, others can change it, or something in it is wrong.
    """
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise ArgumentError(
            f"the rights file {path} cannot be read: {cause}", remedy="name a file that exists"
        ) from error
    if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ArgumentError(f"others than you can change the rights file {path}", remedy=f"chmod go-w {path}")
    if len(data) > MOST_BYTES:
        raise ArgumentError(
            f"{path} has more than {MOST_BYTES:,} bytes", remedy="write patterns in place of repositories"
        )
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ArgumentError(f"{path} is no TOML: {error}", remedy="correct that line") from error
    return _Reading(path, text).table(content)


class _Reading:
    """Reads the content of one file, and knows on which line of it a name is."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def table(self, content: Mapping[str, Any]) -> RightsTable:
        """Check everything.

        Raises:
            ArgumentError: Something is wrong.
        """
        if unknown := sorted(content.keys() - _TABLES):
            raise self._wrong(
                unknown[0], f"{shorten(unknown[0])!r} is unknown", "write [people], [groups] or operators"
            )
        groups = {
            name: self._texts("groups", name, value) for name, value in self._named(content, "groups").items()
        }
        people = {
            name: self._texts("people", name, value) for name, value in self._named(content, "people").items()
        }
        for name, of_person in people.items():
            for group in of_person:
                if group not in groups:
                    known = ", ".join(sorted(groups)) or "none yet"
                    raise self._wrong(
                        name,
                        f"{shorten(name)} is in {shorten(group)!r}, which is no group",
                        f"add it to [groups]; there are: {shorten(known)}",
                    )
        return RightsTable(
            {name: frozenset(of_person) for name, of_person in people.items()},
            {name: Patterns(self._pattern(name, text) for text in texts) for name, texts in groups.items()},
            groups,
            frozenset(self._texts("", "operators", content.get("operators", []))),
        )

    def _named(self, content: Mapping[str, Any], table: str) -> Mapping[str, Any]:
        found = content.get(table, {})
        if not isinstance(found, dict):
            raise self._wrong(table, f"{table} is no table", f"write a line [{table}], and names below it")
        for name in found:
            if not name.strip():
                raise self._wrong(name, f"[{table}] has an empty name", "name the person or the group")
        return found

    def _texts(self, table: str, name: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(text, str) for text in value):
            return tuple(value)
        example = '["https://host/owner/*"]' if table == "groups" else '["name"]'
        raise self._wrong(name, f"{shorten(name)} is no list of texts", f"write {shorten(name)} = {example}")

    def _pattern(self, group: str, text: str) -> Pattern:
        try:
            return pattern_of(text)
        except ArgumentError as error:
            raise self._wrong(text or group, error.fact, error.remedy) from error

    def _wrong(self, near: str, fact: str, remedy: str) -> ArgumentError:
        """Return the error about the first line that has a text."""
        number = next((number for number, line in enumerate(self._lines, 1) if near and near in line), 0)
        where = f"line {number} of {self._path}" if number else str(self._path)
        return ArgumentError(f"{where}: {fact}", remedy=remedy)


def _mark_of(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

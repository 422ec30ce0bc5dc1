"""How one entry in a client's configuration is added or removed without changing anything else.

Each change is made to the text and then verified: the new text is parsed, and must differ from the old one by
this entry only. If that fails, nothing is written, and the error says what to paste, and where.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from mcp_server.clients import atomic_file, json_edit, registry, toml_edit
from mcp_server.clients.registry import Client, Surroundings
from retrieval.errors import ClientFileError

Deed = Literal["added", "updated", "present", "kept", "removed", "absent"]


class Format(Protocol):
    """What a module that edits a file format offers; the two are `json_edit` and `toml_edit`."""

    def parse(self, text: str) -> Any:
        """Read a text."""

    def render(self, keys: Sequence[str], value: Mapping[str, Any]) -> str:
        """Write what a person would paste."""

    def add(self, text: str | None, keys: Sequence[str], value: Mapping[str, Any]) -> str:
        """Set a value."""

    def remove(self, text: str, keys: Sequence[str]) -> str | None:
        """Take a value out; None when the file should go."""

    def line_of(self, text: str, keys: Sequence[str]) -> int:
        """Say where a value stands."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be done.

    Attributes:
        deed: The change; "kept" is an entry that the user wrote, or one of other projects.
        file: The configuration.
        snippet: What is added or removed, as a complete file would hold it.
        note: What else the user should know.
    """

    deed: Deed
    file: Path
    snippet: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A configuration that was read: its text without byte order mark, and the entry in it."""

    client: Client
    file: Path
    text: str | None
    has_bom: bool
    held: Any


def introduce(client: Client, around: Surroundings, *, dry_run: bool) -> Outcome:
    """Add goldrank to a client's configuration.

    Raises:
        ClientFileError: The file is invalid or cannot be changed safely; the remedy says what to paste.
    """
    file = registry.file_of(client, around)
    wanted = registry.entry(client, around)
    try:
        opened = _open(client, file, around)
        _check_dialect(opened)
        wanted = registry.entry(client, around, opened.held)
        snippet = _format(file).render(client.keys, wanted)
        if opened.held == wanted:
            return Outcome("present", file, snippet)
        if opened.held is not None and not registry.is_ours(client, opened.held):
            line = _format(file).line_of(opened.text or "", client.keys)
            return Outcome(
                "kept", file, snippet, f"line {line} was written by hand; remove it to have another"
            )
        if not dry_run:
            _replace(opened, _format(file).add(opened.text, client.keys, wanted), wanted)
        return Outcome("added" if opened.held is None else "updated", file, snippet)
    except ClientFileError as error:
        snippet = _format(file).render(client.keys, wanted)
        raise ClientFileError(str(error), remedy=f"mend it, or put this in yourself:\n{snippet}") from error


def entry_in(client: Client, around: Surroundings) -> Any:
    """Return goldrank's entry in a client's configuration; None if there is none.

    Raises:
        ClientFileError: It is invalid.
    """
    file = registry.file_of(client, around)
    return _open(client, file, around).held if registry.exists(file) else None


def dismiss(client: Client, around: Surroundings, *, dry_run: bool) -> list[Outcome]:
    """Remove goldrank from every configuration that a client may have.

    Raises:
        ClientFileError: One is invalid, or cannot be changed safely; the remedy says what to remove.
    """
    files = [around.locate(template) for template in client.files]
    found = [_dismiss(client, file, around, dry_run=dry_run) for file in files if registry.exists(file)]
    return found or [Outcome("absent", files[-1])]


def _dismiss(client: Client, file: Path, around: Surroundings, *, dry_run: bool) -> Outcome:
    try:
        opened = _open(client, file, around)
        if opened.held is None:
            return Outcome("absent", file)
        snippet = _format(file).render(client.keys, opened.held)
        if not registry.is_ours(client, opened.held):
            line = _format(file).line_of(opened.text or "", client.keys)
            return Outcome("kept", file, snippet, f"line {line} was written by hand")
        rest = registry.without_root(client, around, opened.held)
        if rest == opened.held:
            return Outcome("kept", file, note=f"it serves other projects than {around.root}")
        if not dry_run:
            _take_out(opened, around, rest)
        return Outcome("removed", file, snippet)
    except ClientFileError as error:
        raise ClientFileError(str(error), remedy=f"take {'.'.join(client.keys)} out yourself") from error


def _take_out(opened: _Opened, around: Surroundings, rest: Mapping[str, Any] | None) -> None:
    """Write the file without the entry, or with what remains of it; delete it if it held nothing else."""
    edit, text, keys = _format(opened.file), opened.text or "", opened.client.keys
    left = edit.remove(text, keys) if rest is None else edit.add(text, keys, rest)
    if left is not None:
        _replace(opened, left, rest)
        return
    atomic_file.delete(opened.file)
    if opened.file.parent != around.root:
        with suppress(OSError):  # other things are in the folder
            opened.file.parent.rmdir()


def _open(client: Client, file: Path, around: Surroundings) -> _Opened:
    """Read a configuration and find the entry in it."""
    within = around.root if registry.belongs_to_project(client) else None
    text = atomic_file.read(file, within=within)
    has_bom = text is not None and text.startswith(atomic_file.BOM)
    text = text.removeprefix(atomic_file.BOM) if text is not None else None
    try:
        held = _held(_format(file).parse(text or ""), client.keys)
    except ClientFileError as error:
        raise ClientFileError(f"{file}, {error}") from error
    return _Opened(client, file, text, has_bom, held)


def _check_dialect(opened: _Opened) -> None:
    """Reject a file that the client itself cannot read: an added entry would not start anything."""
    for extra in opened.client.refuses:
        line = json_edit.line_with(opened.text or "", extra)
        if line:
            raise ClientFileError(
                f"{opened.file}, line {line}: a {extra}, which {opened.client.title} refuses"
            )


def _held(whole: Any, keys: Sequence[str]) -> Any:
    """Find the entry; None when it is not there."""
    inner = whole
    for depth, key in enumerate(keys):
        if not isinstance(inner, dict):
            raise ClientFileError(f"{'.'.join(keys[:depth]) or 'line 1'}: an object should stand here")
        inner = inner.get(key, None if depth + 1 == len(keys) else {})
    return inner


def _replace(opened: _Opened, text: str, wanted: Mapping[str, Any] | None) -> None:
    """Write the new text, if it differs by the entry only."""
    if not _is_proven(opened, text, wanted):
        raise ClientFileError(f"{opened.file} is written in a way that cannot be changed safely")
    atomic_file.write(opened.file, (atomic_file.BOM if opened.has_bom else "") + text)


def _is_proven(opened: _Opened, text: str, wanted: Mapping[str, Any] | None) -> bool:
    edit, keys = _format(opened.file), opened.client.keys
    try:
        after, entry = _parted(edit.parse(text), keys)
    except ClientFileError:
        return False
    return bool(after == _parted(edit.parse(opened.text or ""), keys)[0] and entry == wanted)


def _parted(whole: Any, keys: Sequence[str]) -> tuple[Any, Any]:
    """Separate the entry from the rest, dropping objects on the way that hold nothing else."""
    if not isinstance(whole, dict):
        return whole, None
    rest = {key: value for key, value in whole.items() if key != keys[0]}
    inner = whole.get(keys[0])
    if len(keys) == 1:
        return rest, inner
    others, entry = _parted(inner, keys[1:])
    return ({**rest, keys[0]: others} if others else rest), entry


def _format(file: Path) -> Format:
    return toml_edit if file.suffix == ".toml" else json_edit

"""Which stored version serves next, of models as of orders: a new one, the one before, or an earlier one.

The history is written before the pointer, so a process that is killed leaves the old version or the new one
serving, and an event that may never have taken effect.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from retrieval import version_log
from retrieval.errors import ArgumentError, ModelError, shorten
from retrieval.training.release.version_files import append, point, writing
from retrieval.version_log import Event


@dataclass(frozen=True, slots=True)
class Shelf:
    """The versions of one kind that a root has: its models or its orders.

    Attributes:
        folder: The store.
        root: The root.
        kind: What the versions are, in a word.
        shipped: What serves without any of them, in words.
        names: Lists the versions, oldest first, sound or not.
        check: Raises a ModelError for a version that cannot serve.
        clear: Removes what a killed writer left.
    """

    folder: Path
    root: Path
    kind: str
    shipped: str
    names: Callable[[], list[str]]
    check: Callable[[str], object]
    clear: Callable[[], None]


def write_to(shelf: Shelf) -> AbstractContextManager[None]:
    """Hold the write lock, and remove the leftovers of killed writers.

    Raises:
        ModelError: The store cannot be written, or another process writes it.
    """
    return writing(shelf.folder, shelf.root, clear=shelf.clear)


def let_serve(shelf: Shelf, name: str, *, time: str, forced: bool, reason: str) -> Event:
    """Let a stored version serve; requires the lock."""
    event = Event(time, "promote", serving(shelf), name, forced, reason)
    append(shelf.folder, event)
    point(shelf.folder, name)
    return event


def rollback(shelf: Shelf, *, now: datetime, reason: str = "") -> Event:
    """Roll back to the version that served before the current one was promoted, or to what is shipped.

    A version that cannot serve is skipped, and the event's reason says so.

    Returns:
        The event: `after` is None if what is shipped serves now.

    Raises:
        ModelError: No version serves, the store cannot be written, or another process writes it.
    """
    if serving(shelf) is None:
        raise ModelError(f"{shelf.shipped} serves {shelf.root}; there is nothing to go back from")
    with write_to(shelf):
        left = serving(shelf)
        below = _below(version_log.events(shelf.folder), left)
        target, skipped = _first_sound(shelf, reversed(below))
        said = " ".join([reason, *skipped]).strip()
        event = Event(now.isoformat(), "rollback", left, target, forced=False, reason=said)
        append(shelf.folder, event)
        point(shelf.folder, target)
    return event


def bring_back(shelf: Shelf, named: str = "", *, now: datetime) -> Event:
    """Let a version serve again that was promoted before.

    Args:
        shelf: The versions.
        named: A version, or the number that its name begins with; "" for the last one that was rolled back.
        now: The time to record.

    Raises:
        ArgumentError: No version has this name, it serves already, or none was rolled back.
        ModelError: The version cannot serve, the store cannot be written, or another process writes it.
    """
    if named:
        _require_other(shelf, chosen := _named(shelf, named))
        shelf.check(chosen)
    elif not list(_rolled_back(shelf)):
        raise ArgumentError(
            f"no {shelf.kind} of {shelf.root} was rolled back",
            remedy="`goldrank models` lists what is stored",
        )
    with write_to(shelf):
        if named:
            target, skipped = chosen, list[str]()
        else:
            found, skipped = _first_sound(shelf, _rolled_back(shelf))
            if found is None:
                raise ModelError(f"no {shelf.kind} can be brought back: {' '.join(skipped)}")
            target = found
        _require_other(shelf, target)
        said = " ".join(["It served before.", *skipped])
        return let_serve(shelf, target, time=now.isoformat(), forced=False, reason=said)


def serving(shelf: Shelf) -> str | None:
    """Read the pointer; an unreadable one only shows that something was promoted."""
    try:
        return version_log.current(shelf.folder)
    except OSError:
        return ""


def _below(events: Iterable[Event], name: str | None) -> Sequence[str | None]:
    """Return what the version that serves was promoted on top of, the first of all first.

    A promotion adds a version on top; a rollback takes versions away until its target is on top.
    """
    stack: list[str | None] = [None]
    below: dict[str | None, tuple[str | None, ...]] = {}
    for event in events:
        on_top = event.before if event.action == "promote" else event.after
        while stack and stack[-1] != on_top:
            stack.pop()
        if not stack:  # a line of the history is lost, or the pointer could not be read
            stack = [None, on_top] if on_top else [None]
        if event.action == "promote" and event.after != event.before:
            below[event.after] = tuple(stack)
            stack.append(event.after)
    # The last event may never have taken effect; then the version that serves was on top before it.
    return stack[:-1] if stack[-1] == name else below.get(name, ())


def _first_sound(shelf: Shelf, candidates: Iterable[str | None]) -> tuple[str | None, list[str]]:
    """Return the first version that can serve, or None; also say which were skipped, and why."""
    skipped: list[str] = []
    for name in candidates:
        if name is None:
            break
        try:
            shelf.check(name)
        except ModelError as error:
            skipped.append(f"Passed over: {error}.")
        else:
            return name, skipped
    return None, skipped


def _rolled_back(shelf: Shelf) -> Iterator[str]:
    """Yield the stored versions that were rolled back and do not serve, the latest first."""
    stored, seen = set(shelf.names()), {serving(shelf)}
    for event in reversed(version_log.events(shelf.folder)):
        if event.action == "rollback" and event.before in stored and event.before not in seen:
            seen.add(event.before)
            yield event.before


def _named(shelf: Shelf, named: str) -> str:
    """Find a version by its name or its number."""
    names = shelf.names()
    for name in names:
        if named == name or (named.isdecimal() and int(named) == version_log.number(name)):
            return name
    known = f"stored are {', '.join(names)}" if names else f"no {shelf.kind} was ever promoted here"
    raise ArgumentError(f"{shorten(repr(named))} names no {shelf.kind} of {shelf.root}", remedy=known)


def _require_other(shelf: Shelf, name: str) -> None:
    if serving(shelf) == name:
        raise ArgumentError(f"{shelf.kind} {name} serves {shelf.root} already")

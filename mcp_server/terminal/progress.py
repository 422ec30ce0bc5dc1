"""What a terminal shows while something takes long; nothing of it reaches a pipe.

A task says what it is and for how long after half a second, also before its first step is done, and becomes a
bar with the time left as soon as it reports steps.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from retrieval.progress import Progress

Stages = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is."""

_PATIENCE_S = 0.5  # what is shorter needs no explanation, and would flicker


@contextmanager
def progress_of(what: str, unit: str) -> Iterator[Progress]:
    """Show one task that counts its steps in units."""
    with _bars(what, unit=unit) as draw:
        yield lambda done, total: draw(what, done, total)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a task that has no steps."""
    with _bars(what):
        yield


@contextmanager
def stages(first: str = "reading") -> Iterator[Stages]:
    """Show each thing that is done, one after the other.

    Where standard error is no terminal, each is named once: what takes minutes must not be silent.
    """
    told = ""

    def report(what: str, done: int, total: int) -> None:
        nonlocal told
        if what != told and not sys.stderr.isatty():
            click.echo(what, err=True)
        told = what
        draw(what, done, total)

    with _bars(first) as draw:
        yield report


def took(start_s: float) -> str:
    """Say how long a task took, for the end of its summary; "" where standard output is no terminal.

    Args:
        start_s: What `time.monotonic` returned when it began.
    """
    return f"; took {duration(time.monotonic() - start_s)}" if sys.stdout.isatty() else ""


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say at the end how long something took, on a terminal; as a decorator, how long a command did."""
    start_s = time.monotonic()
    yield
    if sys.stderr.isatty():
        click.echo(f"{what} took {duration(time.monotonic() - start_s)}", err=True)


def duration(seconds: float) -> str:
    """Write a duration.

    >>> duration(0.32), duration(12.4), duration(75), duration(7_260)
    ('0.3 s', '12 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 10:  # noqa: PLR2004 - a tenth matters below
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def _bars(first: str, **style: Any) -> Iterator[Stages]:
    """Show a line that counts seconds, then one bar at a time; all are removed whatever happens."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    bar: Any = None
    current = ""
    start_s = time.monotonic()
    is_over = threading.Event()
    line = threading.Thread(target=_count_seconds, args=(first, is_over), daemon=True)
    line.start()

    def draw(what: str, done: int, total: int) -> None:
        nonlocal bar, current
        if bar is None and time.monotonic() - start_s < _PATIENCE_S:
            return
        is_over.set()
        line.join()
        from tqdm import tqdm

        if bar is None or what != current:
            if bar is not None:
                bar.close()
            bar, current = tqdm(total=total, initial=done, desc=what, leave=False, **style), what
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield draw
    finally:
        is_over.set()
        line.join()
        if bar is not None:
            bar.close()


def _count_seconds(what: str, is_over: threading.Event) -> None:
    """Say what is being done, and for how many seconds, until it is over."""
    start_s, shown = time.monotonic(), ""
    wait_s = _PATIENCE_S
    while not is_over.wait(wait_s):
        shown = f"{what} … {time.monotonic() - start_s:.0f} s"
        sys.stderr.write(f"\r{shown}")
        sys.stderr.flush()
        wait_s = 1.0
    if shown:
        sys.stderr.write(f"\r{' ' * len(shown)}\r")
        sys.stderr.flush()

"""Which URLs a list names that one server, or a fleet, serves together: a text file, a URL a line."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from retrieval.errors import ArgumentError, GoldrankError, shorten
from retrieval.files import git
from retrieval.mirrors.source import Source, meant_url, read_root

log = logging.getLogger(__name__)


class UrlList:
    """The list of a file that is read again whenever it changes; while it is damaged, the last one holds."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ArgumentError: It cannot be read, or a line is no URL that is served.
        """
        self._path = path
        self._lock = threading.Lock()  # guards the two below
        self._mark = git.mark(path)
        self._sources = tuple(read(path))

    @property
    def mark(self) -> object:
        """Equal as long as the list has not changed."""
        return git.mark(self._path)

    def sources(self) -> tuple[Source, ...]:
        """Return the URLs as the file has them now, each once."""
        with self._lock:
            mark = git.mark(self._path)
            if mark != self._mark:
                self._mark = mark
                try:
                    self._sources = tuple(read(self._path))
                except GoldrankError as error:
                    log.warning("the list of repositories stays as it was: %s", error)
            return self._sources


def read(path: Path) -> list[Source]:
    """Read the list of a file, each URL once; empty where there is no file.

    Raises:
        ArgumentError: It cannot be read, or a line is no URL that is served.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} cannot be read: {error}", remedy="correct it or remove it") from error
    return list({(source.key, source.ref): source for source in parse(text, path)}.values())


def parse(text: str, file: Path) -> list[Source]:
    """Read the URLs of a text.

    Raises:
        ArgumentError: A line is no URL that is served.
    """
    return [source for _, source in lines(text, file) if source]


def lines(text: str, file: Path) -> Iterator[tuple[str, Source | None]]:
    """Yield each line, with its end, and the source that it names.

    Raises:
        ArgumentError: A line is no URL that is served.
    """
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        written = line.strip()
        if not written or written.startswith("#"):
            yield line, None
            continue
        try:
            yield line, read_url(written)
        except ArgumentError as error:
            raise ArgumentError(f"line {number} of {file}: {error.fact}", remedy=error.remedy) from error


def read_url(text: str) -> Source:
    """Read the URL of a repository.

    Raises:
        ArgumentError: It is no URL that is served.
    """
    found = read_root(text)
    if isinstance(found, Source):
        return found
    meant = meant_url(text)
    raise ArgumentError(
        f"{shorten(text)} is no URL of a repository",
        remedy=f"did you mean {meant}?" if meant else "write https://host/owner/name or git@host:owner/name",
    )

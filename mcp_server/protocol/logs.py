"""Where the server's log goes: to standard error, and to a file of bounded size if one is named.

Clients show a server's standard error in different places, or nowhere; a file can be read afterwards.
Standard output belongs to the protocol, and no log holds code or questions.
"""

import errno
import logging
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from retrieval.settings import Settings

FILE_BYTES = 1_000_000
"""Some 10,000 lines; a server that is well writes none at the default level."""
KEPT = 3  # older files beside it: FILE.1, FILE.2, FILE.3

_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ [A-Z]+ ")
# The process, because every client starts a server of its own and all of them may write one file.
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def begin(settings: Settings) -> None:
    """Start logging as the settings say; if the file cannot be written, report that on standard error."""
    logging.basicConfig(stream=sys.stderr, level=settings.log_level, format=_FORMAT)
    if not settings.log_file:
        return
    try:
        handler = open_file(Path(settings.log_file).expanduser())
    except OSError as error:
        log.warning("the log file %s cannot be written: %s", settings.log_file, error.strerror)
        return
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.getLogger().addHandler(handler)


def open_file(path: Path) -> RotatingFileHandler:
    """Open a log file, and create its folder if needed.

    Two processes that rotate one file at the same time may lose older lines, never the newest, and the files
    stay within the bound. A file with other content is rejected: rotation would delete its lines.

    Raises:
        OSError: The file cannot be written, or is not a log of goldrank.
    """
    for file in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, KEPT + 1))):
        if file.is_file() and not _is_log(file):
            raise FileExistsError(errno.EEXIST, "it holds something other than goldrank's log", str(file))
    path.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace"
    )


def _is_log(file: Path) -> bool:
    """Return whether a file is empty or begins like our log."""
    with file.open("rb") as stream:
        opening = stream.read(100)
    return not opening or _LINE.match(opening) is not None

"""Where the server's log goes: to standard error, and to a file of bounded size where one is named.

Clients show a server's standard error in different places, or nowhere; a file can be looked into afterwards.
Standard output belongs to the protocol, and no log holds code or questions.
"""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from retrieval.settings import Settings

FILE_BYTES = 1_000_000
"""Some 10,000 lines; a server that is well writes none at the default level."""
KEPT = 3  # older files beside it: FILE.1, FILE.2, FILE.3

# The process, because every client starts a server of its own and all of them may write one file.
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def begin(settings: Settings) -> None:
    """Begin to log as the settings say; a file that cannot be written is told on standard error."""
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
    """Open a log file, and its folder where there is none.

    Two processes that roll one file over at once may lose older lines, never the newest, and the files stay
    within the bound.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace"
    )

"""Which settings exist, and which source wins: defaults, then the user's file, the environment, and flags.

The file is `config.toml` in the user's configuration folder (`goldrank doctor` prints the path). A repository
cannot change any setting, because a cloned one is not trusted to name models or folders.
An environment variable is `GOLDRANK_` and the name in capitals: `GOLDRANK_MODEL`. An empty one is ignored.
A relative path in a flag or variable is relative to the working folder. In the file, paths are absolute or
begin with `~/`.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import platformdirs

from retrieval.errors import ArgumentError, shorten

CHUNK_CACHE_BYTES = 1_000_000_000  # some 4 million chunks


def _home(find: Callable[[str], str]) -> Path:
    """Return one of the user's folders; a relative path means that the home folder is unknown."""
    try:
        return Path(find("goldrank"))
    except RuntimeError:  # neither HOME nor the user database names a home folder
        return Path("~")


CONFIG_FILE = _home(platformdirs.user_config_dir) / "config.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default.

    Attributes:
        cache: Folder of all indexes.
        models: Folder of all promoted models.
        fleet: The list of URLs that `goldrank serve --fleet` and `goldrank fleet up` serve.
        model: The cross-encoder: the name of the embedded one, an existing folder, or a hub id; "" to use
            no model. An explicit model wins over promoted ones.
        model_revision: Commit of a hub model, or "" for the newest local one; ignored for a folder.
        rerank_weight: Weight of the cross-encoder in the score of rag_search, 0 to 1; 0 disables it. The
            embedded model is asked only about questions without guesses, unless the first stage is sure;
            if you set the weight, about all but names.
        rerank_tool_weight: The same for rag_rerank, whose first stage sees only the candidates themselves.
        rerank_depth: How many candidates the cross-encoder reads.
        rerank_deadline_s: Seconds after which the remaining candidates keep their first-stage order.
        max_file_bytes: Larger files are not indexed.
        follow_links: Whether links to files and folders inside the served roots are followed. Set it where
            every command sees it: a command without it takes what links lead to out of the index.
        chunk_cache_bytes: Size limit of the chunk cache, which other work trees and branches reuse.
        index_wait_s: How long a search waits for an index that can be complete in that time. If it cannot,
            the search returns sooner, with results from the index so far.
        max_open_repositories: How many repositories a server keeps open, and each searcher of a fleet; the
            least recently used is closed first, and reopened when it is searched.
        idle_unload_s: Idle seconds after which a server unloads its model and its indexes.
        mirror_refresh_s: How old the mirror of a URL may be, in seconds, before a server fetches what is new;
            0 leaves that to `goldrank index URL` and to webhooks.
        shared_indexes: Where machines share the indexes of repositories that are served from URLs: a folder
            that all of them mount, or a URL such as s3://bucket/goldrank; "" to share nothing.
        log_level: Level of the log on standard error: DEBUG, INFO, WARNING or ERROR.
        log_file: File to which a server also writes its log, or "".
        explicit: The names of the settings that a source sets.
    """

    cache: Path = field(default_factory=lambda: _home(platformdirs.user_cache_dir))
    models: Path = field(default_factory=lambda: _home(platformdirs.user_data_dir) / "models")
    fleet: Path = field(default_factory=lambda: CONFIG_FILE.with_name("fleet.txt"))
    model: str = "goldrank-crossencoder"
    model_revision: str = ""
    rerank_weight: float = 0.2  # docs/decisions/0027-who-decides.md
    rerank_tool_weight: float = 0.5  # docs/decisions/0012-embedded-reranker.md, like the next
    rerank_depth: int = 30
    rerank_deadline_s: float = 8.0
    max_file_bytes: int = 1_000_000
    follow_links: bool = False
    chunk_cache_bytes: int = CHUNK_CACHE_BYTES
    index_wait_s: float = 10.0  # docs/decisions/0019-a-question-waits-for-a-whole-index.md
    max_open_repositories: int = 32  # each small one takes 2 MB; reopening one takes a tenth of a second
    idle_unload_s: float = 300.0
    mirror_refresh_s: float = 300.0  # fetching nothing new costs 0.1 to 0.5 s of waiting for the server
    shared_indexes: str = ""
    log_level: str = "WARNING"
    log_file: str = ""
    explicit: frozenset[str] = frozenset()


RANGES: Mapping[str, tuple[float, float]] = {
    "rerank_weight": (0, 1),
    "rerank_tool_weight": (0, 1),
    "rerank_depth": (1, 200),
    "rerank_deadline_s": (0.1, 600),
    "max_file_bytes": (1_000, 1_000_000_000),
    "chunk_cache_bytes": (0, 1e15),
    "index_wait_s": (0, 600),
    "max_open_repositories": (1, 1000),
    "idle_unload_s": (1, 1e9),
    "mirror_refresh_s": (0, 1e9),
}
RENAMED: Mapping[str, str] = {
    "held_weight": "rerank_tool_weight",
    "index_patience_s": "index_wait_s",
    "open_roots": "max_open_repositories",
    "rest_after_s": "idle_unload_s",
}
"""The names of settings in the first release."""
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_SWITCHES = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def load_settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str], file: Path = CONFIG_FILE
) -> Settings:
    """Merge all sources; a flag of None and an empty variable count as unset.

    Raises:
        ArgumentError: A source has an unknown setting or an invalid value, or the home folder is unknown and
            no setting names the folders.
    """
    known = [item.name for item in fields(Settings) if item.name != "explicit"]
    values: dict[str, Any] = {}
    for name, value in _read(file).items():
        if name not in known:
            raise _unknown(file, name, known)
        values[name] = _convert(name, value, _Source(f"{file}: {name}", "file"))
    for old, new in RENAMED.items():
        if environment.get(f"GOLDRANK_{old.upper()}"):
            raise ArgumentError(
                f"GOLDRANK_{old.upper()} is now called GOLDRANK_{new.upper()}", remedy="rename it"
            )
    for name in known:
        variable = f"GOLDRANK_{name.upper()}"
        if environment.get(variable):
            values[name] = _convert(name, environment[variable], _Source(variable, "environment"))
        if flags.get(name) is not None:
            values[name] = _convert(name, flags[name], _Source(f"--{name.replace('_', '-')}", "flag"))
    settings = Settings(**values, explicit=frozenset(values))
    for folder, variable in ((settings.cache, "GOLDRANK_CACHE"), (settings.models, "GOLDRANK_MODELS")):
        if not folder.is_absolute():  # platformdirs returns "~/…" when the home folder is unknown
            raise ArgumentError(f"your home folder is unknown: set HOME=DIR, or {variable}=DIR")
    return settings


def read_model(value: str, *, source: str) -> str:
    """Read a model given on the command line; the path of a folder becomes absolute.

    Raises:
        ArgumentError: The value looks like a folder that does not exist.
    """
    return _model(value, _Source(source, "flag"))


def _unknown(file: Path, name: str, known: Sequence[str]) -> ArgumentError:
    if name in RENAMED:
        return ArgumentError(f"{file}: {name} is now called {RENAMED[name]}", remedy="rename it")
    return ArgumentError(
        f"{file}: unknown setting {shorten(repr(name))}", remedy=f"known are {', '.join(known)}"
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """The source of a value.

    Attributes:
        said: The source's name in messages.
        kind: Text from the environment is parsed, and relative paths in the file are rejected.
    """

    said: str
    kind: Literal["file", "environment", "flag"]


def _read(file: Path) -> dict[str, Any]:
    if not file.is_absolute():  # the home folder is unknown: do not read a folder called "~" in a repository
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{file} is not UTF-8", remedy="save it as UTF-8, or remove it") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ArgumentError(f"{file} cannot be read: {error}", remedy="correct it or remove it") from error


def _convert(name: str, value: object, source: _Source) -> object:
    default = getattr(Settings(), name)
    if isinstance(default, Path):
        return Path(_path(value, source))
    if isinstance(default, str):
        return _text(name, value, source)
    if isinstance(default, bool):
        return _switch(value, source)
    kind = type(default)
    low, high = RANGES[name]
    noun = f"a whole number from {low:g} to {high:g}" if kind is int else f"a number from {low:g} to {high:g}"
    try:
        number = _number(value, kind, is_text=source.kind == "environment")
    except (TypeError, ValueError, OverflowError) as error:
        raise _refusal(value, source, noun) from error
    if not low <= number <= high:  # also rejects NaN
        raise _refusal(value, source, noun)
    return number


def _switch(value: object, source: _Source) -> bool:
    """Read a switch; text from the environment may be a word or a digit."""
    if source.kind == "environment" and isinstance(value, str):
        value = _SWITCHES.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        raise _refusal(value, source, "true or false")
    return value


def _number(value: object, kind: type, *, is_text: bool) -> float:
    """Read a number without rounding; in a file, neither true nor "20" is a number."""
    if is_text and isinstance(value, str):
        if kind is int and not _WHOLE.fullmatch(value.strip()):
            raise ValueError
        return float(value) if kind is float else int(value)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise TypeError
    return float(value) if kind is float else int(value)


def _text(name: str, value: object, source: _Source) -> str:
    if not isinstance(value, str):
        raise _refusal(value, source, "text")
    if name == "log_level":
        if value.upper() not in _LEVELS:
            raise _refusal(value, source, f"one of {', '.join(_LEVELS)}")
        return value.upper()
    if not value:
        return ""
    if not value.strip():
        raise _refusal(value, source, "text, or nothing at all")
    if name == "log_file" or (name == "shared_indexes" and "://" not in value):
        return _path(value, source)
    return _model(value, source) if name == "model" else value


def _model(value: str, source: _Source) -> str:
    """Return the absolute path of a model's folder, which must exist, or a hub id unchanged."""
    if value in {"", Settings().model}:
        return value
    looks_like_path = value.startswith((".", "~", "/")) or value.count("/") > 1 or "\\" in value
    if not looks_like_path and os.path.isdir(value):  # noqa: PTH112 - works even if the working folder is gone
        if source.kind != "flag":
            # A repository may contain a folder of any name, which must not replace a model of the hub.
            raise ArgumentError(
                f"{source.said} is {shorten(repr(value))}, and the working folder has a folder of that name",
                remedy="write an absolute path if you mean a folder, or work elsewhere if you mean a hub id",
            )
        looks_like_path = True
    if not looks_like_path:
        return value
    folder = _path(value, source)
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        raise ArgumentError(
            f"{source.said} is {shorten(repr(value))}: there is no folder {shorten(folder)}",
            remedy="name a CrossEncoder folder, or a hub id such as owner/name",
        )
    return folder


def _path(value: object, source: _Source) -> str:
    """Make a path absolute: relative to the working folder, or to the home folder if it begins with `~`."""
    text = os.fspath(value) if isinstance(value, str | Path) else ""
    if not text.strip() or "\0" in text:
        raise _refusal(value, source, "a path")
    if source.kind == "file" and not text.startswith("~") and not os.path.isabs(text):  # noqa: PTH117 - text
        raise _refusal(value, source, "an absolute path, or one that begins with ~/")
    try:
        expanded = Path(text).expanduser()
    except RuntimeError as error:
        raise ArgumentError(
            f"{source.said} is {shorten(repr(text))}, and there is no such home",
            remedy="write an absolute path",
        ) from error
    try:
        return os.path.abspath(expanded)  # noqa: PTH100 - keeps links unresolved
    except OSError as error:
        raise ArgumentError(
            f"{source.said} is {shorten(repr(text))}, and the working folder is gone",
            remedy="write an absolute path, or go to a folder that exists",
        ) from error


def _refusal(value: object, source: _Source, accepted: str) -> ArgumentError:
    shown = str(value) if isinstance(value, Path) else value
    return ArgumentError(f"{source.said} is {shorten(repr(shown))}", remedy=f"it takes {accepted}")

"""Every knob in one typed place: defaults, then the user's file, then the environment, then flags.

The file is `config.toml` in the user's configuration folder (`goldrank doctor` prints where); a repository
cannot set anything, because a cloned one is not trusted to name models or folders.
An environment variable is `GOLDRANK_` and the name in capitals: `GOLDRANK_MODEL`.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from retrieval.errors import ArgumentError, shorten

CHUNK_CACHE_BYTES = 1_000_000_000  # some 4 million chunks
CONFIG_FILE = Path(platformdirs.user_config_dir("goldrank")) / "config.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set, with its default.

    Attributes:
        cache: Folder of all indexes.
        models: Folder of all promoted models.
        model: The cross-encoder: `embedded.NAME` for the one that comes with goldrank, a folder, or a hub id;
            "" for none. One that is named wins over promoted ones.
        model_revision: Commit of a hub model, or "" for the newest at hand; ignored for a folder.
        rerank_weight: Share of the cross-encoder in the score of rag_search, 0 to 1; 0 leaves it out.
        held_weight: The same in rag_rerank, whose first stage knows only the candidates themselves.
        rerank_depth: How many candidates the cross-encoder reads.
        rerank_deadline_s: Seconds after which the rest keep their first-stage order.
        max_file_bytes: Larger files are not indexed.
        chunk_cache_bytes: Bound of what is kept of files by content, for other work trees and branches.
        index_patience_s: How long a question to a server waits for an index that can be whole in that time;
            where it cannot, the question is answered sooner from what is there.
        open_roots: How many served repositories a server keeps open; of more, the least recently used are
            closed, and opened again when they are asked for.
        rest_after_s: How long nobody asks until a server lets go of its model and its indexes.
        log_level: What goes to standard error: DEBUG, INFO, WARNING or ERROR.
        log_file: Where a server's log goes as well, or "".
        named: The settings that a source named; none itself.
    """

    cache: Path = field(default_factory=lambda: Path(platformdirs.user_cache_dir("goldrank")))
    models: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("goldrank")) / "models")
    model: str = "goldrank-crossencoder"
    model_revision: str = ""
    rerank_weight: float = 0.0  # docs/decisions/0012-embedded-reranker.md, like the next two
    held_weight: float = 0.5
    rerank_depth: int = 30
    rerank_deadline_s: float = 8.0
    max_file_bytes: int = 1_000_000
    chunk_cache_bytes: int = CHUNK_CACHE_BYTES
    index_patience_s: float = 10.0  # docs/decisions/0018-hurry.md
    open_roots: int = 32  # each small one takes 2 MB; who must be opened again takes a tenth of a second
    rest_after_s: float = 300.0
    log_level: str = "WARNING"
    log_file: str = ""
    named: frozenset[str] = frozenset()


_RANGES: Mapping[str, tuple[float, float]] = {
    "rerank_weight": (0, 1),
    "held_weight": (0, 1),
    "rerank_depth": (1, 200),
    "rerank_deadline_s": (0.1, 600),
    "max_file_bytes": (1_000, 1_000_000_000),
    "chunk_cache_bytes": (0, 1e15),
    "index_patience_s": (0, 600),
    "open_roots": (1, 1000),
    "rest_after_s": (1, 1e9),
}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def load_settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str], file: Path = CONFIG_FILE
) -> Settings:
    """Merge all sources; a flag of None was not given.

    Raises:
        ArgumentError: A source names an unknown setting or a value that it does not accept.
    """
    known = [item.name for item in fields(Settings) if item.name != "named"]
    values: dict[str, Any] = {}
    for name, value in _read(file).items():
        if name not in known:
            raise ArgumentError(
                f"{file}: unknown setting {shorten(repr(name))}; known are {', '.join(known)}"
            )
        values[name] = _convert(name, value, f"{file}: {name}")
    for name in known:
        variable = f"GOLDRANK_{name.upper()}"
        if environment.get(variable):
            values[name] = _convert(name, environment[variable], variable)
        if flags.get(name) is not None:
            values[name] = _convert(name, flags[name], f"--{name.replace('_', '-')}")
    return Settings(**values, named=frozenset(values))


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ArgumentError(f"{file} cannot be read: {error}; mend it or remove it") from error


def _convert(name: str, value: object, source: str) -> object:
    default = getattr(Settings(), name)
    kind: Callable[[Any], Any] = Path if isinstance(default, Path) else type(default)
    try:
        converted = kind(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{source} is {shorten(repr(value))}; it takes {_accepted(name, kind)}"
        ) from error
    low, high = _RANGES.get(name, (float("-inf"), float("inf")))
    if isinstance(converted, int | float) and not low <= converted <= high:
        raise ArgumentError(f"{source} is {shorten(repr(value))}; it takes {_accepted(name, kind)}")
    if name == "log_level":
        converted = str(converted).upper()
        if converted not in _LEVELS:
            raise ArgumentError(f"{source} is {shorten(repr(value))}; it takes one of {', '.join(_LEVELS)}")
    return converted.expanduser() if isinstance(converted, Path) else converted


def _accepted(name: str, kind: Callable[[Any], Any]) -> str:
    nouns: dict[Any, str] = {int: "a whole number", float: "a number", Path: "a path", str: "text"}
    noun = nouns[kind]
    low, high = _RANGES.get(name, (None, None))
    return noun if low is None else f"{noun} from {low:g} to {high:g}"

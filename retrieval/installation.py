"""How this goldrank was installed, which extras it has, and which command adds one.

Each installer leaves its traces: uv and pipx a file in their environments, uvx the folder of its cache, and
all of them `direct_url.json` (PEP 610) where goldrank came from a clone or a file instead of an index. A
command that names another source would install another goldrank, or find none.
"""

import importlib.util
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from retrieval.errors import GoldrankError

_HUB = {"sentence-transformers": "sentence_transformers", "torch": "torch"}
LIBRARIES: Mapping[str, Mapping[str, str]] = {
    "hub": _HUB,
    "train": {
        **_HUB,
        "accelerate": "accelerate",
        "datasets": "datasets",
        "matplotlib": "matplotlib",
        "onnx": "onnx",
        "safetensors": "safetensors",
        "scikit-learn": "sklearn",
        "scipy": "scipy",
    },
    "export": {"onnx": "onnx", "safetensors": "safetensors"},
    "fleet": {"fsspec": "fsspec", "ray": "ray"},
    "http": {
        "httpx2": "httpx2",
        "limits": "limits",
        "prometheus-client": "prometheus_client",
        "pyjwt": "jwt",
        "uvicorn": "uvicorn",
    },
}
"""What each extra of pyproject.toml installs: the name in the index, and the name that Python imports."""

PURPOSES: Mapping[str, str] = {
    "hub": "runs any CrossEncoder, by folder or hub id, and the models that you promoted",
    "train": "learns and evaluates models",
    "export": "makes the 8-bit graph of an embedded model",
    "fleet": "shares indexes between machines, and answers from many",
    "http": "serves over HTTP",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an environment's goldrank came from.

    Attributes:
        prefix: The environment's folder.
        python: Its Python.
        has_pip: Whether that Python can run pip.
        source: The content of `direct_url.json`; empty where goldrank came from an index.
        extras: The extras that are complete there.
    """

    prefix: Path
    python: str
    has_pip: bool = True
    source: Mapping[str, Any] = field(default_factory=dict)
    extras: tuple[str, ...] = ()


def here() -> Origin:
    """Find out how the running goldrank was installed."""
    import importlib.metadata as installed  # noqa: PLC0415 - a tenth of a start, and seldom needed

    try:
        source = json.loads(installed.distribution("goldrank").read_text("direct_url.json") or "{}")
    except (installed.PackageNotFoundError, ValueError):
        source = {}
    return Origin(
        prefix=Path(sys.prefix),
        python=sys.executable,
        has_pip=_is_importable("pip"),
        source=source if isinstance(source, dict) else {},
        extras=tuple(extra for extra in LIBRARIES if not missing(extra)),
    )


def missing(extra: str) -> list[str]:
    """List the libraries of an extra that are not installed, by their names in the index."""
    return [library for library, module in LIBRARIES[extra].items() if not _is_importable(module)]


def require(extra: str, purpose: str, error: type[GoldrankError], *, only: Sequence[str] = ()) -> None:
    """Check that an extra is installed.

    Args:
        extra: A key of `LIBRARIES`.
        purpose: What needs it, as the subject of a sentence.
        error: The error to raise; callers catch different ones.
        only: The libraries of it that are needed; empty for all.
    """
    absent = [library for library in missing(extra) if not only or library in only]
    if absent:
        fact = f"{purpose} needs goldrank[{extra}], which is not installed ({', '.join(absent)})"
        size = " (some 2 GB of disk)" if "torch" in absent else ""
        raise error(fact, remedy=f"add it{size} with: {with_extra(extra)}")


def with_extra(extra: str, *, origin: Origin | None = None) -> str:
    """Return the command that adds an extra to an environment.

    Args:
        extra: A key of `LIBRARIES`.
        origin: The environment. [default: this one]
    """
    origin = origin or here()
    installer = _installer(origin)
    # uv and pipx replace the environment: what it has already must be named again.
    replaces = installer in {"uv tool", "uvx", "pipx"}
    wanted = _fewest({extra, *origin.extras} if replaces else {extra})
    # PyPI's torch for Linux brings CUDA, gigabytes of it; only uv can be told otherwise in the same command.
    backend = "--torch-backend cpu " if "hub" in wanted or "train" in wanted else ""
    target = _target(origin, wanted, may_edit=installer != "uvx")
    return {
        "uv tool": f"uv tool install {backend}{target}",
        "uvx": f"uvx {backend}--from {target} goldrank",
        "pipx": f"pipx install --force {target}",
        "uv pip": f"uv pip install {backend}--python {_quoted(str(origin.prefix))} {target}",
        "pip": f"{_quoted(origin.python)} -m pip install {target}",
    }[installer]


def with_package(package: str, *, origin: Origin | None = None) -> str:
    """Return the command that adds a package to an environment, beside goldrank and its extras.

    Args:
        package: The package's name in the index.
        origin: The environment. [default: this one]
    """
    origin = origin or here()
    installer = _installer(origin)
    target = _target(origin, _fewest({*origin.extras}), may_edit=installer != "uvx")
    return {
        "uv tool": f"uv tool install --with {package} {target}",
        "uvx": f"uvx --with {package} --from {target} goldrank",
        "pipx": f"pipx inject goldrank {package}",
        "uv pip": f"uv pip install --python {_quoted(str(origin.prefix))} {package}",
        "pip": f"{_quoted(origin.python)} -m pip install {package}",
    }[installer]


def again(*, origin: Origin | None = None) -> str:
    """Return the command that reinstalls goldrank and its dependencies in an environment."""
    origin = origin or here()
    installer = _installer(origin)
    target = _target(origin, (), may_edit=installer != "uvx")
    return {
        "uv tool": "uv tool upgrade --reinstall goldrank",
        "uvx": f"uvx --refresh --from {target} goldrank",
        "pipx": "pipx reinstall goldrank",
        "uv pip": f"uv pip install --python {_quoted(str(origin.prefix))} --reinstall {target}",
        "pip": f"{_quoted(origin.python)} -m pip install --force-reinstall {target}",
    }[installer]


def _installer(origin: Origin) -> str:
    """Recognise an installer by the traces that it leaves in its environments."""
    if (origin.prefix / "uv-receipt.toml").is_file():
        return "uv tool"
    if (origin.prefix / "pipx_metadata.json").is_file():
        return "pipx"
    if {"archive-v0", "environments-v2"} & {*origin.prefix.parts}:  # in uv's cache
        return "uvx"
    return "pip" if origin.has_pip else "uv pip"


def _fewest(extras: set[str]) -> tuple[str, ...]:
    """Name no extra that another one brings."""
    return tuple(sorted(extras - {"hub"} if "train" in extras else extras))


def _target(origin: Origin, extras: Sequence[str], *, may_edit: bool) -> str:
    """Write what to install: a name for an index, or the clone or file that it came from, quoted."""
    named = f"[{','.join(extras)}]" if extras else ""
    url = str(origin.source.get("url", ""))
    folder = _folder_of(url) if url.startswith("file:") else None
    if not url or (folder and not folder.exists()):  # what is installed satisfies the bare name
        return _quoted(f"goldrank{named}")
    if folder and may_edit and _part(origin.source, "dir_info").get("editable"):
        return f"--editable {_quoted(f'{folder}{named}')}"
    version_control = _part(origin.source, "vcs_info")
    if version_control:
        revision = version_control.get("requested_revision") or version_control.get("commit_id")
        url = f"{version_control.get('vcs', 'git')}+{url}" + (f"@{revision}" if revision else "")
    below = origin.source.get("subdirectory")
    return _quoted(f"goldrank{named} @ {url}" + (f"#subdirectory={below}" if below else ""))


def _folder_of(url: str) -> Path:
    """Return what a file: URL names; `urllib.request` knows too, and loads a web client."""
    path = unquote(urlsplit(url).path)
    return Path(path if os.name == "posix" else path.lstrip("/"))


def _part(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = source.get(name)
    return part if isinstance(part, dict) else {}


def _is_importable(module: str) -> bool:
    """Return whether Python finds a module, without importing it; a folder that was left empty is none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _quoted(word: str) -> str:
    """Quote a word for this system's shell; cmd.exe knows double quotes only."""
    if os.name == "posix":
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w.:\\/-]+", word) else f'"{word}"'

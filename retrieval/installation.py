"""How this goldrank was installed, and therefore which command extends it: not every environment has pip."""

import shlex
import sys
from pathlib import Path


def with_extra(extra: str, *, prefix: Path | None = None) -> str:
    """Return the command that installs an optional part of goldrank into this environment.

    Args:
        extra: "train" or "export".
        prefix: The environment. [default: this one]
    """
    wanted = shlex.quote(f"goldrank[{extra}]")
    return _command(
        prefix or Path(sys.prefix),
        uv_tool=f"uv tool install {wanted}",
        pipx=f"pipx inject goldrank {wanted}",
        uvx=f"uvx --from {wanted} goldrank",
        pip=wanted,
    )


def again(*, prefix: Path | None = None) -> str:
    """Return the command that reinstalls goldrank and its dependencies in this environment."""
    return _command(
        prefix or Path(sys.prefix),
        uv_tool="uv tool install --reinstall goldrank",
        pipx="pipx reinstall goldrank",
        uvx="uvx --refresh goldrank",
        pip="--force-reinstall goldrank",
    )


def _command(prefix: Path, *, uv_tool: str, pipx: str, uvx: str, pip: str) -> str:
    """Choose the command by the traces that each installer leaves in its environments."""
    if (prefix / "uv-receipt.toml").is_file():
        return uv_tool
    if (prefix / "pipx_metadata.json").is_file():
        return pipx
    if "archive-v0" in prefix.parts or "environments-v2" in prefix.parts:  # in uv's cache
        return uvx
    try:
        is_uv = "\nuv = " in f"\n{(prefix / 'pyvenv.cfg').read_text(encoding='utf-8', errors='replace')}"
    except OSError:
        is_uv = False
    if is_uv:  # such an environment has no pip
        return f"uv pip install --python {shlex.quote(str(prefix))} {pip}"
    return f"{shlex.quote(sys.executable)} -m pip install {pip}"

"""Write the version of pyproject.toml into the manifests that registries and bundles read.

python -m tools.manifests
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = ("server.json", "mcpb/manifest.json", "mcpb/pyproject.toml")
_VERSION = re.compile(r'(?m)^(\s*"?version"?\s*[:=]\s*")[^"]+(")|("goldrank==)[^"]+(")')


def main() -> None:
    """Replace each version in place; every other byte stays."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for name in MANIFESTS:
        file = ROOT / name
        text = file.read_text(encoding="utf-8")
        replaced = _VERSION.sub(lambda match: _with(match, version), text)
        if replaced != text:
            file.write_text(replaced, encoding="utf-8")
            print(f"{name}: {version}")


def _with(match: re.Match[str], version: str) -> str:
    before, after = match[1] or match[3], match[2] or match[4]
    return f"{before}{version}{after}"


if __name__ == "__main__":
    main()

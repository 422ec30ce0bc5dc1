"""Write docs/settings.md from the typed settings: what each is, its default, what it takes.

    python -m tools.settings_page

A test holds that the page is what this writes.
"""

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path

from retrieval.settings import RANGES, Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
_HEAD = """\
# Settings

A setting is a line of `config.toml` (`rerank_depth = 20`), a variable (`GOLDRANK_RERANK_DEPTH`), or a flag
(`--rerank-depth`) of the commands whose `--help` lists it.
A flag wins over a variable, and a variable over the file; `goldrank doctor` prints where that is.
A repository cannot change any setting, because a cloned one is not trusted to name models or folders.

| setting | default | accepts | what it is |
|---|---|---|---|
"""
_FOLDERS = {
    "cache": "your cache folder",
    "models": "`models` in your data folder",
    "fleet": "`fleet.txt` in your configuration folder",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the text of the page."""
    meanings = _meanings(Settings.__doc__ or "")
    settings = [item for item in fields(Settings) if item.name in meanings and item.name != "explicit"]
    rows = (
        f"| `{item.name}` | {_default(item)} | {_accepted(item)} | {meanings[item.name]} |\n"
        for item in settings
    )
    return _HEAD + "".join(rows)


def _meanings(docstring: str) -> dict[str, str]:
    """Return what the docstring says of each setting, by name."""
    listed = docstring.partition("Attributes:\n")[2]
    entries = re.findall(r"^ {8}(\w+): (.+(?:\n {12}.+)*)", listed, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", said) for name, said in entries}


def _default(setting: Field[object]) -> str:
    if setting.default is MISSING:
        return _FOLDERS[setting.name]
    if isinstance(setting.default, bool):
        return f"`{str(setting.default).lower()}`"
    shown = f"{setting.default:,}" if isinstance(setting.default, int | float) else str(setting.default)
    return f"`{shown}`" if shown else "none"


def _accepted(setting: Field[object]) -> str:
    if setting.name in RANGES:
        low, high = RANGES[setting.name]
        kind = "a whole number" if isinstance(setting.default, int) else "a number"
        return f"{kind} from {low:,} to {int(high):,}"
    if isinstance(setting.default, bool):
        return "true or false"
    return "a path" if setting.default is MISSING or setting.name == "log_file" else "text"


if __name__ == "__main__":
    main()

"""How Sphinx makes the documentation site from docs/: `make site`, then open site/index.html.

Pages are written for the repository, where a link may lead to code or to a page above docs/. In the site such
a link leads to the repository on the web; one that leads nowhere fails the build.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
REPOSITORY = "https://github.com/goldrank/goldrank/blob/main"

project = "goldrank"
author = "the goldrank authors"
html_title = "goldrank"
extensions = ["myst_parser"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["site"]
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
nitpicky = True

_DECISIONS = "\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"
"""Lists the records in the site's menu; the page itself is written for the repository."""

_LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]*)(?P<rest>#[^)\s]*)?\)")


def setup(app: "Sphinx") -> None:
    """Rewrite links of every page, and of what pages include."""
    app.connect("source-read", _read)
    app.connect("include-read", _included)


def relinked(text: str, *, page: Path) -> str:
    """Rewrite the links of a page for the site.

    Args:
        text: The page's Markdown.
        page: Where the page is written.

    Raises:
        FileNotFoundError: A link leads to nothing in the repository.
    """

    def target(match: re.Match[str]) -> str:
        written, rest = match["target"], match["rest"] or ""
        if not written or "://" in written or written.startswith("mailto:"):
            return match[0]
        aim = (page.parent / written).resolve()
        if not aim.exists():
            raise FileNotFoundError(f"{page.relative_to(ROOT)} links to {written}, which does not exist")
        if aim.is_relative_to(DOCS) and aim.is_file():
            return f"](/{aim.relative_to(DOCS).as_posix()}{rest})"
        return f"]({REPOSITORY}/{aim.relative_to(ROOT).as_posix()}{rest})"

    return _LINK.sub(target, text)


def _read(app: "Sphinx", name: str, source: list[str]) -> None:
    source[0] = relinked(source[0], page=Path(str(app.env.doc2path(name))))
    if name == "decisions/README":
        source[0] += _DECISIONS


def _included(_app: "Sphinx", path: Path, _parent: str, content: list[str], *_rest: Any) -> None:
    content[0] = relinked(content[0], page=(DOCS / path).resolve())

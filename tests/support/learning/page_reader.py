"""Pages read as a browser reads them, and texts that would break out of one."""

from collections.abc import Callable, Sequence
from html.parser import HTMLParser

from order_factory import asked

from retrieval.training.evaluation.pages.html_page import framed
from retrieval.training.order.changes import Change

HOSTILE = (
    "<script>alert(1)</script> & \"quotes\" 'too'",
    '"><img src=x onerror=alert(1)>',
    "</td></table><h1>after",
    "turn \u202earound and \u200fhide",
    "]]> --> </style></bdi>",
    "a lone \udcff surrogate",
)


class Page(HTMLParser):
    """Collects elements, attributes and texts, and whether elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.is_nested = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"meta", "link", "br"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        """Check the nesting."""
        self.is_nested &= bool(self._open) and self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data

    @property
    def is_whole(self) -> bool:
        """Whether everything that was opened was closed."""
        return self.is_nested and not self._open


def read(section: str) -> Page:
    """Read a page around a section."""
    page = Page()
    page.feed(framed("a & <b>", section))
    page.close()
    return page


def require_harmless(section: Callable[[Sequence[Change]], str], subject: str) -> None:
    """Require that a subject and a path which anybody may commit are text on a page, and nothing else.

    Args:
        section: Writes the section about changed questions.
        subject: What somebody committed.
    """
    plain = read(section((asked(0, 2, 1, 0.1), asked(1, 2, 2, 0.0))))
    hostile = (
        asked(0, 2, 1, 0.1, subject=subject, path=f"src/{subject}.py"),
        asked(1, 2, 2, 0.0, subject=subject),
    )
    page = read(section(hostile))
    assert page.is_whole
    assert page.tags == plain.tags
    assert page.attributes == plain.attributes
    assert page.text.count(subject) == 4
    assert "script" not in page.tags

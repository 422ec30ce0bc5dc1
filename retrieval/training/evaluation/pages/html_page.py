"""How every page that goldrank writes looks: one style, light and dark, wide and narrow, offline."""

import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1d2126; --faint: #666e78; --rule: #dcdfe3;
  --soft: #f5f6f8; --better: #17771f; --worse: #b3261e; --first: #1f77b4; --second: #c65f00 }
@media (prefers-color-scheme: dark) { :root { --page: #15181c; --text: #e4e7eb; --faint: #9aa3ad;
  --rule: #343a41; --soft: #1e2227; --better: #6fcf77; --worse: #ff8a80; --first: #6cb6f0;
  --second: #f5a35c } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  background: var(--page); color: var(--text) }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere } h2 { margin-top: 2.2rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; width: 100% }
th, td { border-bottom: 1px solid var(--rule); padding: .25rem .6rem; text-align: right; vertical-align: top }
th { font-weight: 600 }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; min-width: 9rem }
td:not(:first-child) { white-space: nowrap } .wide { overflow-x: auto }
.facts td:not(:first-child) { text-align: left; white-space: normal; overflow-wrap: anywhere }
.said { text-align: left; white-space: normal !important; min-width: 14rem }
th.said { min-width: 0 } td code { overflow-wrap: anywhere; font-size: .88em }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem }
figure { margin: 0 } .plots svg { width: 100%; height: auto } .plots svg:not([class]) { background: #fff }
figcaption { color: var(--faint); font-size: 13px }
.verdict { font-size: 1.15rem; border-left: .3rem solid var(--faint); padding-left: .9rem }
.verdict.yes { border-color: var(--better) } .verdict.no { border-color: var(--worse) }
.better { color: var(--better) } .worse { color: var(--worse) } .faint { color: var(--faint) }
summary { cursor: pointer; color: var(--faint) } details { margin: .5rem 0 }
.curves text { fill: var(--faint); font: 11px system-ui, sans-serif } .curves .name { font-weight: 600 }
.curves .grid { stroke: var(--rule) } .curves .zero { stroke: var(--faint) }
.curves polyline { fill: none; stroke-width: 2 } .curves polygon { stroke: none; opacity: .18 }
.c0 { stroke: var(--first); fill: var(--first) } .c1 { stroke: var(--second); fill: var(--second) }
.curves text.c0 { fill: var(--first); stroke: none } .curves text.c1 { fill: var(--second); stroke: none }
"""


def framed(title: str, body: str, *, style: str = "") -> str:
    """Write a whole page around its body, which is HTML.

    Args:
        title: The title, as text.
        body: What follows the title, as HTML.
        style: More style, as CSS.
    """
    name = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<link rel="icon" href="data:,">\n'
        f"<style>{STYLE}{style}</style>\n</head>\n<body>\n<h1>{name}</h1>\n{body}\n</body>\n</html>\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, said: Sequence[int] = ()) -> str:
    """Write a table that scrolls by itself where it is wider than the window.

    Args:
        head: The names of the columns, as text.
        rows: Their cells, as HTML.
        said: The numbers of columns that hold sentences rather than numbers.
    """
    kinds = [' class="said"' if number in said else "" for number in range(len(head))]
    first = "".join(f"<th{kind}>{html.escape(name)}</th>" for kind, name in zip(kinds, head, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{first}</tr>\n{body}\n</table></div>'


def folded(summary: str, content: str) -> str:
    """Write what a reader opens by choice; the summary is text, the content HTML."""
    return f"<details><summary>{html.escape(summary)}</summary>\n{content}\n</details>"


def quoted(text: str) -> str:
    """Write text from a repository so that its direction of writing ends with it."""
    return f"<bdi>{html.escape(text)}</bdi>"

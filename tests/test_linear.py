"""Text of callers and of repositories is read by regular expressions, none of which may take quadratic time.

One such line would hold the interpreter: no ping is answered, no call is cancelled.
"""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow(
    reason="reads texts of 300,000 characters to see that the time grows with their length"
)

N = 300_000
LIMIT_S = 120  # what is linear takes a second, interpreter and imports included; what is quadratic, an hour

READERS = {
    "spans": (
        "from retrieval.paths import spans",
        "[*spans.readings(text), spans.plainest(text), spans.read_span(text)]",
    ),
    "questions": ("from retrieval.rank.query import read_query", "read_query(text[:8_000])"),
    "needs": (
        "from retrieval.rank.need import read_need",
        "read_need('a title of it\\n' + text[:8_000], [text[:200]] * 8)",
    ),
    "terms": ("from retrieval.chunks import tokenizer", "tokenizer.terms(text)"),
    "excerpts": (
        "from retrieval.rerank.excerpt import excerpt",
        "excerpt('how is it read', 'a.py function a\\n' + text)",
    ),
    "paths": (
        "from retrieval.paths.path_forms import Reader",
        "[Reader('a', root='', folder='').read([text[i : i + 4_000]]) for i in range(0, len(text), 4_000)]",
    ),
    "names": (
        "from retrieval.files import exclusion",
        "[exclusion.reason_in_name(text[i : i + 255]) for i in range(0, len(text), 255)]",
    ),
    "places": ("from retrieval.paths import file_kinds", "file_kinds.is_minor(text[:4_000] + '.py')"),
    "first bytes": (
        "from retrieval.files import exclusion",
        "exclusion.reason_in_content('a.py', text.encode())",
    ),
    "comments": (
        "from retrieval.training.golden.suggest import _COMMENTED, _DOCSTRING",
        "_COMMENTED.fullmatch(('// ' + text).rstrip()), _DOCSTRING.search('\"\"\"' + text)",
    ),
    "catalogues": (
        "import re; from retrieval.chunks import catalogue; text_of = re.compile('.{2000}').findall",
        "[catalogue.entries(name, text_of(text)) for name in ('a.json', 'a.po', 'a.xml')]",
    ),
    "sections": (
        (
            "import re\nfrom retrieval.chunks.outlines import headings, line_patterns, outline\n"
            "text_of = re.compile('.{490}').findall\nknown = (*line_patterns.TABLE, *headings.READERS)"
        ),
        "[outline.sections(name, text_of(text[:5_000])) for name in known]",
    ),
    "parts": ("from retrieval.chunks.outlines import components", "list(components.parts('vue', [text]))"),
    "notebooks": ("from retrieval.chunks.outlines import notebook", "notebook.read([text])"),
    "languages": (
        "from retrieval.paths import catalogue_paths",
        "catalogue_paths.english_of(text[:4_000] + '.json', ())",
    ),
    "escapes": ("from retrieval.files import confinement", "confinement.escape(text)"),
}
UNITS = (
    " ",
    "a",
    "A",
    "1",
    "_",
    ":",
    ":1",
    ":1-",
    "a.",
    "a-1",
    "/",
    "./",
    "{a",
    "aA",
    "(",
    '"',
    "\t ",
    "-",
    "[",
    "*a",
)


@pytest.mark.parametrize("reader", READERS)
def test_reading_takes_time_in_proportion_to_the_text(reader: str) -> None:
    """Each is given 300,000 characters of every kind that regular expressions stumble over."""
    loads, reads = READERS[reader]
    script = (
        f"{loads}\nfrom retrieval.errors import ArgumentError\n"
        f"for unit in {UNITS!r}:\n"
        f"    for end in ('', 'x', '!', ' x'):\n"
        f"        text = unit * ({N} // len(unit)) + end\n"
        f"        try:\n            {reads}\n        except ArgumentError:\n            pass\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=LIMIT_S, capture_output=True)

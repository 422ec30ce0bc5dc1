"""How a repository's index and the results of its questions become parts of a page that needs no server.

The page holds what a search found for each question, and a small script that ranks these places for whatever
a reader types, by BM25 over their paths and lines. Nothing is fetched, and text from the repository is only
ever shown as text.
"""

import html
import json
from collections import Counter
from collections.abc import Iterable, Sequence

from retrieval.files.languages import language_of
from retrieval.index.bm25 import K1, B
from retrieval.search.searcher import Request, search
from retrieval.sync.view import View

PLACES = 5  # of each question
SHOWN_LINES = 12
LINE_CHARS = 160
SHOWN_LANGUAGES = 12
SHOWN_PATHS = 20  # of each reason why files are left out

STYLE = """
#try input { width: 100%; font: inherit; padding: .4rem .6rem; box-sizing: border-box }
#try li { margin: .8rem 0 } #try code { font-weight: 600; overflow-wrap: anywhere }
#try pre { margin: .2rem 0; padding: .5rem; background: var(--soft); overflow-x: auto; font-size: 12px }
.bar { display: inline-block; height: .7em; background: var(--first); vertical-align: baseline }
"""

_SCRIPT = """
const places = JSON.parse(document.getElementById("places").textContent);
const box = document.querySelector("#try input"), list = document.querySelector("#try ol");
const said = document.querySelector("#try p");
const split = text => text.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
const terms = text => split(text).match(/[\\p{L}\\p{N}]+/gu) || [];
const bags = places.map(place => {
  const bag = new Map(); let size = 0;
  for (const term of terms(place.place + " " + place.text)) {
    bag.set(term, (bag.get(term) || 0) + 1); size++;
  }
  return { bag, size };
});
const mean = bags.reduce((sum, one) => sum + one.size, 0) / Math.max(bags.length, 1);
const known = new Map();
for (const { bag } of bags) for (const term of bag.keys()) known.set(term, (known.get(term) || 0) + 1);
const score = (one, asked) => asked.reduce((sum, term) => {
  const times = one.bag.get(term) || 0, within = known.get(term) || 0;
  const idf = Math.log(1 + (bags.length - within + .5) / (within + .5));
  return sum + idf * times * (K1 + 1) / (times + K1 * (1 - B + B * one.size / mean));
}, 0);
const show = () => {
  const asked = terms(box.value);
  const found = bags.map((one, i) => [score(one, asked), i]).filter(pair => pair[0] > 0)
    .sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, 10);
  said.textContent = asked.length ? `${found.length} of ${places.length} places` : `${places.length} places`;
  list.replaceChildren(...found.map(([, i]) => {
    const item = document.createElement("li"), name = document.createElement("code");
    const code = document.createElement("pre");
    name.textContent = places[i].place; code.textContent = places[i].text;
    item.append(name, code); return item;
  }));
};
box.addEventListener("input", show); show();
"""


def index_section(view: View) -> str:
    """Write what is indexed, by language, and what is left out, by reason."""
    files = Counter(language_of(path) for path in view.paths)
    most = max(files.values(), default=1)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{count:,}</td>"
        f'<td><span class="bar" style="width:{round(200 * count / most)}px"></span></td></tr>'
        for name, count in files.most_common(SHOWN_LANGUAGES)
    )
    others = files.most_common()[SHOWN_LANGUAGES:]
    rest = f" {len(others)} other languages have {sum(count for _, count in others):,}." if others else ""
    reasons = Counter(item.reason for item in view.excluded)
    left_out = "".join(
        f"<details><summary>{count:,}: {html.escape(reason)}</summary>"
        f"<ul>{_examples(view, reason)}</ul></details>"
        for reason, count in reasons.most_common()
    )
    return (
        f"<h2>What is indexed</h2>\n<p>{len(view.paths):,} files, {len(view.snapshot):,} chunks.{rest}</p>\n"
        f'<div class="wide"><table class="facts"><tr><th>language</th><th>files</th><th></th></tr>{rows}'
        "</table></div>\n"
        f"<h3>What is left out</h3>\n{left_out or '<p>nothing</p>'}\n"
    )


def search_section(view: View, questions: Sequence[str]) -> str:
    """Write a search over the places that answer some questions, with its data and script."""
    data = json.dumps(list(_places(view, questions))).replace("<", "\\u003c")
    script = _SCRIPT.replace("K1", f"{K1:g}").replace("(1 - B + B *", f"(1 - {B:g} + {B:g} *")
    return (
        f"<h2>Try a search</h2>\n<p>Over the first {PLACES} places of each of {len(questions):,} questions, "
        "by words alone; the real search reads the whole index.</p>\n"
        '<div id="try"><input type="search" placeholder="ask" aria-label="question"><p></p><ol></ol></div>\n'
        f'<script type="application/json" id="places">{data}</script>\n<script>{script}</script>\n'
    )


def _places(view: View, questions: Iterable[str]) -> Iterable[dict[str, str]]:
    seen: set[str] = set()
    for question in questions:
        for result in search(view, Request(question, PLACES, rerank="no"), None).results:
            span = result.passage.chunk.span
            if span not in seen:
                seen.add(span)
                lines = (line[:LINE_CHARS] for line in result.passage.lines[:SHOWN_LINES])
                yield {"place": span, "text": "\n".join(lines)}


def _examples(view: View, reason: str) -> str:
    paths = [item.path for item in view.excluded if item.reason == reason]
    shown = "".join(f"<li>{html.escape(path)}</li>" for path in paths[:SHOWN_PATHS])
    more = len(paths) - SHOWN_PATHS
    return shown + (f"<li>and {more:,} more</li>" if more > 0 else "")

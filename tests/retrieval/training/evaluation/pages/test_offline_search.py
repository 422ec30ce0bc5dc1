"""A page that is opened from a disk shows the index, and finds places without a server."""

import json
import re
from pathlib import Path

from fakes import repository, write

from retrieval.training.evaluation.pages.offline_search import index_section, search_section

FILES: dict[str, str | bytes] = {
    "src/retry.py": "def schedule_retry(job):\n    return backoff(job)\n",
    "src/page.js": 'function close() { return "</script><b>" + retry }\n',
    "logo.py": b"x = 1\0\1\2",
}


def test_the_page_says_what_is_indexed_and_what_is_not(tmp_path: Path) -> None:
    """Whoever misses a file finds the reason."""
    text = index_section(repository(write(tmp_path / "r", FILES), tmp_path / "cache").view())
    assert "<td>python</td><td>1</td>" in text
    assert "<td>javascript</td><td>1</td>" in text
    assert re.search(r"<summary>1: [^<]*binary[^<]*</summary><ul><li>logo.py</li>", text)


def test_the_places_are_data_that_cannot_leave_their_element(tmp_path: Path) -> None:
    """A repository may hold text that ends a script."""
    view = repository(write(tmp_path / "r", FILES), tmp_path / "cache").view()
    text = search_section(
        view, ["where is a retry scheduled", "close the page", "where is a retry scheduled"]
    )
    data = text.partition('id="places">')[2].partition("</script>")[0]
    places = json.loads(data)
    assert {one["place"] for one in places} == {"src/retry.py:1-2", "src/page.js:1-1"}
    assert any("</script><b>" in one["text"] for one in places)
    assert text.count("</script>") == 2

"""Places after the best are shown by the lines that name them and match the question."""

from pathlib import Path

from fakes import repository, write

from mcp_server.messages.extract import EXTRACT_CHARS
from mcp_server.messages.replies import EXTRACTS, Layout, search_reply
from mcp_server.messages.sections import sections_of
from retrieval.search.searcher import Request, search

STEPS = [f"    step_{i} = prepare(option_{i}, default_{i})" for i in range(14)]


def shop(number: int) -> str:
    """Write a function whose last but one line speaks of refunds."""
    steps = "\n".join(line.replace("option", f"option{number}") for line in STEPS)
    refund = f"    refunds.{'issue_' * number}all(basket)\n    return basket\n"
    return f"def checkout_{number}(basket):\n{steps}\n{refund}"


def reply_to(tmp_path: Path, question: str) -> list[str]:
    """Return the blocks of a reply, a line each where only a heading is shown."""
    files = {f"shop/checkout_{i}.py": shop(i) for i in range(1, 6)}
    view = repository(write(tmp_path / "r", files), tmp_path / "cache").view()
    request = Request(question, 8)
    answer = search(view, request, None)
    text = search_reply(
        answer, sections_of(answer.results, view), request=request, source="r", layout=Layout(24_000)
    )
    _, *blocks = text.partition("\n\n")[2].split("\n\n")
    return blocks


def test_an_extract_has_the_name_and_the_lines_that_match(tmp_path: Path) -> None:
    """The first lines of a function say little of what it does at its end."""
    second = reply_to(tmp_path, "where does checkout give refunds")[0].split("\n")
    code = [line.partition(" | ")[2] for line in second[1:]]
    assert code[0].startswith("def checkout_")
    assert "…" in second[2]
    assert any("refunds." in line for line in code)
    assert sum(len(line) + 1 for line in code) <= EXTRACT_CHARS + len(second)


def test_only_the_next_places_have_code(tmp_path: Path) -> None:
    """A place costs little and helps to choose; eight extracts would cost more than the next look."""
    blocks = reply_to(tmp_path, "where does checkout give refunds")
    assert sum("\n" in block and " | " in block for block in blocks) == EXTRACTS
    headings = blocks[EXTRACTS].split("\n")
    assert [line.partition(".")[0] for line in headings] == ["4", "5"]


def test_the_name_is_shown_where_no_word_matches(tmp_path: Path) -> None:
    """Another language, or a file's name, may be all that matched."""
    blocks = reply_to(tmp_path, "checkout_2.py checkout_3.py checkout_4.py")
    assert all("def checkout_" in block for block in blocks[:EXTRACTS])

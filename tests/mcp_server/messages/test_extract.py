"""Places after the best are shown by the lines that name them and match the question."""

from pathlib import Path

import pytest
from fakes import repository, write

from mcp_server.messages.blocks import block_of
from mcp_server.messages.replies import PARTS, Layout, search_reply
from mcp_server.messages.sections import sections_of
from retrieval.search.searcher import Request, search

STEPS = [f"    step_{i} = prepare(option_{i}, default_{i})" for i in range(14)]


def shop(number: int) -> str:
    """Write a function whose last but one line speaks of refunds."""
    steps = "\n".join(line.replace("option", f"option{number}") for line in STEPS)
    refund = f"    refunds.{'issue_' * number}all(basket)\n    return basket\n"
    return f"def checkout_{number}(basket):\n{steps}\n{refund}"


def text_of(tmp_path: Path, files: dict[str, str], request: Request) -> str:
    """Return the reply about a repository of these files."""
    view = repository(write(tmp_path / "r", files), tmp_path / "cache").view()
    answer = search(view, request, None)
    sections = sections_of(answer.results, view)
    return search_reply(answer, sections, request=request, source="r", layout=Layout(24_000))


def reply_to(tmp_path: Path, question: str) -> list[str]:
    """Return the blocks of a reply, a line each where only a heading is shown."""
    files = {f"shop/checkout_{i}.py": shop(i) for i in range(1, 8)}
    text = text_of(tmp_path, files, Request(question, 8))
    _, *blocks = text.partition("\n\n")[2].split("\n\n")
    return blocks


def test_an_extract_has_the_name_and_the_lines_that_match(tmp_path: Path) -> None:
    """The first lines of a function say little of what it does at its end."""
    second = reply_to(tmp_path, "where does checkout give refunds")[0].split("\n")
    code = [line.partition(" | ")[2] for line in second[1:]]
    assert code[0].startswith("def checkout_")
    assert "…" in second[2]
    assert any("refunds." in line for line in code)
    assert sum(len(line) + 1 for line in code) <= PARTS[1].extract + len(second)


def test_only_the_next_places_have_code(tmp_path: Path) -> None:
    """A place costs little and helps to choose; eight extracts would cost more than the next look."""
    blocks = reply_to(tmp_path, "where does checkout give refunds")
    assert sum("\n" in block and " | " in block for block in blocks) == len(PARTS) - 1
    headings = blocks[len(PARTS) - 1].split("\n")
    assert [line.partition(".")[0] for line in headings] == ["6", "7"]


def test_the_name_is_shown_where_no_word_matches(tmp_path: Path) -> None:
    """Another language, or a file's name, may be all that matched."""
    blocks = reply_to(tmp_path, "checkout_2.py checkout_3.py checkout_4.py")
    assert all("def checkout_" in block for block in blocks[: len(PARTS) - 1])


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        (
            "a.py",
            'def drain(queue):\n    """Empty the queue."""\n    queue.clear()\n',
            '2 |     """Empty the queue."""',
        ),
        (
            "a.go",
            "// Drain empties the queue.\nfunc Drain(q *Queue) {\n\tq.Clear()\n}\n",
            "1 | // Drain empties the queue.",
        ),
        (
            "a.rs",
            "/// Empties the queue.\n#[must_use]\npub fn drain(q: &Queue) -> u8 {\n    q.clear()\n}\n",
            "1 | /// Empties the queue.",
        ),
        (
            "a.ts",
            "/**\n * Empties the queue.\n */\nexport function drain(q: Queue) {\n  q.clear()\n}\n",
            "2 |  * Empties the queue.",
        ),
        (
            "a.lua",
            "--- Empties the queue.\nlocal function drain(q)\n  q:clear()\nend\n",
            "1 | --- Empties the queue.",
        ),
        ("a.rb", "def drain(queue)\n  queue.clear\nend\n", ""),
        ("notes.txt", "\nThe queue is drained at night.\n", "2 | The queue is drained at night."),
    ],
)
def test_a_place_by_its_heading_says_what_it_does(tmp_path: Path, name: str, code: str, said: str) -> None:
    """A name alone looks like noise; with the first line of its documentation a reader knows."""
    view = repository(write(tmp_path / "r", {name: code}), tmp_path / "cache").view()
    answer = search(view, Request("drain the drained queue", 8), None)
    (section,) = sections_of(answer.results, view)
    assert block_of(section, 1, "drain").gist == said


def test_a_page_has_as_many_numbers_as_places_were_asked_for(tmp_path: Path) -> None:
    """Two long halves of one function are one place, and the next page begins where this one ends."""
    files = {}
    for n in range(6):
        steps = (f"    basket_{i} = refund(option{n}x{i}, customer{n}x{i}, reason_{i})\n" for i in range(34))
        files[f"shop/a{n}.py"] = f"def refund_{n}(basket):\n{''.join(steps)}    return basket\n"
    view = repository(write(tmp_path / "r", files), tmp_path / "cache").view()
    seen: list[str] = []
    for offset in (0, 2, 4):
        request = Request("refund basket customer reason option", 2, offset=offset)
        answer = search(view, request, None)
        sections = sections_of(answer.results, view)
        assert len(sections) == 2
        seen += [section.place.span for section in sections]
        text = search_reply(answer, sections, request=request, source="r", layout=Layout(24_000))
        assert f"\n{offset + 2}. " in text
        assert f"\n{offset + 3}. " not in text
        assert f"offset={offset + 2}" in text
    assert len(set(seen)) == 6


def test_all_lines_of_a_long_place_are_at_hand(tmp_path: Path) -> None:
    """A reply shows a part of a place that is longer than a screen; who asks for all of it gets it."""
    rows = [f"    basket_{i} = refund(option_{i}, customer_{i}, reason_{i}, currency_{i})" for i in range(60)]
    code = "\n".join(["def refund_all(basket):", *rows, "    return basket", ""])
    view = repository(write(tmp_path / "r", {"shop/a.py": code}), tmp_path / "cache").view()
    answer = search(view, Request("refund basket customer reason currency", 8), None)
    (section, *_) = sections_of(answer.results, view)
    block = block_of(section, 1, "refund", PARTS[0])
    assert len(block.part) < len(section.lines)
    shown = [line for line in block.full if " | " in line]
    assert [line.partition(" | ")[2] for line in shown[-len(section.lines) :]] == list(section.lines)


def refunds(count: int) -> str:
    """Return a file of functions that are each a chunk and a place of their own."""
    body = "".join(f"    step_{i} = prepare(option_{i}, default_{i})\n" for i in range(20))
    return ("\n" * 6).join(f"def refund_{chr(97 + number)}(customer):\n{body}" for number in range(count))


def also(text: str) -> list[str]:
    """Return the lines that name what else files define."""
    return [line.partition("also: ")[2] for line in text.split("\n") if "  also: " in line]


def test_what_else_the_best_file_defines_is_named(tmp_path: Path) -> None:
    """The right file often comes first with other lines than the right ones."""
    files = {"shop/refunds.py": refunds(3), "shop/cake.py": "def cake(): ...\n"}
    text = text_of(tmp_path, files, Request("how is refund_b prepared", 1))
    assert also(text) == ["refund_a 1-21, refund_c 55-75"]


def test_a_next_page_does_not_name_what_the_one_before_showed(tmp_path: Path) -> None:
    """Who turns a page has seen it."""
    view = repository(write(tmp_path / "r", {"shop/refunds.py": refunds(6)}), tmp_path / "cache").view()
    for offset, named in ((0, 4), (2, 2), (4, 0)):
        answer = search(view, Request("prepare the refund of a customer", 2, offset=offset), None)
        assert len(answer.results[0].beyond) == named


def test_a_name_that_is_too_long_hides_no_other(tmp_path: Path) -> None:
    """Generated code has names of hundreds of characters."""
    code = refunds(3).replace("refund_a", f"refund_a{'x' * 200}")
    text = text_of(tmp_path, {"shop/refunds.py": code}, Request("how is refund_b prepared", 1))
    assert also(text) == ["refund_c 55-75"]


def test_nothing_is_named_by_lines_that_changed(tmp_path: Path) -> None:
    """The lines of the index are those of another version."""
    root = write(tmp_path / "r", {"shop/refunds.py": refunds(3)})
    opened = repository(root, tmp_path / "cache")
    answer = search(opened.view(), Request("how is the refund of a customer prepared", 1), None)
    (before,) = sections_of(answer.results, opened.view())
    write(root, {"shop/refunds.py": f"# new\n{refunds(3)}"})
    (after,) = sections_of(answer.results, opened.view())
    assert (len(before.beside), len(after.beside)) == (2, 0)

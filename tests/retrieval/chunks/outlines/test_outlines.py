"""A section that begins on the wrong line is a definition that nobody finds, or a chunk cut in two."""

import doctest
import json
from pathlib import Path

import pytest
from fakes import repository, searched
from hypothesis import given, settings
from hypothesis import strategies as st
from snippets.parts import PARTS, QUESTIONS
from snippets.sections import SECTIONS

from retrieval.chunks import chunker, parser_pool
from retrieval.chunks.outlines import components, headings, notebook, outline
from retrieval.chunks.split_file import split
from retrieval.files import languages
from retrieval.search.searcher import Request

SAMPLES = Path(__file__).parents[3] / "samples"


def listed(name: str) -> list[str]:
    """Write the sections of a sample as the table has them."""
    lines = chunker.lines_of((SAMPLES / name).read_text(encoding="utf-8"))
    return [
        f"{item.first + 1}-{item.last + 1} {item.kind or '-'} {item.name}".rstrip()
        for item in outline.sections(languages.language_of(name), lines)
    ]


def cut(name: str, text: str, *, size: int = 200) -> list[str]:
    """Write the chunks of a file as the table has them."""
    return [
        f"{chunk.start_line}-{chunk.end_line} {chunk.kind} {chunk.symbol} < {chunk.scope}".replace(
            "  ", " "
        ).strip()
        for chunk in chunker.chunk_file(name, text, size=size)
    ]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_sample_has_exactly_the_sections_that_a_reader_sees(name: str) -> None:
    """Names, kinds and lines, with the comment above and without what is local."""
    assert listed(name) == [line.strip() for line in SECTIONS[name].strip().splitlines()]


@pytest.mark.parametrize("name", PARTS)
def test_each_part_of_a_file_is_split_by_its_own_language(name: str) -> None:
    """A component holds script, style and markup; a notebook holds code and prose."""
    found = cut(name, (SAMPLES / name).read_text(encoding="utf-8"))
    assert found == [line.strip() for line in PARTS[name].strip().splitlines()]


def test_there_is_a_sample_of_every_language_with_sections() -> None:
    """A language that is added brings a file along."""
    sampled = {languages.language_of(path.name) for path in SAMPLES.iterdir()}
    seldom = {"asciidoc", "ini", "latex", "rst", "vim"}
    assert {name for name in languages.names() if outline.has_outline(name)} - seldom <= sampled
    assert components.HOSTS | {"jupyter"} <= sampled


def test_a_question_finds_the_lines_that_answer_it(tmp_path: Path) -> None:
    """Found by the name of the language that people use, with the file and the line first."""
    files = repository(SAMPLES, tmp_path / "cache")
    for row in QUESTIONS.strip().splitlines():
        language, path, line, *words = row.split()
        answer = searched(files, Request(" ".join(words), 3, language=language))
        best = answer.results[0].passage.chunk
        assert best.path == path, row
        assert best.start_line <= int(line) <= best.end_line, row


def test_a_notebook_is_searched_as_people_read_it() -> None:
    """Outputs, images and metadata are written by no one; quotes and commas are JSON's, not the author's."""
    text = (SAMPLES / "queue.ipynb").read_text(encoding="utf-8")
    found = split("queue.ipynb", text.encode())
    words = b" ".join(item.body for item in found.chunks)
    assert b" drift " in words
    assert b" wobblefish " not in words
    assert b" setup " not in words
    assert not found.note, "an image that is left out is no loss"
    lines = text.split("\n")
    shown = [line for item in found.chunks for line in lines[item.chunk.start_line - 1 : item.chunk.end_line]]
    assert len(shown) == 28
    assert not any("image/png" in line or "cell_type" in line for line in shown), "cells are cited alone"
    read = chunker.shown_lines("queue.ipynb", chunker.lines_of(text))
    assert "def drift(weights: pd.DataFrame) -> pd.Series:" in read


@pytest.mark.parametrize(
    ("kernel", "code", "name"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}}, "weigh <- function(x) x", "weigh"),
        ({"kernelspec": {"name": "julia-1.10"}}, "function weigh(x)\n  x\nend", "weigh"),
        ({"language_info": {"name": "scala"}}, "def weigh(x: Int) = x", "weigh"),
        ({"language_info": {"name": "klingon"}}, "def weigh(x): pass", ""),
        ({}, "!pip install scale\ndef weigh(x): pass", "weigh"),
    ],
    ids=["r", "julia", "scala", "unknown", "unsaid"],
)
def test_a_cell_is_parsed_in_the_language_of_its_kernel(
    kernel: dict[str, object], code: str, name: str
) -> None:
    """Half of the notebooks of statisticians are R, and a shell command in a cell is no Python."""
    cell = {"cell_type": "code", "source": code.splitlines(keepends=True)}
    text = json.dumps({"cells": [cell], "metadata": kernel}, indent=1)
    (chunk,) = chunker.chunk_file("a.ipynb", text)
    assert chunk.symbol == name
    assert chunk.start_line == 6


def test_old_notebooks_and_cells_on_one_line_are_read() -> None:
    """Format 3 calls the source `input`, and some tools write a cell as one string."""
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["def weigh(): pass"]}]}]}
    (chunk,) = chunker.chunk_file("a.ipynb", json.dumps(old, indent=1))
    assert chunk.symbol == "weigh"
    one = {"cells": [{"cell_type": "markdown", "source": "# Title\n\nand a text"}]}
    assert chunker.shown_lines("a.ipynb", [json.dumps(one)]) == ["# Title  and a text"]


def test_a_heading_is_no_line_of_code_and_no_rule() -> None:
    """A comment of a script in a document must not become its title."""
    text = [
        "---",
        "title: x",
        "---",
        "A",
        "=",
        "",
        "```sh",
        "# no",
        "```",
        "~~~",
        "# no",
        "~~~",
        "- a",
        "---",
        "## B #",
    ]
    assert list(headings.markdown(text)) == [(3, 1, "A"), (14, 2, "B")]


def test_headings_of_other_documents_are_read() -> None:
    """Underlines rank by their first use, as docutils reads them."""
    text = ["=====", "Depot", "=====", "", "Ramp", "----", "x", "", "Bell", "~~~~", "", "Yard", "----"]
    assert list(headings.restructured(text)) == [
        (0, 1, "Depot"),
        (4, 2, "Ramp"),
        (8, 3, "Bell"),
        (11, 2, "Yard"),
    ]
    assert [item.name for item in outline.sections("asciidoc", ["= A", "", "== B", "text"])] == ["A", "B"]
    assert [item.name for item in outline.sections("ini", ["[a b]", "x = 1"])] == ["a b"]


@pytest.mark.parametrize("suffix", [".m", ".v"])
def test_a_suffix_of_two_languages_finds_the_definitions_of_both(suffix: str) -> None:
    """`.m` is Objective-C or MATLAB, `.v` Verilog or Coq; a filter for either shows the file."""
    lines = {
        ".m": ["function total = weigh(parcels)", "end", "- (void)load {"],
        ".v": ["Theorem weigh : forall n, n = n.", "Qed.", "module load;"],
    }[suffix]
    language = languages.language_of(f"a{suffix}")
    assert [item.name for item in outline.sections(language, lines)] == ["weigh", "load"]
    other = {".m": "matlab", ".v": "coq"}[suffix]
    assert suffix in languages.suffixes(other)


HOSTILE = {
    "empty": "",
    "blank": "\n\n \n",
    "minified": "a{b:c}" * 20_000,
    "nested": "".join(f"{' ' * depth}a {{\n" for depth in range(700)),
    "opened": "(" * 40_000 + "\n" + "{\n" * 20_000,
    "keys": "a: b\n" * 30_000,
    "headings": "# a\n" * 30_000,
    "tags": "<script>\n" * 8_000,
    "pairs": "<style></style>\n" * 8_000,
    "attributes": "<script " + "a='b' " * 20_000,
    "quotes": '"' * 50_001 + "\n" + "'" * 50_001,
    "json": '[{"cells": [' * 8_000,
    "stars": "/*\n" * 20_000,
    "words": "def " * 120 + "\n" + ("function " * 55 + "(\n") * 200,
    "spaces": (" " * 490 + "(\n") * 200,
}


@pytest.mark.slow(reason="hostile files in every language")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_split_within_its_budget(kind: str) -> None:
    """What a stranger commits costs a second at most, in every language, and no line is lost."""
    for path in sorted(SAMPLES.iterdir()):
        language = languages.language_of(path.name)
        if not outline.has_outline(language) and language not in components.HOSTS | {"jupyter"}:
            continue
        text = HOSTILE[kind]
        chunks = parser_pool.cut(path.name, text).chunks
        lines = chunker.lines_of(text)
        seen = chunker.readable(chunker.shown_lines(path.name, lines))
        covered = [row for chunk in chunks for row in range(chunk.start_line, chunk.end_line + 1)]
        assert covered == sorted(set(covered)), path.name
        assert {row for row, line in enumerate(seen, 1) if line.strip()} <= set(covered), path.name


@pytest.mark.parametrize("name", [*SECTIONS, *PARTS])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_damaged_sample_is_covered_exactly(name: str, data: st.DataObject) -> None:
    """People search while they type: every line that is searched is in one chunk."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    noise = data.draw(st.text(max_size=20)).replace("\r", "")
    text = text[:start] + noise + text[end:]
    lines = chunker.lines_of(text)
    seen = chunker.readable(chunker.shown_lines(name, lines))
    chunks = chunker.chunk_file(name, text, size=data.draw(st.integers(20, 800)))
    covered = [row for chunk in chunks for row in range(chunk.start_line, chunk.end_line + 1)]
    assert covered == sorted(set(covered))
    assert {row for row, line in enumerate(seen, 1) if line.strip()} <= set(covered)


@pytest.mark.parametrize("module", [components, headings, notebook, outline])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    """They are what a reader tries first."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module

"""A section that begins on the wrong line is a definition that nobody finds, or a chunk cut in two."""

import doctest
import json
from pathlib import Path

import pytest
from fakes import repository, searched
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunks import chunker, parser_pool
from retrieval.chunks.outlines import components, headings, notebook, outline
from retrieval.chunks.split_file import split
from retrieval.files import languages
from retrieval.search.searcher import Request

SAMPLES = Path(__file__).parents[3] / "samples"
# The sections of each sample: first and last line with the comment above, kind, name.
SECTIONS = {
    "queue.clj": """
        1-3 module depot.queue
        5-5 variable max-attempts
        7-7 variable waiting
        9-9 class Parcel
        11-12 interface Vehicle
        14-17 function heavy?
        19-22 function send-back
        24-30 function postpone
        32-34 function carry
        36-37 macro with-ramp
    """,
    "queue.cmake": """
        2-2 section depot
        4-4 variable DEPOT_WITH_SCALE
        5-8 variable DEPOT_SOURCES
        10-16 function depot_add_test
        18-20 macro depot_warnings
        22-22 target depot
        26-26 section libusb
        27-27 target simulated_scale
        30-30 target loader
    """,
    "queue.css": """
        1-5 rule :root
        7-13 rule .board--wide
        15-19 rule .board__row--overdue > td:first-child
        21-23 rule @keyframes blink
        25-36 rule @media print
        26-30 rule .board__row--overdue
        32-35 rule .toolbar
        38-41 function stamped
    """,
    "queue.dart": """
        3-3 type Carry
        5-5 enum Care
        7-14 class Parcel
        9-9 method Parcel
        13-13 variable isHeavy
        16-18 class Vehicle
        20-22 class Audited
        21-21 method log
        24-45 class ParcelQueue
        26-26 method ParcelQueue.empty
        28-37 method postpone
        39-42 method byStreet
        47-49 class Heavy
        48-48 variable kilos
    """,
    "queue.dockerfile": """
        1-2 -
        4-10 stage builder
        6-8 -
        9-9 -
        10-10 -
        12-21 stage runtime
        13-14 -
        15-15 -
        16-16 -
        17-18 -
        19-19 -
        20-20 -
        21-21 -
        23-24 -
        24-24 -
    """,
    "queue.erl": """
        1-5 module queue_of_parcels
        7-7 macro MAX_ATTEMPTS
        9-9 struct parcel
        11-11 type care
        13-15 function start_link
        17-19 function init
        21-25 function postpone
        27-30 function handle_call
        32-33 function send_back
    """,
    "queue.f90": """
        1-41 module depot_queue
        10-14 struct parcel
        16-20 interface weigh
        22-26 function is_heavy
        28-34 function postpone
        36-41 function weigh_one
        43-46 module night
    """,
    "Queue.fs": """
        1-2 module Depot.Queue
        6-8 type Care
        10-11 type Parcel
        13-13 variable maxAttempts
        15-16 function isHeavy
        18-26 function postpone
        28-29 type IVehicle
        29-29 method Load
        31-40 type Ramp
        32-32 variable busy
        33-33 method Number
        34-37 method Ring
        38-38 method Default
        40-40 method Dispose
        42-43 module Rounds
        43-43 function start
    """,
    "queue.graphql": """
        1-7 type Parcel
        9-12 enum Care
        14-17 type PostponeInput
        19-19 type Destination
        21-21 type DateTime
        23-23 macro ramp
        25-29 type Mutation
        31-33 interface Node
        35-39 function WaitingParcels
        41-44 function ParcelLine
    """,
    "Queue.groovy": """
        5-12 class Parcel
        11-11 method isHeavy
        14-16 interface Vehicle
        15-15 function load
        18-18 enum Care
        20-40 class ParcelQueue
        23-31 method postpone
        33-35 function the heaviest parcel is taken first
        37-39 function ring
        42-50 section pipeline
        44-48 section Weigh every parcel again
        52-54 section sendSums
    """,
    "queue.jl": """
        3-4 module Depot
        8-8 constant MAX_ATTEMPTS
        10-10 type Vehicle
        12-16 struct Parcel
        18-21 struct Queue
        23-24 function is_heavy
        26-34 function postpone!
        36-38 function Base.length
        40-42 macro ramp
    """,
    "Queue.m": """
        3-3 macro MAX_ATTEMPTS
        5-10 enum DPTCare
        12-14 interface DPTVehicle
        13-14 method loadParcel
        16-20 class DPTParcel
        18-20 method isHeavy
        22-28 class DPTParcel
        24-28 method isHeavy
        30-53 class DPTQueue
        34-37 method sharedQueue
        39-49 method postponeParcel
        51-53 function kilosOf
    """,
    "queue.md": """
        5-34 section The delivery queue
        9-23 section How a parcel is postponed
        20-23 section Holidays
        25-29 section Loading the van
        31-34 section queue.drain() and its limits
    """,
    "queue.mk": """
        1-2 variable RAMP
        3-3 variable SCALES
        4-4 variable DEPOT
        6-7 target all
        9-12 target weigh
        14-15 target %.sum
        17-18 target build report-folder
        20-22 function letter
        24-26 target report
    """,
    "queue.ml": """
        5-5 type care
        7-7 type queue
        8-8 type parcel
        10-10 constant Overloaded
        12-12 variable max_attempts
        14-15 function is_heavy
        17-27 function postpone
        29-35 module Round
        30-30 type t
        32-32 function start
        34-34 function length
        37-39 module VEHICLE
        38-38 function load
        41-45 class ramp
        43-43 method number
        44-44 method ring
    """,
    "queue.nix": """
        5-5 variable version
        7-16 variable scaleDriver
        9-9 variable pname
        11-14 variable src
        15-15 variable buildInputs
        18-18 function rampName
        20-26 function mkService
        29-29 variable packages.loader
        30-31 variable systemd.services.loader
        32-35 function meta
    """,
    "Queue.pm": """
        1-1 module Depot::Queue
        5-5 constant MAX_ATTEMPTS
        7-7 section Postponing a parcel
        13-17 function new
        19-28 function postpone
        30-33 function _send_back
        35-35 module Depot::Ramp
        37-37 function number
    """,
    "queue.proto": """
        5-10 enum Care
        12-27 struct Parcel
        17-20 struct destination
        22-26 struct Locker
        29-29 struct PostponeRequest
        30-33 struct PostponeReply
        35-42 interface Queue
        36-37 method Postpone
        38-41 method Drain
    """,
    "Queue.ps1": """
        7-10 enum Care
        12-24 class Parcel
        16-19 method IsHeavy
        21-23 method Parse
        26-38 function Suspend-Parcel
        40-42 function Send-ParcelBack
        44-44 function Select-Heavy
    """,
    "queue.r": """
        4-4 variable MAX_ATTEMPTS
        6-16 function postpone
        18-18 function weigh street
        20-31 class Queue
        23-29 function take
        33-33 class Ramp
        34-34 function load_van
    """,
    "Queue.sol": """
        6-6 type Overloaded
        8-10 interface IVehicle
        9-9 function load
        12-17 module Weights
        13-16 function isHeavy
        19-52 class Queue
        23-26 struct Parcel
        28-28 enum Care
        30-30 type Postponed
        34-37 function onlyLoader
        39-41 method constructor
        43-49 function postpone
        51-51 method receive
    """,
    "queue.sql": """
        1-8 table parcels
        10-10 index parcels_by_hour
        12-17 view overdue parcels
        19-30 function postpone
        32-33 trigger parcels_audit
        35-35 section parcels
        37-38 section weigh-street
    """,
    "queue.sv": """
        1-2 macro MAX_ATTEMPTS
        4-11 module depot_pkg
        5-5 type care_e
        7-11 function is_heavy
        13-16 interface belt_if
        18-40 module postpone
        28-31 -
        33-40 function ring_bell
        42-44 class scoreboard
    """,
    "queue.tf": """
        1-4 variable depot
        6-9 section locals
        11-16 resource aws_sqs_queue.returns
        18-26 resource aws_sqs_queue.waiting
        28-33 data aws_iam_policy_document.loader
        35-38 module board
        40-42 output queue_url
    """,
    "queue.toml": """
        4-9 section ramp
        11-18 section tariffs.heavy
        20-28 section rounds
    """,
    "queue.yaml": """
        2-20 section services
        3-12 section loader
        4-4 section image
        5-5 section command
        6-10 section environment
        11-12 section depends_on
        13-20 section ledger
        14-14 section image
        15-16 section volumes
        17-20 section healthcheck
        21-23 section volumes
        22-23 section ledger-data
        23-23 section driver
        24-33 section jobs
        25-33 section nightly
        26-33 section steps
        34-34 section quoted key
        35-42 section
        36-36 section kind
        37-38 section metadata
        38-38 section name
        39-42 section data
        40-41 section heavy
        42-42 section limit
    """,
}
# The chunks of files with parts in several languages: lines, kind and name of the main definition, its scope.
PARTS = {
    "Queue.astro": """
        1-8 interface Props <
        10-17 function byStreet <
        19-20 constant streets <
        22-22  <
        23-26 section Rounds of the depot {depot} <
        27-29 section Streets that nobody drives to < Rounds of the depot {depot}
        31-34 rule ol <
        36-42 function refreshOnReturn <
    """,
    "Queue.svelte": """
        1-3 constant LIMIT <
        5-11 variable courier <
        13-17 function refill <
        19-25 function signOff <
        27-33 section Parcels of {courier} <
        35-41 rule .warning <
    """,
    "Queue.vue": """
        1-2  <
        3-6 section Deliveries that wait <
        7-12  < Deliveries that wait
        14-20 interface Parcel <
        22-23 constant urgent <
        25-32 function postpone <
        34-47 rule .queue <
    """,
    "queue.html": """
        1-9 rule tr.overdue td <
        10-11  <
        12-13 section The depot at a glance <
        14-16 section Opening hours of the ramp < The depot at a glance
        17-19 section Lost & found < The depot at a glance
        20-28 function markOverdue <
        29-30  <
    """,
    "queue.ipynb": """
        8-11 section Weights of the night <
        33-34  <
        37-40 function drift <
        48-50 section Which parcels are weighed again <
        71-71 constant LIMIT <
        74-78 class Recheck <
        80-82 method choose < Recheck
        92-92  <
    """,
}
# A question that only the right lines answer, asked with a name for the language that people use.
QUESTIONS = """
astro          Queue.astro       10  which parcels go to one street
clj            queue.clj         25  put a parcel off until the next working day
cmake          queue.cmake       11  test that runs with a simulated scale
css            queue.css         16  overdue row blinks
dart           queue.dart        28  put a parcel off until the next working day
docker         queue.dockerfile   5  compile the driver of the scale
erlang         queue.erl         22  put a parcel off, the third time it goes back
f90            queue.f90         29  put a parcel off until the next working day
f#             Queue.fs          19  put a parcel off until the next working day
gql            queue.graphql     28  office may change: postpone a parcel
gradle         Queue.groovy      44  weigh every parcel again
html           queue.html        15  opening hours of the ramp
jupyter        queue.ipynb       38  relative difference between scale and declared weight
jl             queue.jl          28  put a parcel off until the next working day
objc           Queue.m           40  put a parcel off
markdown       queue.md          20  calendar of the region on a holiday
makefile       queue.mk          10  stop when a scale does not answer
ocaml          queue.ml          18  put a parcel off
nix            queue.nix          8  driver of the scale without a release
perl           Queue.pm          20  put a parcel off, back to its sender
proto          queue.proto       37  put a parcel off until the next working day
pwsh           Queue.ps1         27  put a parcel off until the next working day
r              queue.r           10  put a parcel off until the next working day
sol            Queue.sol         44  put a parcel off, back to its sender
postgresql     queue.sql         20  put a parcel off, third time it goes back
svelte         Queue.svelte      14  ask the depot which parcels wait
systemverilog  queue.sv          34  ring the bell at the side door
terraform      queue.tf          12  parcels that were tried three times
toml           queue.toml        11  weight above which two people carry
vue            Queue.vue         27  put a parcel off until tomorrow and tell the courier
yml            queue.yaml        27  weigh every parcel again
"""


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

"""A citation is only as good as its lines: exact, complete, and each line once."""

import os
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snippets import SNIPPETS

from retrieval.chunks import chunker
from retrieval.chunks.chunker import chunk_file, chunk_text, lines_of
from retrieval.chunks.definition_queries import PATTERNS
from retrieval.chunks.outlines.spans import CRUMB_CHARS
from retrieval.files import languages
from retrieval.files.encoding import decode
from retrieval.records import Chunk
from retrieval.text import digest

SAMPLES = {
    path.name: path
    for path in sorted((Path(__file__).parents[2] / "samples").iterdir())
    if languages.language_of(path.name) in PATTERNS
}
# What a person would name first when asked what is in the file.
MAIN = {
    "Queue.cs": "Urgency Shipment ICarrier HandOverAsync DispatchQueue Add DispatchAsync GiveUp",
    "Queue.hs": "Priority Task Verdict Summary Queue empty submit backoff runUntilIdle",
    "Queue.java": "Queue Tariff Haulier haul Wreck Consignment load wrecks poll",
    "Queue.kt": "Service Receipt Courier deliver ParcelQueue post deliverAll shelve retry",
    "Queue.php": "DEFAULT_BATCH State Mailer CountsTries Letter Queue push count run again remaining",
    "Queue.scala": "Channel Reminder Outcome Gateway ReminderQueue pauseFor push run settle störungen main",
    "Queue.swift": "Urgency UploadError Uploader Photo hinweis UploadQueue push run settle pause summary",
    "queue.c": "COURIER_CAPACITY courier_verdict parcel courier precedes courier_accept courier_round",
    "queue.cpp": "outbox Lane Backoff Outbox Undelivered put stop run Entry",
    "queue.ex": "Job Queue is_late rank start_link push handle_continue enqueue now",
    "queue.go": "Class Event Corpse Len Relay New Publish bury Forward",
    "queue.js": "WEIGHTS jittered UndeliverableError WebhookQueue push close #bury run",
    "queue.lua": "WEIGHTS ANSWERS backoff copy new push take drop step report",
    "queue.py": "MAX_ATTEMPTS Priority Painter PictureError Job retrying ThumbnailQueue push results _make",
    "queue.rb": "Library ReservationQueue Reservation AlreadyWaiting load push each returned größe compact!",
    "queue.rs": "MAX_TRIES seconds SendError Sink describe Reading Queue new push step wait",
    "queue.sh": "log backoff_for post drain usage",
    "queue.ts": "Edit Verdict LABELS delayFor logged Queue EditQueue send drain Debug dump connect",
    "queue.zig": "QueueError Verb isUrgent Payload Command before pause Queue push step",
}

SIZE = 100  # so small that a snippet becomes several chunks


def file_of(language: str) -> tuple[str, str]:
    """Return the path and the text of a file in a language."""
    suffix = min(suffix for suffix in languages.suffixes(language) if suffix.startswith("."))
    path = f"src/été{suffix}"
    assert languages.language_of(path) == language
    return path, textwrap.dedent(SNIPPETS[language][0]).lstrip("\n") * 3


def check(path: str, text: str, *, size: int = chunker.CHUNK_CHARS) -> list[Chunk]:
    """Hold a file's chunks against contract 1; return them."""
    lines = lines_of(text)
    chunks = chunk_file(path, text, size=size)
    covered: list[int] = []
    for chunk in chunks:
        assert chunk.path == path
        assert 1 <= chunk.start_line <= chunk.end_line <= len(lines)
        assert lines[chunk.start_line - 1].strip()
        assert lines[chunk.end_line - 1].strip()
        own = chunk_text(lines, chunk.start_line, chunk.end_line)
        assert own == "\n".join(text.split("\n")[chunk.start_line - 1 : chunk.end_line])
        assert chunk.digest == digest(own.encode("utf-8", "surrogatepass"))
        covered.extend(range(chunk.start_line, chunk.end_line + 1))
    assert covered == sorted(set(covered)), "a line is in two chunks, or the chunks are out of order"
    blank = {number for number, line in enumerate(chunker.readable(lines), 1) if not line.strip()}
    assert set(range(1, len(lines) + 1)) - blank <= set(covered), "a line is in no chunk"
    return chunks


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_file_of_every_language_is_covered_exactly(language: str) -> None:
    """The promise behind every `path:start-end` that is printed."""
    chunks = check(*file_of(language), size=SIZE)
    assert len(chunks) > 1
    assert sum(bool(chunk.names) for chunk in chunks) >= len(chunks) // 2


@pytest.mark.parametrize("language", SNIPPETS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_file_of_every_language_is_covered_exactly(language: str, data: st.DataObject) -> None:
    """People search while they type: half a file, stray brackets and foreign bytes are the normal case."""
    path, text = file_of(language)
    cut = data.draw(st.integers(0, len(text)))
    drop = data.draw(st.integers(0, 100))
    noise = data.draw(st.text(max_size=30))
    ending = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    size = data.draw(st.integers(20, 1000))
    check(path, (text[:cut] + noise + text[cut + drop :]).replace("\n", ending), size=size)


def test_there_is_a_sample_of_every_language_that_is_parsed() -> None:
    """A language that is added brings a whole file along, not only a snippet."""
    assert sorted(map(languages.language_of, SAMPLES)) == sorted(PATTERNS)
    assert SAMPLES.keys() == MAIN.keys()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_whole_file_is_covered_exactly_and_its_main_definitions_are_named(name: str, ending: str) -> None:
    """Files as people write them: decorators, scopes in scopes, long lines, names in their own language."""
    text = decode(SAMPLES[name].read_bytes()).text.replace("\n", ending)
    chunks = check(name, text)
    assert len(chunks) > 2
    assert set(MAIN[name].split()) <= {defined for chunk in chunks for defined in chunk.names}
    lines = lines_of(text)
    for chunk in chunks:
        own = chunk_text(lines, chunk.start_line, chunk.end_line)
        assert all(defined in own for defined in chunk.names), "a chunk names what it does not hold"


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_whole_file_that_is_cut_anywhere_is_covered_exactly(name: str, data: st.DataObject) -> None:
    """A file that is being written ends in the middle of a string, a comment, a character of two bytes."""
    content = SAMPLES[name].read_bytes()
    if data.draw(st.booleans()):
        content = content.replace(b"\n", b"\r\n")
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    check(name, decode(content[start:end]).text, size=data.draw(st.integers(20, 1000)))


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_whole_file_with_its_lines_in_disorder_is_covered_exactly(name: str, data: st.DataObject) -> None:
    """A merge gone wrong repeats lines, loses others, and opens what it never closes."""
    lines = decode(SAMPLES[name].read_bytes()).text.split("\n")
    order = data.draw(st.lists(st.sampled_from(range(len(lines))), max_size=2 * len(lines)))
    shuffled = data.draw(st.permutations(range(len(lines)))) if data.draw(st.booleans()) else order
    check(name, "\n".join(lines[row] for row in shuffled))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["", "  ", "\t", "def f():", "    x = 1", "}", "{", "é", "日本", "class A:", "# c", '"""']
        )
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["a.py", "a.md", "a.c", "a.rs", "a.unknown", "Makefile"]),
)
def test_any_lines_are_covered_exactly(lines: list[str], ending: str, final: bool, path: str) -> None:
    """Blank lines, missing final newlines and CRLF shift line numbers in careless chunkers."""
    check(path, ending.join(lines) + (ending if final else ""))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_can_be_chunked(data: bytes) -> None:
    """A file in another encoding is data, not a crash."""
    check("a.py", decode(data).text)


@pytest.mark.parametrize("path", ["a.js", "a.txt", "a.py"])
def test_one_line_of_five_megabytes_is_no_chunk(path: str) -> None:
    """A data file on one line: never a crash, and no chunk that nobody can read."""
    text = "x = [" + "1, " * 1_700_000 + "]"
    assert check(path, text) == []
    assert [chunk.start_line for chunk in check(path, f"{text}\nprint(x)\n")] == [2]


def test_a_deeply_nested_file_does_not_exhaust_the_stack() -> None:
    """A generated expression nests thousands deep; recursion must not follow it."""
    text = "x = " + "(\n" * 3000 + "1" + "\n)" * 3000
    check("a.py", text)


def test_chunks_are_near_the_size_asked_for() -> None:
    """Too small loses context, too large dilutes it: the measured optimum is flat around 750."""
    text = "\n".join(f"def function_{i}(argument):\n    return argument + {i}\n" for i in range(200))
    sizes = [
        len("".join(chunk_text(lines_of(text), chunk.start_line, chunk.end_line).split()))
        for chunk in check("a.py", text)
    ]
    assert max(sizes) <= chunker.CHUNK_CHARS + CRUMB_CHARS
    assert sum(sizes) / len(sizes) > chunker.CHUNK_CHARS / 2


def test_a_function_is_not_torn_from_its_comment() -> None:
    """The comment is what matches a question; the code is what answers it."""
    filler = "\n".join(f"value_{i} = compute({i}, 'some text to fill')" for i in range(20))
    text = f"{filler}\n\n# Spread the retries over time.\n@cached\ndef backoff(n):\n" + "    n += 1\n" * 60
    chunk = next(chunk for chunk in check("a.py", text) if "backoff" in chunk.names)
    assert "# Spread the retries" in chunk_text(lines_of(text), chunk.start_line, chunk.end_line)


def test_a_chunk_names_what_it_defines_and_where() -> None:
    """The heading of a result tells whether it is worth reading."""
    body = "        self.x = self.x + 1\n" * 120
    text = f"class Client:\n    def send(self):\n{body}\n    def close(self):\n        pass\n"
    chunks = check("a.py", text)
    assert (chunks[0].symbol, chunks[0].kind, chunks[0].scope) == ("Client", "class", "")
    assert "send" in chunks[0].names
    assert chunks[1].scope == "Client.send"
    assert chunks[-1].names == ("close",)
    assert chunks[-1].scope == "Client"


def test_a_byte_order_mark_is_no_character() -> None:
    """Windows editors leave one; the first line must still match its pattern."""
    assert decode(b"\xef\xbb\xbfimport os\n").text == "import os\n"
    assert decode("é\n".encode("utf-16")).text == "é\n"


LOGO = f'LOGO = "{"QUJD" * 3_000}"'
WATERMARK = (
    "def stamp_watermark(page):\n    for layer in page.layers:\n        layer.blend(LOGO)\n    return page\n"
)


def test_a_long_line_of_data_costs_a_file_that_line_alone() -> None:
    """An image in a source file made the whole file unfindable."""
    chunks = check("logo.py", f"{LOGO}\n\n\n{WATERMARK}")
    assert [(chunk.symbol, chunk.start_line, chunk.end_line) for chunk in chunks] == [
        ("stamp_watermark", 4, 7)
    ]
    inside = check("logo.py", f"def first():\n    return 1\n{LOGO}\n{WATERMARK}")
    assert inside[0].names == ("first", "stamp_watermark"), "the grammar sees no unfinished string"


def test_paragraphs_on_one_line_are_prose() -> None:
    """Most people who write Markdown break no line, and some languages have no blanks."""
    english = "The scheduler wakes the workers in order of their deadline and hands each the oldest job. " * 8
    japanese = "スケジューラは期限の順にワーカーを起こし、実行できる最も古いジョブを渡す。" * 20
    for paragraph in (english, japanese):
        chunks = check("notes.md", "\n".join([f"- {paragraph}"] * 10))
        assert sum(chunk.end_line - chunk.start_line + 1 for chunk in chunks) == 10


def test_an_unreadable_byte_glues_no_lines_together() -> None:
    """In Shift-JIS a character may end in a backslash, and C goes on with the comment after one."""
    text = decode(
        "// 税率一覧表\nint tax_rate_for(int kind)\n{\n    return kind;\n}\n".encode("shift_jis")
    ).text
    assert check("tax.c", text)[0].symbol == "tax_rate_for"


def test_lines_end_at_newlines_only() -> None:
    """Form feeds and Unicode separators end no line for an editor or for grep."""
    assert lines_of("a\x0cb\u2028c\r\nd") == ["a\x0cb\u2028c\r", "d"]
    assert lines_of("") == []
    assert lines_of("\n") == [""]


CORPUS = os.environ.get("GOLDRANK_CORPUS", "")


@pytest.mark.skipif(
    not CORPUS, reason="GOLDRANK_CORPUS names no folder of repositories to check every file of"
)
def test_every_file_of_a_corpus_is_covered_exactly() -> None:
    """Real files find what generators do not think of."""
    checked = 0
    for path in sorted(Path(CORPUS).rglob("*")):
        if path.is_file() and not path.is_symlink():
            check(path.as_posix(), decode(path.read_bytes()).text)
            checked += 1
    assert checked

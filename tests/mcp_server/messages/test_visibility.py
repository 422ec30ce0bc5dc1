"""No reader is shown less than a model reads, and no reply grows beyond its budget by that."""

import doctest
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from example_repository import MakeWorkspace
from fakes import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp_client import call, connected

from mcp_server.messages import visibility
from mcp_server.messages.visibility import clean

pytestmark = pytest.mark.anyio

TAGS = "".join(map(chr, range(0xE0020, 0xE0030)))
UNSEEN = "\u202e\u2066\u200b\u2060\ufeff\u00ad\u3164\u180e\x07\x1b\x9b" + TAGS
JOINING = "\u200c\u200d\ufe0f\U000e0101"
HOSTILE = st.text(st.sampled_from(UNSEEN + JOINING + "aé👩葛\ud800\n\t \"'\\"), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pass\u200bword", "pass\\u200bword"),
        ("\ufeffdef f", "\\ufeffdef f"),
        ("co\u00adoperate", "co\\u00adoperate"),
        ("const \u3164 = 1", "const \\u3164 = 1"),
        ("admin\u200d", "admin\\u200d"),
        ("x\ufe0f", "x\\ufe0f"),
        ("👍" + "\U000e0101\U000e0102", "👍\\U000e0101\\U000e0102"),
        ("👍\U000e0101", "👍\\U000e0101"),
        ("👍\ufe00\ufe01\ufe00", "👍\\ufe00\\ufe01\\ufe00"),
    ],
)
def test_what_nobody_sees_is_shown(text: str, shown: str) -> None:
    """It parts a name from its double, or spells words for a model alone."""
    assert clean(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cشود",
        "क्\u200dष",
        "👩\u200d💻",
        "👩\u200d❤\ufe0f\u200d👨",
        "葛\U000e0100",
        "❤\ufe0f",
        "é",
        "e\u0301",
    ],
)
def test_what_belongs_to_a_script_stays(text: str) -> None:
    """Text in any language must be readable as it was written."""
    assert clean(text) == text


@given(HOSTILE)
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    """A reply is cleaned again as a whole, after it was measured."""
    once = clean(text)
    assert clean(once) == once
    assert not {unicodedata.category(character) for character in once} & {"Cs", "Zl", "Zp"}
    assert not set(once) & set(UNSEEN)


@given(st.lists(HOSTILE, max_size=6))
def test_clean_lines_stay_clean_side_by_side(lines: list[str]) -> None:
    """Lines are measured one by one."""
    cleaned = "\n".join(map(clean, lines))
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("form", ["code", "full", "paths"])
@given(hostile=st.lists(HOSTILE, min_size=1, max_size=4), query=HOSTILE, max_chars=st.integers(800, 3_000))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_reply_grows_beyond_its_budget(
    workspace: MakeWorkspace,
    tmp_path_factory: pytest.TempPathFactory,
    form: str,
    hostile: list[str],
    query: str,
    max_chars: int,
) -> None:
    """A code is up to ten times as long as the character that it shows."""
    lines = "".join(f"    engine = {text!r} # {text}\n" for text in hostile)
    lines, asked = (text.encode("utf-8", "replace").decode() for text in (lines, f"ignite engine {query}"))
    files = {f"f{i}.py": f"def ignite_{i}():\n{lines}" for i in range(3)}
    root = write(tmp_path_factory.mktemp("house"), files)
    async with connected(workspace(root)) as client:
        reply = await call(client, "rag_search", query=asked, format=form, max_chars=max_chars)
    assert len(reply) <= max_chars
    assert "\n1. f" in reply
    assert not set(reply) & set(UNSEEN)


@pytest.mark.parametrize("form", ["code", "full", "paths"])
@pytest.mark.parametrize("max_chars", [700, 10_000])
async def test_one_file_full_of_unseen_characters_does_not_eat_the_others(
    workspace: MakeWorkspace, tmp_path: Path, form: str, max_chars: int
) -> None:
    """Whoever plants such a file would hide every other result."""
    hidden = "\u202e" * 3_000
    files = {
        "evil.py": f"def ignite_engine():\n    return '{hidden}'\n" + f"# {hidden}\n" * 20,
        "good.py": "def ignite_engine_gently():\n    return 1\n",
    }
    async with connected(workspace(write(tmp_path / "house", files))) as client:
        reply = await call(client, "rag_search", query="ignite engine", format=form, max_chars=max_chars)
    assert len(reply) <= max_chars
    assert "evil.py:1-" in reply
    assert ". good.py:1-2" in reply


async def test_names_full_of_unseen_characters_do_not_eat_the_others(
    workspace: MakeWorkspace, tmp_path: Path
) -> None:
    """A name may have 255 bytes, which are up to 510 characters of codes; folders add to it."""
    folder = "/".join(["\u3164" * 80] * 4)
    files = {f"{folder}/{i}.py": f"def ignite_engine_{i}(): pass\n" for i in range(4)}
    root = write(tmp_path / "house", files | {"good.py": "def ignite_engine(): pass\n"})
    async with connected(workspace(root)) as client:
        reply = await call(client, "rag_search", query="ignite engine")
    assert ". good.py:1-1" in reply
    assert "characters]:1-1" in reply
    assert "cut to fit" not in reply


async def test_labels_and_problems_of_a_ranking_are_bounded(workspace: MakeWorkspace) -> None:
    """Ids and wrong paths are the caller's, who may have copied them from anywhere."""
    texts: list[Any] = [{"text": "retry", "id": f"{i}" + "\U000e0041" * 190} for i in range(12)]
    wrong = ["\u202e" * 5_000 + f"{i}.py" for i in range(30)]
    async with connected(workspace()) as client:
        reply = await call(
            client, "rag_rerank", query="retry" + "\u202e" * 500, candidates=[*texts, *wrong, "src/client.py"]
        )
    assert len(reply) <= 10_000
    assert len([line for line in reply.split("\n") if line.partition(". ")[2].startswith("text ")]) >= 10
    assert reply.count("\n- ") >= 3
    assert "\nnot ranked (30):\n" in reply


async def test_notes_do_not_eat_the_results(workspace: MakeWorkspace) -> None:
    """A call with every slip there is still wants its answer."""
    async with connected(workspace()) as client:
        reply = await call(
            client, "rag_search", question="retry", LIMIT="1", globs="src/", Lang=["python"],
            output="CODE", Budget="700", ReRank="no",
        )  # fmt: skip
    assert len(reply) <= 700
    assert "\nnote: question was read as query\n" in reply
    assert "\nnote: and " in reply
    assert "\n1. src/client.py:1-9" in reply


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that does not run teaches what is not so."""
    assert doctest.testmod(visibility).failed == 0

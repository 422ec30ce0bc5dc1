"""Arguments as clients and models send them: one meaning is taken and told, all else is a clear error."""

import doctest
from typing import Any

import pytest
from example_repository import MakeWorkspace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp_client import call, connected, refused
from pydantic import BaseModel, ValidationError

from mcp_server.messages import argument_forms
from mcp_server.messages.arguments import FeedbackArguments, RerankArguments, SearchArguments, explain
from mcp_server.protocol.tools import build_server

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("given", "read", "notes"),
    [
        ({"top_k": 3.0}, {"top_k": 3}, ()),
        ({"top_k": "3"}, {"top_k": 3}, ('top_k "3" was read as 3',)),
        ({"top_k": " 3 "}, {"top_k": 3}, ('top_k " 3 " was read as 3',)),
        ({"top_k": "3.0"}, {"top_k": 3}, ('top_k "3.0" was read as 3',)),
        ({"top_k": [3]}, {"top_k": 3}, ("top_k [3] was read as 3",)),
        ({"top_k": None}, {}, ()),
        ({"k": None, "top_k": 3}, {"top_k": 3}, ()),
        ({"top_k": None, "k": 3}, {"top_k": 3}, ("k was read as top_k",)),
        ({"top_k": ""}, {}, ('top_k "" was read as not given',)),
        ({"max_chars": "null"}, {}, ('max_chars "null" was read as not given',)),
        ({"rerank": "false"}, {"rerank": False}, ('rerank "false" was read as false',)),
        ({"rerank": "Yes"}, {"rerank": True}, ('rerank "Yes" was read as true',)),
        ({"rerank": 0}, {"rerank": False}, ("rerank 0 was read as false",)),
        ({"rerank": 1.0}, {"rerank": True}, ("rerank 1.0 was read as true",)),
        ({"query": ["x"]}, {"query": ["x"]}, ()),
        ({"query": '["x", "y"]'}, {"query": ["x", "y"]}, ()),
        ({"query": "x", "hints": ["a"]}, {"query": "x", "expect": ["a"]}, ("hints was read as expect",)),
        ({"query": "x", "keywords": "a"}, {"query": "x", "expect": ["a"]}, ("keywords was read as expect",)),
        ({"queries": ["x", "y"]}, {"query": ["x", "y"]}, ("queries was read as query",)),
        ({"query": 7}, {"query": "7"}, ("query 7 was read as 7",)),
        ({"query": True}, {"query": "true"}, ("query true was read as true",)),
        ({"language": None}, {}, ()),
        ({"language": ""}, {}, ('language "" was read as not given',)),
        (
            {"language": ["python", "go"]},
            {"language": "python, go"},
            ('language ["python", "go"] was read as python, go',),
        ),
        (
            {"language": '["python", null]'},
            {"language": "python"},
            ('language "[\\"python\\", null]" was read as python',),
        ),
        ({"language": []}, {}, ("language [] was read as not given",)),
        ({"repo": ["r"]}, {"repo": "r"}, ('repo ["r"] was read as r',)),
        ({"format": "PATHS"}, {"format": "paths"}, ('format "PATHS" was read as paths',)),
        ({"path": "src/"}, {"path": ["src/"]}, ()),
        ({"path": '["src/", "!b"]'}, {"path": ["src/", "!b"]}, ()),
        ({"path": ["src/", None]}, {"path": ["src/"]}, ()),
        ({"path": 2024}, {"path": ["2024"]}, ("path 2024 was read as text",)),
        ({"path": [2024]}, {"path": ["2024"]}, ("path 2024 was read as text",)),
        ({"path": "src/\nlib/\n"}, {"path": ["src/", "lib/"]}, ("path was read as 2 lines",)),
        ({"path": None}, {}, ()),
        ({"topK": 3}, {"top_k": 3}, ("topK was read as top_k",)),
        ({"max-chars": 900}, {"max_chars": 900}, ("max-chars was read as max_chars",)),
        ({"maxResults": 3}, {"top_k": 3}, ("maxResults was read as top_k",)),
        ({"QUERY": "x"}, {"query": "x"}, ("QUERY was read as query",)),
    ],
)
def test_what_can_mean_one_thing_only_is_taken(
    given: dict[str, Any], read: dict[str, Any], notes: tuple[str, ...]
) -> None:
    """A refusal costs a model another turn, and a client that writes numbers so can never be answered."""
    assert argument_forms.read(given, SearchArguments) == (read, notes)
    assert [type(value) for value in argument_forms.read(given, SearchArguments)[0].values()] == [
        type(value) for value in read.values()
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"top_k": 3.5},
        {"top_k": True},
        {"top_k": "three"},
        {"top_k": [1, 2]},
        {"top_k": 1e300},
        {"rerank": 2},
        {"rerank": "perhaps"},
        {"query": ["a", 3.5]},
        {"query": {"text": "a"}},
        {"query": "x", "expect": {"a": 1}},
        {"language": ["python", 3]},
        {"format": "json"},
        {"path": {"glob": "a"}},
        {"top_k": 3, "topK": 4},
        {"topk": 3, "k": 4},
        {"zebra": None},
    ],
)
def test_what_can_mean_two_things_is_refused_by_name(arguments: dict[str, Any]) -> None:
    """A guess that is wrong answers another question than the one that was asked."""
    read, _ = argument_forms.read({"query": "x", **arguments}, SearchArguments)
    with pytest.raises(ValidationError) as caught:
        SearchArguments.model_validate(read)
    said = explain(caught.value, SearchArguments)
    assert any(name in said.partition(". Accepted")[0] for name in arguments)


async def test_forms_are_told_in_the_reply(workspace: MakeWorkspace) -> None:
    """A model that is told writes the next call right."""
    async with connected(workspace()) as client:
        reply = await call(
            client, "rag_search", query="retry", topK="1", language=["python", "markdown"], rerank="no"
        )
    assert "\nnote: topK was read as top_k\n" in reply
    assert '\nnote: top_k "1" was read as 1\n' in reply
    assert '\nnote: language ["python", "markdown"] was read as python, markdown\n' in reply
    assert '\nnote: rerank "no" was read as false\n' in reply
    assert "\n1 place, " in reply


async def test_several_languages_are_searched(workspace: MakeWorkspace) -> None:
    """A person who names two languages wants both and nothing else."""
    async with connected(workspace()) as client:
        reply = await call(
            client, "rag_search", query="retry requests client", language=["typescript", "markdown"], top_k=50
        )
    assert "src/limits.ts" in reply
    assert "README.md" in reply
    assert "src/client.py" not in reply


async def test_too_many_candidates_are_ranked_as_far_as_the_limit_and_told(workspace: MakeWorkspace) -> None:
    """The first two hundred are worth more than an error."""
    texts = [{"text": f"retry the request {i}", "id": f"{i}"} for i in range(250)]
    async with connected(workspace()) as client:
        reply = await call(client, "rag_rerank", query="retry", candidates=texts, top_k=1)
    assert "| 200 candidates |" in reply
    assert "note: 250 candidates were given; the first 200 are read, send the others in another call" in reply


async def test_pasted_lines_are_candidates_of_their_own(workspace: MakeWorkspace) -> None:
    """What grep printed is often passed on as one text."""
    pasted = "src/client.py:7:    def retry\r\nsrc/limits.ts:1:export\n"
    async with connected(workspace()) as client:
        reply = await call(client, "rag_rerank", query="retry", candidates=pasted)
    assert "note: candidates was read as 2 lines" in reply
    assert ". src/client.py:1-9  (" in reply
    assert ". src/limits.ts:1-3  (" in reply


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["", " ", "3", "3.0", "[1]", '["a"]', "{", '{"path": 3}', "src/client.py:1", "\0", "//"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["path", "line", "end", "text", "id", "start_line"]) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
TOOLS: dict[str, type[BaseModel]] = {
    "rag_search": SearchArguments,
    "rag_rerank": RerankArguments,
    "rag_feedback": FeedbackArguments,
}
VALID: dict[str, dict[str, Any]] = {
    "rag_search": {"query": "retry"},
    "rag_rerank": {"query": "retry", "candidates": ["src/client.py"]},
    "rag_feedback": {"query": "retry", "useful": ["src/client.py:1-9"]},
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Choose a tool, one of its arguments and any value."""
    tool = draw(st.sampled_from(sorted(TOOLS)))
    return tool, draw(st.sampled_from(sorted(TOOLS[tool].model_fields))), draw(JSON)


@given(calls())
@settings(max_examples=500, deadline=None)
def test_any_value_is_read_or_refused_by_its_name(drawn: tuple[str, str, Any]) -> None:
    """Whatever a client sends, a model can mend only what an error names."""
    tool, name, value = drawn
    read, notes = argument_forms.read({**VALID[tool], name: value}, TOOLS[tool])
    assert all(name in note for note in notes)
    try:
        TOOLS[tool].model_validate(read)
        said = name
    except ValidationError as error:
        said = explain(error, TOOLS[tool]).partition(". Accepted")[0]
    assert name in said


@given(drawn=st.lists(calls(), min_size=8, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_value_gets_an_answer_or_an_error_that_names_the_argument(
    workspace: MakeWorkspace, drawn: list[tuple[str, str, Any]]
) -> None:
    """A failure inside tells a model nothing and is a bug of ours."""
    server = build_server(workspace(), version="0", feedback=True)
    async with Client(server) as client:
        for tool, name, value in drawn:
            result = await client.call_tool(tool, {**VALID[tool], name: value})
            text = getattr(result.content[0], "text", "")
            assert "failed inside" not in text, (tool, name, value)
            if result.is_error:
                assert name in text or "span" in text or "no such file" in text, text


async def test_a_wrong_number_is_still_an_error_of_the_call(workspace: MakeWorkspace) -> None:
    """Reading forms must not become guessing."""
    async with connected(workspace()) as client:
        assert "top_k: Input should be a valid integer" in await refused(
            client, "rag_search", query="x", top_k="3.5"
        )


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that does not run teaches what is not so."""
    assert doctest.testmod(argument_forms).failed == 0

"""What the tools accept: one pydantic model per tool is its schema and its validation.

Ranges and defaults are in the descriptions too, because Codex strips them from the schema.
"""

from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails

from mcp_server.messages.argument_forms import meant
from mcp_server.messages.replies import Form
from retrieval.errors import shorten
from retrieval.rank.need import MAX_WORDINGS, MOST_GUESSES

MAX_QUERY_CHARS = 8_000  # a long issue text fits; a pasted file is no question
SHOWN_PROBLEMS = 10  # of hundreds of wrong arguments, the eleventh teaches nothing new
MAX_RESULTS = 50  # what a search returns at most
MAX_CANDIDATES = 200  # what a cross-encoder reads in tens of seconds on two cores
MAX_TEXT_CHARS, MAX_ID_CHARS = 20_000, 200  # of a candidate that is in no file

CANDIDATE_FORMS = 'a candidate is "path", "path:line", "path:start-end" or {"text": …, "id": …}'


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Wordings = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARS)]],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MAX_WORDINGS),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One question, in one wording or several."""

Guesses = Annotated[list[str] | None, Field(max_length=MOST_GUESSES)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextCandidate(_Arguments):
    """Text that is in no file."""

    text: str = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    id: str = Field(description="Your name for it.", min_length=1, max_length=MAX_ID_CHARS)


class SearchArguments(_Arguments):
    """Arguments of `rag_search`."""

    query: Wordings = Field(description="A specific question or an identifier; or up to 3 wordings of it.")
    expect: Guesses = Field(
        None,
        description="Up to 8 guesses at what the code is called, most likely first.",
    )
    top_k: int = Field(8, description="How many places: 1-50, default 8.", ge=1, le=50)
    offset: int = Field(0, description="Skip so many.", ge=0)
    path: list[str] | None = Field(
        None,
        description="Only files that gitignore globs match: src/, *.py, !tests/.",
    )
    language: str | None = Field(None, description="Only this language, such as python.")
    repo: str | None = Field(None, description="Served repository, or folder of one; default all.")
    format: Form = Field(
        "code",
        description="code (default): lines that match; full: all; paths: places.",
    )
    max_chars: int = Field(10_000, description="Longest reply: 500-40000, default 10000.", ge=500, le=40_000)
    rerank: bool = Field(True, description="Let a model reorder results, default true.")


class RerankArguments(_Arguments):
    """Arguments of `rag_rerank`."""

    query: Wordings = Field(description="What you want to know, in up to 3 wordings.")
    expect: Guesses = Field(None, description="As in rag_search.")
    # Anything else is reported beside the ranking of the others, and need not be in the schema.
    candidates: list[str | TextCandidate | SkipJsonSchema[Any]] = Field(
        description=f"Up to {MAX_CANDIDATES}: path, path:line (ranks its chunk), path:start-end, or "
        "{text, id} for text that is in no file.",
        min_length=1,
        max_length=MAX_CANDIDATES,
    )
    top_k: int | None = Field(None, description="How many: 1-200, default all.", ge=1, le=MAX_CANDIDATES)
    repo: str | None = Field(None, description="Served repository; needed if there are several.")


class FeedbackArguments(_Arguments):
    """Arguments of `rag_feedback`."""

    query: str = Field(
        description="The query that was answered.",
        min_length=1,
        max_length=MAX_QUERY_CHARS,
    )
    useful: list[str] = Field(
        default_factory=list,
        description="Results that answered, as `path:start-end`. Up to 50.",
        max_length=MAX_RESULTS,
    )
    not_useful: list[str] = Field(
        default_factory=list,
        description="Results that did not answer, as `path:start-end`. Up to 50.",
        max_length=MAX_RESULTS,
    )
    repo: str | None = Field(None, description="Served repository; needed if there are several.")


_LEFT_OUT = ("title", "minLength", "maxLength", "additionalProperties")


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's JSON schema in the plain form that every client accepts.

    Titles are dropped, `X or null` becomes an optional X, and references are inlined. What only validators
    read is left out, because every conversation pays for it: no model counts characters, and a client that
    rejects an unknown argument itself hides a slip that we would have corrected or explained.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    for definition in definitions.values():
        definition.pop("description", None)  # like that below
    plain: dict[str, Any] = _plain(schema, definitions)
    plain.pop("description", None)  # it describes our class, not the tool
    return plain


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Explain which arguments were wrong, why, and what is accepted."""
    problems = [_problem(item, model) for item in error.errors(include_url=False)]
    more = len(problems) - SHOWN_PROBLEMS
    shown = "; ".join(problems[:SHOWN_PROBLEMS]) + (f"; and {more:,} more" if more > 0 else "")
    return f"{shown}. Accepted: {', '.join(model.model_fields)}."


def _problem(item: ErrorDetails, model: type[BaseModel]) -> str:
    """Explain what is wrong with one value."""
    place, value = list(item["loc"]), item["input"]
    if place == ["query", 0]:  # the only wording, or the first
        place = ["query"]
    name = ".".join(shorten(str(part)) for part in place) or "arguments"
    if item["type"] == "extra_forbidden":
        return f"{name} is not an argument{_hint(name, model)}"
    return f"{name}: {item['msg']} (got {_shown(value)})"


def _hint(name: str, model: type[BaseModel]) -> str:
    if argument := meant(name, model):
        return f": it is called {argument}, which you passed too"
    alike = get_close_matches(name, model.model_fields, n=1)
    return f": did you mean {alike[0]}?" if alike else ""


def _shown(value: object) -> str:
    return shorten(repr(value), 60)


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions)
    options = [option for option in node.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        node = {**options[0], **{key: value for key, value in node.items() if key != "anyOf"}}
    return {
        key: _plain(value, definitions)
        for key, value in node.items()
        if not (key in _LEFT_OUT and isinstance(value, str | int))
        and not (key == "default" and value is None)
    }

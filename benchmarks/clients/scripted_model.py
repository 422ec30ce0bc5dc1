"""A model on loopback that calls tools as it was told to and reports what it saw: what a client needs to run.

It speaks the four ways that clients speak to models in: Anthropic's messages, OpenAI's responses and chat
completions, Google's contents. For each it is told how to read what tools there are and what they answered,
and how to say "call this" or "this is my answer". Calls are played in order, one a turn.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Json = Any
DONE = "that was all"


class Call(NamedTuple):
    """A tool by the end of its name, and what it is called with.

    Attributes:
        tool: The end of its name.
        arguments: What it is called with.
        expected: What a good answer holds.
        lines: How many lines of the answer are worth showing.
    """

    tool: str
    arguments: Mapping[str, Json]
    expected: str
    lines: int


class Tool(NamedTuple):
    """A tool as a client offers it, and the namespace it stands in, if clients have those."""

    name: str
    description: str
    schema: Json
    namespace: str = ""


@dataclass(slots=True)
class Seen:
    """What the model was shown.

    Attributes:
        tools: The tools whose names end as the calls say.
        results: What the calls were answered, in order, as the model reads it.
        body: The last request that offered them.
    """

    tools: list[Tool] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    body: Json = None


class Dialect(NamedTuple):
    """One way to speak to a model."""

    path: str
    tools: Callable[[Json], Iterator[Tool]]
    results: Callable[[Json], Iterator[str]]
    call: Callable[[Tool, Mapping[str, Json], int], Sequence[tuple[str, Json]]]
    say: Callable[[str], Sequence[tuple[str, Json]]]


@contextmanager
def playing(calls: Sequence[Call]) -> Iterator[tuple[str, Seen]]:
    """Serve a model that makes the calls; yield its address and what it has seen so far."""
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_GET(self) -> None:
            self._answer(b'{"object": "list", "data": [], "models": []}')

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            dialect = next((one for one in DIALECTS if one.path in self.path), None)
            if dialect is None or "count_tokens" in self.path:
                self._answer(b'{"input_tokens": 1}')
                return
            events = _turn(dialect, body, calls, seen)
            if body.get("stream") or "stream" in self.path:
                text = "".join(f"event: {name}\n" * bool(name) + _data(event) for name, event in events)
                self._answer(text.encode(), "text/event-stream")
            else:
                self._answer(json.dumps(events[-1][1]).encode())

        def _answer(self, content: bytes, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()


def _data(event: Json) -> str:
    return f"data: {json.dumps(event)}\n\n"


def _turn(dialect: Dialect, body: Json, calls: Sequence[Call], seen: Seen) -> Sequence[tuple[str, Json]]:
    """Answer one request: the next call if its tool is there, else the end."""
    offered = list(dialect.tools(body))
    results = list(dialect.results(body))
    seen.results = max(seen.results, results, key=len)
    ours = [tool for tool in offered if any(tool.name.endswith(call.tool) for call in calls)]
    seen.tools = max(seen.tools, ours, key=len)
    seen.body = body if ours else seen.body
    if len(results) < len(calls):
        call = calls[len(results)]
        for tool in ours:
            if tool.name.endswith(call.tool):
                return dialect.call(tool, call.arguments, len(results))
    return dialect.say(DONE)


# Anthropic's messages.


def _anthropic_tools(body: Json) -> Iterator[Tool]:
    for tool in body.get("tools", []):
        yield _tool(tool, "input_schema")


def _anthropic_results(body: Json) -> Iterator[str]:
    for message in body.get("messages", []):
        for part in message["content"] if isinstance(message["content"], list) else []:
            if part.get("type") == "tool_result":
                yield _text(part.get("content"))


def _anthropic_call(tool: Tool, arguments: Mapping[str, Json], turn: int) -> Sequence[tuple[str, Json]]:
    block = {"type": "tool_use", "id": f"toolu_{turn}", "name": tool.name, "input": {}}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
    return _anthropic_events(block, delta, "tool_use")


def _anthropic_say(text: str) -> Sequence[tuple[str, Json]]:
    return _anthropic_events({"type": "text", "text": ""}, {"type": "text_delta", "text": text}, "end_turn")


def _anthropic_events(block: Json, delta: Json, reason: str) -> Sequence[tuple[str, Json]]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "puppet", "content": []}
    end = {"stop_reason": reason, "stop_sequence": None}
    events = [
        {"type": "message_start", "message": message | {"stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": usage},
        {"type": "message_stop"},
    ]
    return [(event["type"], event) for event in events]


# OpenAI's responses.


def _responses_tools(body: Json) -> Iterator[Tool]:
    for tool in body.get("tools", []):
        yield _tool(tool, "parameters")
        for inner in tool.get("tools", []):
            yield _tool(inner, "parameters", tool.get("name", ""))


def _responses_results(body: Json) -> Iterator[str]:
    for item in body.get("input", []):
        if item.get("type") == "function_call_output":
            yield _text(item.get("output"))


def _responses_call(tool: Tool, arguments: Mapping[str, Json], turn: int) -> Sequence[tuple[str, Json]]:
    item = {
        "type": "function_call",
        "id": f"fc_{turn}",
        "call_id": f"call_{turn}",
        "name": tool.name,
        "arguments": json.dumps(arguments),
        "status": "completed",
    }
    return _responses_events(item | ({"namespace": tool.namespace} if tool.namespace else {}))


def _responses_say(text: str) -> Sequence[tuple[str, Json]]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return _responses_events(
        {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}
    )


def _responses_events(item: Json) -> Sequence[tuple[str, Json]]:
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": "resp", "object": "response", "model": "puppet", "usage": usage}
    events = [
        {"type": "response.created", "response": response | {"status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response | {"status": "completed", "output": [item]}},
    ]
    return [(event["type"], event) for event in events]


# OpenAI's chat completions.


def _chat_tools(body: Json) -> Iterator[Tool]:
    return (_tool(tool.get("function", {}), "parameters") for tool in body.get("tools", []))


def _chat_results(body: Json) -> Iterator[str]:
    return (
        _text(message.get("content")) for message in body.get("messages", []) if message["role"] == "tool"
    )


def _chat_call(tool: Tool, arguments: Mapping[str, Json], turn: int) -> Sequence[tuple[str, Json]]:
    function = {"name": tool.name, "arguments": json.dumps(arguments)}
    calls = [{"index": 0, "id": f"call_{turn}", "type": "function", "function": function}]
    return _chat_events({"role": "assistant", "tool_calls": calls}, "tool_calls")


def _chat_say(text: str) -> Sequence[tuple[str, Json]]:
    return _chat_events({"role": "assistant", "content": text}, "stop")


def _chat_events(delta: Json, reason: str) -> Sequence[tuple[str, Json]]:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "puppet"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    first = {"index": 0, "delta": delta, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": reason}
    return [("", chunk | {"choices": [first]}), ("", chunk | {"choices": [last], "usage": usage})]


# Google's contents.


def _google_tools(body: Json) -> Iterator[Tool]:
    for tool in body.get("tools", []):
        for declared in tool.get("functionDeclarations", []):
            yield _tool(declared, "parametersJsonSchema")


def _google_results(body: Json) -> Iterator[str]:
    for content in body.get("contents", []):
        for part in content.get("parts", []):
            if "functionResponse" in part:
                yield _text(part["functionResponse"].get("response"))


def _google_call(tool: Tool, arguments: Mapping[str, Json], _turn: int) -> Sequence[tuple[str, Json]]:
    return _google_events({"functionCall": {"name": tool.name, "args": dict(arguments)}})


def _google_say(text: str) -> Sequence[tuple[str, Json]]:
    return _google_events({"text": text})


def _google_events(part: Json) -> Sequence[tuple[str, Json]]:
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    return [("", {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "puppet"})]


def _text(content: Json) -> str:
    """Join the texts of whatever a client wraps a result in."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(map(_text, content))
    if isinstance(content, dict):
        return _text(next((content[key] for key in ("text", "output", "error") if key in content), ""))
    return ""


def _tool(told: Json, schema: str, namespace: str = "") -> Tool:
    """Read a tool of a request, whose schema stands under the key that its dialect has for it."""
    return Tool(told.get("name", ""), told.get("description", ""), told.get(schema, {}), namespace)


DIALECTS = (
    Dialect("/messages", _anthropic_tools, _anthropic_results, _anthropic_call, _anthropic_say),
    Dialect("/responses", _responses_tools, _responses_results, _responses_call, _responses_say),
    Dialect("/chat/completions", _chat_tools, _chat_results, _chat_call, _chat_say),
    Dialect("enerateContent", _google_tools, _google_results, _google_call, _google_say),
)

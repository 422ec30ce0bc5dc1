"""A real server on a real pipe, fed with anything, and a judge of every line that it answers.

A case is a few lines as a careless, broken or hostile client would send them. After each the server is asked
something that it must answer. Everything it says is held against the schema of the protocol's version.
"""

import contextlib
import gzip
import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema

Era = Literal["2025-06-18", "2025-11-25", "2026-07-28"]
ERAS: tuple[Era, ...] = ("2025-06-18", "2025-11-25", "2026-07-28")
MODERN: Era = "2026-07-28"
PATIENCE_S = 60.0
DEFAULT_CHARS = 10_000
RESULTS = {
    "initialize": "InitializeResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "server/discover": "DiscoverResult",
}
Line = Callable[["Talk"], bytes]
"""Writes one line of a case, without its end; it may take a new request id."""


class FaultError(AssertionError):
    """The server did what it must not."""


def envelope(era: Era) -> dict[str, Any]:
    """Return what each request of an era carries in `_meta`."""
    if era != MODERN:
        return {}
    prefix = "io.modelcontextprotocol"
    return {
        f"{prefix}/protocolVersion": MODERN,
        f"{prefix}/clientInfo": {"name": "fuzz", "version": "0"},
        f"{prefix}/clientCapabilities": {},
    }


@dataclass(slots=True)
class Asked:
    """A request that was sent.

    Attributes:
        message: The request.
        methods: Its method; several where other requests were sent by the same id.
        answers: How often it was answered.
        told: The progress that was last reported.
    """

    message: Mapping[str, Any]
    methods: set[str] = field(default_factory=set)
    answers: int = 0
    told: float = float("-inf")


@dataclass(slots=True)
class Talk:
    """What one server was asked and has said."""

    era: Era
    asked: dict[str, Asked] = field(default_factory=dict)  # by the id as JSON, so that 1 and "1" are two
    loose: set[str] = field(default_factory=set)  # ids that may stay unanswered: cancelled, or used twice
    count: int = 0
    kinds: Counter[str] = field(default_factory=Counter)  # what was said, for a report

    def number(self) -> int:
        """Return a request id that is new."""
        self.count += 1
        return self.count


class Server:
    """The process, and its talk."""

    def __init__(self, command: Sequence[str], era: Era, *, environment: Mapping[str, str]) -> None:
        self.talk = Talk(era)
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
        )
        self.log: list[bytes] = []
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._listening = [
            threading.Thread(target=listen, daemon=True) for listen in (self._hear, self._note)
        ]
        for thread in self._listening:
            thread.start()
        if era == MODERN:
            self.ask("server/discover", {})
        else:
            client = {"name": "fuzz", "version": "0"}
            self.ask("initialize", {"protocolVersion": era, "capabilities": {}, "clientInfo": client})
            self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def ask(self, method: str, params: Mapping[str, Any]) -> None:
        """Ask what must be answered, and wait until all that must be is."""
        meta = {"_meta": envelope(self.talk.era)} if self.talk.era == MODERN else {}
        message = {"jsonrpc": "2.0", "id": self.talk.number(), "method": method, "params": {**params, **meta}}
        self.send(json.dumps(message).encode())
        self.settle()

    def send(self, line: bytes) -> None:
        """Send a line, and note what it asks."""
        note(self.talk, line)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise FaultError(
                f"the server ended with {self.process.wait(5)}: {b''.join(self.log[-20:])!r}"
            ) from error

    def settle(self) -> None:
        """Hear until every request that must be answered is; judge all that is said.

        Raises:
            FaultError: A line is not what the protocol allows, or an answer does not come.
        """
        deadline = time.monotonic() + PATIENCE_S
        while missing := [
            asked.message
            for key, asked in self.talk.asked.items()
            if not asked.answers and key not in self.talk.loose
        ]:
            try:
                line = self._said.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise FaultError(f"no answer to {json.dumps(missing)[:2_000]}") from None
            if not line:
                raise FaultError(f"the server ended: {b''.join(self.log[-20:])!r}")
            judge(self.talk, line)
        for key in [key for key, asked in self.talk.asked.items() if asked.answers]:
            if key not in self.talk.loose:  # of those there may be another answer
                del self.talk.asked[key]

    def end(self) -> int:
        """Close the pipe; return the exit code."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            for thread in self._listening:
                thread.join()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._said.put(line)
        self._said.put(b"")

    def _note(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.log.extend(lines)


def note(talk: Talk, line: bytes) -> None:
    """Remember the requests of a line: objects with an id and a method, one or a batch."""
    try:
        text = line.decode("utf-8", "replace").replace("\0", "").lstrip("\ufeff")
        said = json.loads(
            text, strict=False, parse_int=lambda digits: int(digits) if len(digits) < 640 else 0
        )
    except (ValueError, RecursionError):
        return
    for message in said if isinstance(said, list) else [said]:
        if isinstance(message, dict):
            _note_message(talk, message)


def _note_message(talk: Talk, message: dict[str, Any]) -> None:
    params, number = message.get("params"), message.get("id")
    if message.get("method") == "notifications/cancelled" and isinstance(params, dict):
        named = str(params.get("requestId"))
        talk.loose |= {key for key in talk.asked if str(json.loads(key)) == named}
    if isinstance(number, float) and number.is_integer():  # the schema takes 1.0 for an integer
        number = int(number)
        talk.loose.add(json.dumps(number))
    if "method" in message and is_id(number):
        key = json.dumps(number)
        if key in talk.asked or "result" in message or "error" in message:
            talk.loose.add(key)  # two of one id, or a message of two kinds
        talk.asked.setdefault(key, Asked(message)).methods.add(str(message["method"]))


def is_id(value: object) -> bool:
    """Tell whether a value can name a request, and be sent back."""
    if isinstance(value, str):
        return value.isprintable() or not any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, int) and not isinstance(value, bool)


def judge(talk: Talk, line: bytes) -> None:
    """Hold a line against the protocol.

    Raises:
        FaultError: It is not what the protocol allows.
    """
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except ValueError as error:
        raise FaultError(f"no JSON: {line[:500]!r}") from error
    if "method" in message:
        validate(talk.era, "ServerNotification", message)
        talk.kinds["notifications"] += 1
        _judge_progress(talk, message)
        return
    key = json.dumps(message.get("id"))
    asked = talk.asked.get(key)
    if asked is None:
        raise FaultError(f"an answer to nothing: {line[:500]!r}")
    asked.answers += 1
    if asked.answers > 1 and key not in talk.loose:
        raise FaultError(f"a second answer: {line[:500]!r}")
    if "error" in message:
        talk.kinds["errors"] += 1
        validate(talk.era, "JSONRPCError" if talk.era == "2025-06-18" else "JSONRPCErrorResponse", message)
        return
    validate(talk.era, "JSONRPCResponse" if talk.era == "2025-06-18" else "JSONRPCResultResponse", message)
    kinds = {RESULTS.get(method, "Result") for method in asked.methods}
    if len(kinds) == 1 or not any(_validator(talk.era, kind).is_valid(message["result"]) for kind in kinds):
        validate(talk.era, min(kinds), message["result"])
    is_refusal = asked.methods == {"tools/call"} and message["result"].get("isError")
    what = (
        "refused calls" if is_refusal else "by a shared id" if len(asked.methods) > 1 else min(asked.methods)
    )
    talk.kinds[what] += 1
    if asked.methods == {"tools/call"} and key not in talk.loose:
        _judge_reply(asked.message["params"], message["result"])


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _judge_progress(talk: Talk, message: Mapping[str, Any]) -> None:
    params = message["params"]
    for asked in talk.asked.values():
        given = asked.message.get("params")
        meta = given.get("_meta") if isinstance(given, dict) else None
        if isinstance(meta, dict) and meta.get("progressToken") == params.get("progressToken"):
            asked.told = max(asked.told, params["progress"])
            return
    raise FaultError(f"progress of nothing: {message}")


def _judge_reply(params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Hold a tool's reply against our own promises."""
    (content,) = result["content"]
    if content["type"] != "text" or "structuredContent" in result:
        raise FaultError(f"not text alone: {result}")
    limit = DEFAULT_CHARS
    arguments = params.get("arguments")
    if isinstance(arguments, dict) and params.get("name") == "rag_search":
        limit = next((arguments[name] for name in ("max_chars", "max_length") if name in arguments), limit)
    if not result.get("isError") and isinstance(limit, int) and len(content["text"]) > limit:
        raise FaultError(f"{len(content['text'])} characters where {limit} are the limit")
    if "failed inside" in content["text"]:
        raise FaultError(f"a failure inside: {json.dumps(params)[:2_000]}")


def validate(era: Era, kind: str, value: object) -> None:
    """Hold a value against a definition of the schema.

    Raises:
        FaultError: It does not fit.
    """
    error = jsonschema.exceptions.best_match(_validator(era, kind).iter_errors(value))
    if error is not None:
        raise FaultError(f"no {kind} of {era}: {error.message[:500]}: {json.dumps(value)[:500]}")


@cache
def _validator(era: Era, kind: str) -> Any:
    file = Path(__file__).parent / "schemas" / f"{era}.json.gz"
    schema = json.loads(gzip.decompress(file.read_bytes()))
    place = "definitions" if "definitions" in schema else "$defs"
    if kind not in schema[place]:  # a method of another version, whose result is anything
        kind = "Result"
    one = {"$schema": schema["$schema"], place: schema[place], "$ref": f"#/{place}/{kind}"}
    return jsonschema.validators.validator_for(one)(one)


def play(server: Server, case: Sequence[Line]) -> None:
    """Send a case; then the server must answer all of it, and what it is asked next.

    Raises:
        FaultError: It does not, or says what it must not.
    """
    for line in case:
        server.send(line(server.talk))
    server.ask("server/discover" if server.talk.era == MODERN else "ping", {})

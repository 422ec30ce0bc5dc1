"""Which lines of standard input are messages, and how an invalid request is answered.

The library silently drops a line that it cannot read, and the client waits for an answer forever. Here an
invalid request is answered with an error that names it. A line that names no request stays unanswered,
because an answer needs an id. Byte order marks and NULs, which no JSON contains, are removed before a line is
read.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import mcp.types as t
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from mcp_server.protocol.batches import CANCELLED, VERSION, Batches


def standard_input() -> anyio.AsyncFile[str]:
    """Take over standard input; anything else that reads it, such as a child process, finds it empty."""
    private, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # A carriage return inside a message is a blank of JSON and ends nothing.
    return anyio.wrap_file(os.fdopen(private, encoding="utf-8", errors="replace", newline="\n"))


def standard_output() -> anyio.AsyncFile[str]:
    """Take over standard output; anything else that is printed goes to standard error."""
    private = os.dup(1)
    os.dup2(2, 1)
    return anyio.wrap_file(os.fdopen(private, "w", encoding="utf-8", newline="\n"))


async def requests(
    lines: anyio.AsyncFile[str], refusals: MemoryObjectSendStream[SessionMessage], batches: Batches
) -> AsyncIterator[str]:
    """Yield the valid messages, one a line, and reject invalid requests."""
    async for raw in lines:
        line = raw.replace("\0", "").lstrip("\ufeff")
        messages = _batch(line)
        if messages is None:
            parts = [line]
        elif batches.version == VERSION:
            parts = batches.take_apart(messages)
        else:
            for message in messages:
                await _refuse(refusal_of_batched(message), refusals)
            continue
        for part in parts:
            refused = refusal(part)
            if refused is None:
                yield part
                number = batches.cancelled(part)
                if number is not None:
                    error = t.ErrorData(code=t.INVALID_REQUEST, message=CANCELLED)
                    refused = t.JSONRPCError(jsonrpc="2.0", id=number, error=error)
            await _refuse(refused, refusals)


async def _refuse(refused: t.JSONRPCError | None, refusals: MemoryObjectSendStream[SessionMessage]) -> None:
    if refused is not None:
        await refusals.send(SessionMessage(refused))


async def pass_on(
    refusals: MemoryObjectReceiveStream[SessionMessage], outgoing: MemoryObjectSendStream[SessionMessage]
) -> None:
    """Send the rejections between the answers."""
    async for message in refusals:
        await outgoing.send(message)


def refusal_of_batched(message: object) -> t.JSONRPCError | None:
    """Reject a request in a batch, in a protocol version without batches."""
    number = message.get("id") if isinstance(message, dict) and "method" in message else None
    said = f"batches are of MCP {VERSION} alone; send each message on a line of its own"
    return _error(number, said)


def _batch(line: str) -> list[Any] | None:
    if not line.lstrip().startswith("["):
        return None
    try:
        messages = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return messages if isinstance(messages, list) else None


def refusal(line: str) -> t.JSONRPCError | None:
    """Reject an invalid request; None for a valid message, and for a line that names no request.

    >>> refusal('{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": []}').error.message
    'Invalid request: params must be an object'
    """
    try:
        t.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        message = _object(line)
    else:
        return None
    if "method" not in message:  # an invalid answer is not a request
        return None
    return _error(message.get("id"), _fault(message))


def _error(number: object, fault: str) -> t.JSONRPCError | None:
    """Reject the request with this id; None if no answer could carry the id."""
    if isinstance(number, bool) or not isinstance(number, str | int) or not _can_be_sent(number):
        return None
    error = t.ErrorData(code=t.INVALID_REQUEST, message=f"Invalid request: {fault}")
    return t.JSONRPCError(jsonrpc="2.0", id=number, error=error)


def _object(line: str) -> dict[str, Any]:
    try:
        # More is read than is valid, so that the request can be named: control characters, endless numbers.
        message = json.loads(line, strict=False, parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < sys.int_info.str_digits_check_threshold else 0


def _can_be_sent(number: str | int) -> bool:
    return isinstance(number, int) or not any("\ud800" <= character <= "\udfff" for character in number)


def _fault(message: dict[str, Any]) -> str:
    if message.get("jsonrpc") != "2.0":
        return 'jsonrpc must be "2.0"'
    if not isinstance(message["method"], str):
        return "method must be a string"
    if not isinstance(message.get("params", {}), dict):
        return "params must be an object"
    return "it holds what is no Unicode text or no JSON, or is nested too deep"

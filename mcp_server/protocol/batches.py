"""JSON-RPC batches, which one version of MCP has: the answers to a batch go back together, as one array.

The library reads single messages only. So a batch is split on the way in, and its answers are held on the way
out until all of them are there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

CANCELLED = "cancelled within a batch"
"""What stands for the answer to a batched request that was cancelled; it is never written."""
VERSION = "2025-03-26"
"""The version of MCP that has batches; those before and after have none."""


@dataclass(slots=True)
class _Batch:
    """The requests of one batch, by id as JSON, and the answers so far."""

    waiting: set[str]
    answers: list[str] = field(default_factory=list)


class Batches:
    """The batches of one connection; used from one event loop."""

    def __init__(self) -> None:
        """No batch has come, and the version is not known yet."""
        self.version = ""
        self._open: dict[str, _Batch] = {}
        self._cancelled = 0  # requests in place of whose answers `CANCELLED` is still to come

    def take_apart(self, messages: Sequence[Any]) -> list[str]:
        """Return the messages of a batch as lines, and wait for the answers to its requests."""
        ids = [_key(message["id"]) for message in messages if _is_request(message)]
        batch = _Batch(set(ids))
        self._open.update(dict.fromkeys(batch.waiting, batch))
        return [json.dumps(message) + "\n" for message in messages]

    def cancelled(self, line: str) -> str | int | None:
        """Return the id of a batched request that a line cancels.

        It gets no answer, and the others must not wait for one: send `CANCELLED` in its place.
        """
        if not self._open or "notifications/cancelled" not in line:
            return None
        message = json.loads(line)
        params = message.get("params") if message.get("method") == "notifications/cancelled" else None
        number = params.get("requestId") if isinstance(params, dict) else None
        if not isinstance(number, str | int) or _key(number) not in self._open:
            return None
        self._cancelled += 1
        return number

    def gather(self, line: str) -> str:
        """Return what to write for an outgoing line: itself, its batch, or "" while answers are missing."""
        if not self._open and not self._cancelled and self.version:
            return line
        message = json.loads(line)
        self.version = self.version or _version_of(message)
        key = _key(message["id"]) if "id" in message and "method" not in message else ""
        batch = self._open.pop(key, None)
        is_answer = message.get("error", {}).get("message") != CANCELLED
        self._cancelled -= not is_answer
        if batch is None:
            return line if is_answer else ""
        batch.waiting.discard(key)
        batch.answers += [line.strip()] * is_answer
        return "" if batch.waiting or not batch.answers else f"[{','.join(batch.answers)}]\n"


class Output:
    """Standard output as the library writes it, a line and a flush at a time."""

    def __init__(self, file: anyio.AsyncFile[str], batches: Batches) -> None:
        self._file = file
        self._batches = batches

    async def write(self, line: str) -> None:
        """Write a line, or hold it."""
        if text := self._batches.gather(line):
            await self._file.write(text)

    async def flush(self) -> None:
        """Pass on what was written."""
        await self._file.flush()


def _is_request(message: object) -> bool:
    return isinstance(message, dict) and "method" in message and "id" in message


def _key(number: object) -> str:
    return json.dumps(number)


def _version_of(message: dict[str, Any]) -> str:
    result = message.get("result")
    return str(result.get("protocolVersion", "")) if isinstance(result, dict) else ""

"""How the process that runs the grammars works: files on standard input, chunks on standard output.

`parser_pool` starts it, and ends it when a file exceeds its budget. The limits that the process sets for
itself matter when its owner was killed: it must not go on parsing forever.

A request consists of three unsigned 32-bit numbers (the file's CPU budget in seconds, the lengths of its path
and its text), the path and the text. A reply consists of a length and JSON: the chunks, or as a string the
reason why the grammar does not load. The first reply answers no request but reports that everything is
loaded, so that an earlier failure is not blamed on a file.
"""

import faulthandler
import json
import math
import os
import struct
from typing import BinaryIO

from retrieval.chunks import chunker
from retrieval.errors import GrammarError
from retrieval.records import Chunk

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # checked with `is None`

REQUEST, REPLY = struct.Struct("!III"), struct.Struct("!I")

IDLE_S = 300.0  # as long as a server keeps an idle model (`idle_unload_s`)
LONGEST_S = 120.0  # wall time for one file, even on a busy machine
SPARE_S = 2  # CPU time beyond the budget, so that the owner, who knows the reason, ends the process first
READY = b"ready"
SPARE_BYTES = 1_000_000_000  # address space beyond the budget: libraries map more than they use


def main(memory_bytes: int) -> None:
    """Split files within `memory_bytes` until standard input ends, or no request comes for `IDLE_S`."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # a library that reads or prints must not break the protocol
        os.dup2(nothing, standard)
    if resource:
        _limit(resource.RLIMIT_AS, memory_bytes + SPARE_BYTES)
    _write(replies, READY)
    while True:
        # Implemented in C, so it also ends a grammar that never returns to Python.
        faulthandler.dump_traceback_later(IDLE_S, exit=True)
        request = _read(requests)
        if request is None:
            return
        cpu_s, path, text = request
        faulthandler.dump_traceback_later(LONGEST_S, exit=True)
        if resource:
            used = resource.getrusage(resource.RUSAGE_SELF)
            _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + cpu_s + SPARE_S)
        _write(replies, _reply(path, text))


def encode(path: str, text: bytes, *, cpu_s: float) -> bytes:
    """Encode a request."""
    name = os.fsencode(path)
    return REQUEST.pack(math.ceil(cpu_s), len(name), len(text)) + name + text


def decode(path: str, reply: bytes) -> list[Chunk]:
    """Decode the chunks of a reply.

    Raises:
        GrammarError: The grammar does not load.
        ValueError, TypeError: The reply is invalid: the process that wrote it is corrupt.
    """
    found = json.loads(reply)
    if isinstance(found, str):
        raise GrammarError(found)
    return [
        Chunk(path, int(start), int(end), kind, symbol, scope, tuple(names), content)
        for start, end, kind, symbol, scope, content, names in found
    ]


def _reply(path: str, text: str) -> bytes:
    try:
        return json.dumps([_row(chunk) for chunk in chunker.chunk_file(path, text)]).encode()
    except GrammarError as error:
        return json.dumps(str(error)).encode()


def _row(chunk: Chunk) -> tuple[object, ...]:
    span = (chunk.start_line, chunk.end_line)
    return (*span, chunk.kind, chunk.symbol, chunk.scope, chunk.digest, chunk.names)


def _write(replies: BinaryIO, reply: bytes) -> None:
    replies.write(REPLY.pack(len(reply)) + reply)
    replies.flush()


def _read(requests: BinaryIO) -> tuple[int, str, str] | None:
    head = requests.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return None
    cpu_s, name_size, text_size = REQUEST.unpack(head)
    body = requests.read(name_size + text_size)
    if len(body) < name_size + text_size:
        return None
    return cpu_s, os.fsdecode(body[:name_size]), body[name_size:].decode("utf-8", "surrogatepass")


def _limit(kind: int, most: int) -> None:
    """Lower a limit of this process, as far as the system allows."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(kind, (most, hard))
    except (OSError, ValueError):  # the system has the limit but does not enforce it
        return

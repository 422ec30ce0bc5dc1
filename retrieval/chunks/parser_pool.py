"""How untrusted files are split: in separate processes, which a hostile file may crash.

Grammars are generated C code that expects benign source. A few kilobytes of hostile source make them abort,
or take gigabytes and minutes (benchmarks/runs/2026-11-28-hostile). So they run in warm, monitored processes.
A file that exceeds its budget or crashes its process is split by lines instead, and a note gives the reason.
"""

import atexit
import logging
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import psutil

from retrieval.chunks import chunker, parser_worker
from retrieval.errors import GrammarError, ParserError
from retrieval.files.languages import grammar_of, has_grammar, language_of
from retrieval.records import Chunk
from retrieval.text import digest

log = logging.getLogger(__name__)

AT_ONCE = 2  # one for indexing, and one for a caller that waits for a ranking
LOOK_EVERY_S = 0.05  # most files are split before the first check
TRIES = 2  # a process may also be killed for reasons unrelated to the file
KNOWN = 1_000  # failed files that are remembered, so that they are not parsed again
_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from retrieval.chunks.parser_worker import main; main(int(sys.argv[1]))"
)


@dataclass(frozen=True, slots=True)
class Budget:
    """The CPU time and memory that one file may use.

    Splitting takes 0.1 to 0.7 s per megabyte in 18 languages and 1.3 in Zig, at worst 5 s per megabyte for
    one file of 15 kB, plus 0.13 s on first use of a grammar (benchmarks/runs/2026-11-28-hostile).

    Attributes:
        cpu_s: CPU time in seconds.
        cpu_s_per_mb: Additional CPU time per megabyte (10^6 bytes) of source, in seconds.
        memory_bytes: Memory of the whole process, including all its grammars.
    """

    cpu_s: float = 3.0
    cpu_s_per_mb: float = 10.0
    memory_bytes: int = 700_000_000

    def cpu_s_of(self, size: int) -> float:
        """Return the CPU time that a file of `size` bytes may take, in seconds."""
        return self.cpu_s + self.cpu_s_per_mb * size / 1e6


@dataclass(frozen=True, slots=True)
class FileChunks:
    """The chunks of a file.

    Attributes:
        chunks: In line order.
        note: Why the file was split by lines although its language has a grammar, or "".
    """

    chunks: list[Chunk]
    note: str = ""


class ParserPool:
    """Processes that split files, started on demand; each exits when idle."""

    def __init__(
        self, budget: Budget | None = None, *, at_once: int = AT_ONCE, interpreter: str = sys.executable
    ) -> None:
        """Create a pool without processes.

        Args:
            budget: The limits for one file.
            at_once: The maximum number of processes that work at once.
            interpreter: The Python that runs them.
        """
        self._budget = budget or Budget()
        self._interpreter = interpreter
        self._turns = threading.BoundedSemaphore(at_once)
        self._idle: list[_Worker] = []  # most recently used last
        self._refused: OrderedDict[str, str] = OrderedDict()  # note by content, oldest first
        self._missing: set[str] = set()  # reasons that were logged
        self._lock = threading.Lock()  # guards the three

    def cut(self, path: str, text: str) -> FileChunks:
        """Split a file as `chunker.chunk_file` does, or by lines if that exceeds the budget.

        Raises:
            ParserError: The process cannot be started.
        """
        if not has_grammar(path):
            return FileChunks(chunker.chunk_by_lines(path, text))
        source = text.encode("utf-8", "surrogatepass")
        key = digest(grammar_of(language_of(path), path).encode() + source)
        with self._lock:
            note = self._refused.get(key, "")
        if not note:
            with self._turns:
                outcome = self._ask(path, source)
            if not isinstance(outcome, str):
                return FileChunks(outcome)
            note = outcome
            self._remember(key, note)
        return FileChunks(chunker.chunk_by_lines(path, text), note)

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end()

    def _remember(self, key: str, note: str) -> None:
        with self._lock:
            self._refused[key] = note
            if len(self._refused) > KNOWN:
                self._refused.popitem(last=False)

    def _ask(self, path: str, source: bytes) -> list[Chunk] | str:
        """Return a file's chunks, or the reason why it cannot be parsed."""
        note, cpu_s = "", self._budget.cpu_s_of(len(source))
        request = parser_worker.encode(path, source, cpu_s=cpu_s)
        for _ in range(TRIES):
            worker = self._take()
            try:
                chunks = parser_worker.decode(path, worker.ask(request, cpu_s=cpu_s))
            except _OverBudgetError as error:
                worker.end()
                return str(error)
            except GrammarError as error:
                self._keep(worker)
                return self._no_grammar(str(error))
            except (_DiedError, ValueError, TypeError) as error:
                worker.end()
                note = f"its grammar crashed ({error})"
            except BaseException:  # an interrupt: the next request must not get this reply
                worker.end()
                raise
            else:
                self._keep(worker)
                return chunks
        return note

    def _keep(self, worker: "_Worker") -> None:
        with self._lock:
            self._idle.append(worker)

    def _no_grammar(self, reason: str) -> str:
        """Return the note for a grammar that does not load, and log the first note of its kind."""
        with self._lock:
            is_known = reason in self._missing
            self._missing.add(reason)
        if not is_known:
            log.warning("files are split by lines: %s; run `goldrank doctor`", reason)
        return f"its grammar is missing: {reason}"

    def _take(self) -> "_Worker":
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _Worker(self._interpreter, self._budget.memory_bytes)
            if worker.is_alive:
                return worker
            worker.end()


def cut(path: str, text: str) -> FileChunks:
    """Split a file with the pool shared by this whole process.

    Raises:
        ParserError: The process cannot be started.
    """
    return _shared.cut(path, text)


class _OverBudgetError(Exception):
    """A file exceeded its budget."""


class _DiedError(Exception):
    """The process ended before it replied."""


class _Worker:
    """One process and the thread that talks to it, because a pipe may block forever."""

    def __init__(self, interpreter: str, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        # Isolated: no environment variable, working directory or start-up file affects the imports.
        command = [interpreter, "-I", "-S", "-c", _BOOT, str(memory_bytes), *sys.path]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to the owner only
            )
        except OSError as error:
            raise ParserError(
                f"cannot start a process to parse files: {error.strerror or error}",
                remedy="raise this user's limits on processes and memory",
            ) from error
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._talk, name="parser", daemon=True).start()
        if self._replies.get() != parser_worker.READY:
            self.end()
            raise ParserError(
                f"the process that parses files does not start ({_ending(self._process.wait())})",
                remedy="run `goldrank doctor`; restart a server that was upgraded while it ran",
            )

    @property
    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def ask(self, request: bytes, *, cpu_s: float) -> bytes:
        """Send a request and return the reply, if it takes at most `cpu_s` seconds of CPU time.

        Raises:
            _OverBudgetError: The file exceeded its budget; the process must be ended.
            _DiedError: The process ended.
        """
        deadline, start_s = time.monotonic() + parser_worker.LONGEST_S, -1.0
        self._requests.put(request)
        while True:
            with suppress(queue.Empty):
                reply = self._replies.get(timeout=LOOK_EVERY_S)
                if not reply:
                    raise _DiedError(_ending(self._process.wait()))
                return reply
            used_s, memory = self._usage()
            start_s = used_s if start_s < 0 else start_s
            if used_s - start_s > cpu_s:
                raise _OverBudgetError(f"its grammar takes more than {cpu_s:.1f} s of CPU time")
            if memory > self._memory_bytes:
                most = f"{self._memory_bytes / 1e6:,.0f} MB"
                raise _OverBudgetError(f"its grammar takes more than {most} of memory")
            if time.monotonic() > deadline:
                raise _OverBudgetError(f"its grammar does not end in {parser_worker.LONGEST_S:.0f} s")

    def end(self) -> None:
        """End the process now."""
        self._requests.put(None)
        with suppress(OSError):
            self._process.kill()
        self._process.wait()

    def _usage(self) -> tuple[float, int]:
        """Return the process's CPU time so far, in seconds, and its memory, in bytes."""
        try:
            watched = psutil.Process(self._process.pid)
            times = watched.cpu_times()
            return times.user + times.system, watched.memory_info().rss
        except psutil.Error:  # the process just ended; its pipe reports that next
            return 0.0, 0

    def _talk(self) -> None:
        """Forward requests to the process; an empty reply means that the process is gone."""
        incoming, outgoing = self._process.stdout, self._process.stdin
        assert incoming  # noqa: S101 - both are pipes, which the types cannot express
        assert outgoing  # noqa: S101
        with incoming, suppress(OSError), outgoing:
            self._replies.put(_hear(incoming))
            while request := self._requests.get():
                with suppress(OSError):  # if the process is gone, reading its reply shows that
                    outgoing.write(request)
                    outgoing.flush()
                self._replies.put(_hear(incoming))


def _hear(incoming: IO[bytes]) -> bytes:
    """Read one reply; empty at the end of the stream."""
    head = incoming.read(parser_worker.REPLY.size)
    if len(head) < parser_worker.REPLY.size:
        return b""
    (size,) = parser_worker.REPLY.unpack(head)
    return incoming.read(size)


def _ending(code: int) -> str:
    """Describe how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


_shared = ParserPool()
atexit.register(_shared.close)

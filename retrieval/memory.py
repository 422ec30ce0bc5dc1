"""How much freed memory this process keeps instead of returning it to the system.

glibc keeps much: each thread that ever allocated has its own heap, and freeing a large block raises the size
above which blocks are returned at once. The index's buffers are large and used for milliseconds, by whichever
thread updates it.
"""

import ctypes
import gc
from contextlib import suppress

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # from glibc's malloc.h
LARGE_BYTES = 1_000_000
HEAPS = 2
"""By default, 100 edits of click left 410 MB resident, growing with each edit. With these settings, they
leave about 210 MB without growth, for the same CPU time within noise
(benchmarks/runs/2026-11-24-server/memory.txt)."""


def keep_little() -> None:
    """Return large blocks to the system as soon as they are freed; call this before starting threads."""
    with suppress(OSError, AttributeError):  # only glibc has these settings
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Return all free memory to the system now."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

"""How much memory that is free inside this process is kept from the system.

glibc keeps much: each thread that ever allocated has a heap of its own, and each large block that is freed
raises the size from which blocks are given back at once. The engine's buffers are large and used for
milliseconds, by whichever thread updates the index.
"""

import ctypes
import gc
from contextlib import suppress

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # names and numbers of glibc's malloc.h
LARGE_BYTES = 1_000_000
HEAPS = 2
"""A hundred edits of click left 410 MB resident, and more with each; so they leave some 210 MB, and no more,
for the same processor time within the noise (benchmarks/runs/2026-11-24-server/memory.txt)."""


def keep_little() -> None:
    """Give large blocks back as soon as they are free; call it before there are threads."""
    with suppress(OSError, AttributeError):  # another C library decides by itself
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Return everything that is free now."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

"""What a process keeps of the memory that it freed."""

import platform
import subprocess
import sys

import pytest

GROW = """
import os, sys
from pathlib import Path
from retrieval import memory

def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if sys.argv[1] == "little":
    memory.keep_little()
before = resident()

largest = bytes([1]) * 31_000_000
del largest  # from now on glibc takes blocks of up to this size from its heap, if it is left alone
buffers = [bytes([1]) * 10_000_000 for _ in range(20)]
on_top = [bytes([1]) * 100_000 for _ in range(10)]  # the heap cannot shrink below what is in use
del buffers
print((resident() - before) // 1_000_000)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed in this way")
def test_what_was_freed_goes_back_to_the_system() -> None:
    """A server that follows edits for weeks would hold hundreds of megabytes that nobody uses."""
    grown = {}
    for how in ("little", "much"):
        command = [sys.executable, "-c", GROW, how]
        grown[how] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown["little"] < 10
    assert grown["much"] > 100, "else this proves nothing"

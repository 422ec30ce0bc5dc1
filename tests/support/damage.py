"""Damage files as disks do, while this process may have them mapped.

Indexes and weights are read through memory maps. A file that is shortened in place, if only for the moment
between opening it for writing and writing it, takes its pages from every map of it: the next read there is a
bus error, which ends the process of the tests instead of failing one.
"""

from collections.abc import Callable
from pathlib import Path


def change_in_place(file: Path, *, at: int, by: Callable[[bytes], bytes], length: int = 1) -> None:
    """Change some bytes of a file that is mapped, without changing its length; who mapped it reads them."""
    with file.open("r+b") as opened:
        opened.seek(at)
        changed = by(opened.read(length))
        assert len(changed) == length
        opened.seek(at)
        opened.write(changed)


def cut(file: Path, *, by: int) -> Path:
    """Replace a file by a shorter one, and return it; who mapped it keeps what it was."""
    shorter = file.with_name(f"{file.name}.cut")
    shorter.write_bytes(file.read_bytes()[:-by])
    return shorter.replace(file)

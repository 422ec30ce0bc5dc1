"""How a path relates to others: an older version of one, a namesake, the tail of one."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice, takewhile

KEPT = (
    20_000  # paths whose parts are cached: splitting them again took a third of a query (runs/2026-11-24-dev)
)
NAMESAKES = 3  # files with the same name that a message suggests for a missing file

_VERSION_FOLDER = re.compile(r"v(\d+)")


def older(paths: Iterable[str]) -> set[str]:
    """Return the files in a version folder that has a newer sibling: `v3/` next to `v4/`.

    >>> older(["src/v3/types.ts", "src/v4/types.ts", "api/v1/app.ts"])
    {'src/v3/types.ts'}
    """
    versions = {path: found for path in paths if (found := _versions(path.rpartition("/")[0]))}
    newest: dict[str, int] = {}
    for parent, number in (version for found in versions.values() for version in found):
        newest[parent] = max(number, newest.get(parent, number))
    return {
        path for path, found in versions.items() if any(number < newest[parent] for parent, number in found)
    }


def namesakes(path: str, paths: Iterable[str]) -> list[str]:
    """List the first few of `paths` with the same file name as `path`, in the given order.

    >>> namesakes("lib/run.py", ["src/run.py", "src/walk.py"])
    ['src/run.py']
    """
    name = path.rpartition("/")[2]
    return list(islice((known for known in paths if known.rpartition("/")[2] == name), NAMESAKES))


def common_tail(path: str, written: str) -> int:
    """Count the trailing parts that two paths share, which may have different roots.

    >>> common_tail("src/app/cart.py", "/usr/lib/app/cart.py")
    2
    """
    parts = zip(reversed(path.split("/")), reversed(written.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], parts))


@lru_cache(KEPT)
def _versions(folder: str) -> tuple[tuple[str, int], ...]:
    """Find the version folders in a path: the parent and the number of each."""
    parts = folder.split("/")
    matches = enumerate(_VERSION_FOLDER.fullmatch(part.lower()) for part in parts)
    return tuple(("/".join(parts[:depth]), int(match[1])) for depth, match in matches if match)

"""A repository that is edited, branched and merged, and what a search must find in it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fakes import found, git, repository, write

from retrieval.files.watcher import Watcher
from retrieval.sync.repository import Repository

FOREVER_S = 60
FILES = 36


def word(number: int, version: str = "a") -> str:
    """Make a name that stands in one version of one file only."""
    digits = "".join(chr(ord("b") + int(digit)) for digit in f"{number:02}")
    return f"zq{version}{digits}x"  # no ending that a stemmer takes off


def path_of(number: int) -> str:
    """Name a file: three folders, two languages."""
    return f"{('src', 'lib', 'lib/deep')[number % 3]}/f{number:02}.{('py', 'rb')[number % 2]}"


def text_of(number: int, version: str = "a") -> str:
    """Write a file that defines its word."""
    return f"def {word(number, version)}(value)" + (
        ":\n    return value\n" if number % 2 == 0 else "\n  value\nend\n"
    )


@dataclass
class World:
    """A work tree with a reader that stays, and the watch that tells it what changed, if there is one."""

    root: Path
    cache: Path
    stays: Repository
    watcher: Watcher | None

    def sees(self, here: Mapping[str, str], gone: Collection[str] = ()) -> None:
        """Hold what is found, by the reader that stays and by a fresh one, against word and path."""
        self.stays.refresh(touched=self.watcher.touched() if self.watcher else None)
        self._holds(self.stays, here, gone)  # before another process does the work for it
        self._holds(repository(self.root, self.cache), here, gone)

    def _holds(self, reader: Repository, here: Mapping[str, str], gone: Collection[str]) -> None:
        expected = {name: [path] for name, path in here.items()}
        assert {name: found(reader, name) for name in here} == expected
        assert [name for name in gone if found(reader, name)] == []

    def git(self, *arguments: str) -> str:
        """Run git in the work tree."""
        return git(self.root, *arguments)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files."""
        write(self.root, files)

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)


def everything(version: str = "a", numbers: Iterable[int] = range(FILES)) -> dict[str, str]:
    """Tell where the words of a version are."""
    return {word(number, version): path_of(number) for number in numbers}


def branch(world: World) -> tuple[dict[str, str], list[str]]:
    """Commit to a new branch: files 0 to 11 change, 12 to 17 go, six new ones come; return what is there."""
    world.git("switch", "-q", "-c", "feature")
    world.write({path_of(number): text_of(number, "b") for number in range(12)})
    world.git("rm", "-q", *(path_of(number) for number in range(12, 18)))
    world.write({f"new/n{number}.py": text_of(number, "c") for number in range(40, 46, 2)})
    world.commit("feature")
    new = {word(number, "c"): f"new/n{number}.py" for number in range(40, 46, 2)}
    here = {**everything("b", range(12)), **everything("a", range(18, FILES)), **new}
    return here, list(everything("a", range(18)))

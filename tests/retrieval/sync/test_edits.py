"""An index that followed any edits is as good as one made at once: the same run, to the last bit."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest
from fakes import git, repository, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snippets import SNIPPETS

from retrieval.search.searcher import Request, search
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh

TEXTS = [dedent(SNIPPETS[language][0]) for language in ("python", "rust", "cpp", "csharp", "elixir", "bash")]
TEXTS += ["# Orders\n\nHow an order is paid.\n\n# Boxes\n\nA box has sides.\n", "limit = 3\n", "", "bin\0ary"]
NAMES = [
    f"{folder}{name}" for folder in ("", "src/", "src/in/") for name in ("a.py", "b.rs", "c.cpp", "d.md")
]
NAMES += [".gitignore", "lib", "lib/e.cs", "node_modules/f.py", ".env"]
FOLDERS = ["src", "src/in", "lib", "old"]
RULES = ["", "*.md\n", "src/in/\n", "b.rs\n!src/b.rs\n"]
QUESTIONS = [
    "how is an order paid and found",
    "box area",
    "greet",
    "limit 3",
    "src in a",
    "Order Find",
    "who leaves",
    "point",
]
Run = list[tuple[str, list[tuple[str, int, int, float]]]]


@dataclass
class Tree:
    """A work tree under edit, and the paths that the system would have told of since each reader asked.

    Attributes:
        root: Where it is.
        is_git: Whether git tracks it.
        told: For each reader, the paths that were touched; None for any.
        past: What files held before, to go back to.
    """

    root: Path
    is_git: bool
    told: list[set[str] | None] = field(default_factory=list)
    past: dict[str, bytes] = field(default_factory=dict)

    def tell(self, *paths: str) -> None:
        """Note paths for every reader, with the folders that came to be around them."""
        for touched in self.told:
            if touched is not None:
                touched.update(paths)

    def tell_all(self) -> None:
        """Note that anything may have changed, as when git wrote its index."""
        self.told = [None] * len(self.told)

    def make_room(self, path: str) -> bool:
        """Make the folders above a path; False when a file or link is in the way."""
        above = [folder for folder in Path(path).parents if folder.name][::-1]
        for folder in above:
            place = self.root / folder
            if place.is_symlink() or place.is_file():
                return False
            if not place.is_dir():
                place.mkdir()
                self.tell(str(folder))
        return True

    def put(self, path: str, data: bytes) -> None:
        """Write a file, be it new or not."""
        place = self.root / path
        if place.is_dir() or not self.make_room(path):
            return
        if place.is_file() and not place.is_symlink():
            self.past[path] = place.read_bytes()
        place.unlink(missing_ok=True)
        place.write_bytes(data)
        self.tell(path)

    def file(self, path: str) -> Path | None:
        """Return the regular file at a path, if there is one whose folder is none of another name."""
        place = self.root / path
        is_real = os.path.realpath(place.parent) == str(place.parent)
        return place if is_real and place.is_file() and not place.is_symlink() else None


def change(tree: Tree, path: str, other: str, number: int) -> None:
    """Write one of the texts to a file."""
    del other
    text = RULES[number % len(RULES)] if path == ".gitignore" else TEXTS[number % len(TEXTS)]
    tree.put(path, text.encode())


def append(tree: Tree, path: str, other: str, number: int) -> None:
    """Add to a file in place."""
    del other
    if place := tree.file(path):
        tree.past[path] = place.read_bytes()
        with place.open("ab") as opened:
            opened.write(f"\nlimit_{number} = {number}\n".encode())
        tree.tell(path)


def swap(tree: Tree, path: str, other: str, number: int) -> None:
    """Change a file and leave its size and time as they were."""
    del other
    place = tree.file(path)
    if place and path != ".gitignore":
        before, data = place.stat(), place.read_bytes()
        place.write_bytes(data.replace(b"i", b"jxq"[number % 3 :][:1]))
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
        tree.tell(path)


def delete(tree: Tree, path: str, other: str, number: int) -> None:
    """Delete a file or link."""
    del other, number
    place = tree.root / path
    if place.is_symlink() or place.is_file():
        place.unlink()
        tree.tell(path)


def rename(tree: Tree, path: str, other: str, number: int) -> None:
    """Give a file another's name."""
    del number
    place = tree.file(path)
    if place and path != other and not (tree.root / other).is_dir() and tree.make_room(other):
        place.replace(tree.root / other)
        tree.tell(path, other)


def rename_folder(tree: Tree, path: str, other: str, number: int) -> None:
    """Rename a folder; nothing is told of the files below it."""
    del path, other
    one, two = FOLDERS[number % 4], FOLDERS[number // 4 % 4]
    is_there = (tree.root / one).is_dir() and not (tree.root / one).is_symlink()
    if (
        is_there
        and not os.path.lexists(tree.root / two)
        and not two.startswith(f"{one}/")
        and tree.make_room(two)
    ):
        (tree.root / one).rename(tree.root / two)
        tree.tell(one, two)


def replace_folder(tree: Tree, path: str, other: str, number: int) -> None:
    """Move a folder out of the tree, and put a file or a link to a folder where it was."""
    del path, other
    folder = FOLDERS[number % 4]
    place = tree.root / folder
    if place.is_dir() and not place.is_symlink():
        shutil.move(place, tree.root.parent / f"out{len(list(tree.root.parent.iterdir()))}")
        if number % 2:
            place.write_text("limit_of_folder = 3\n", encoding="utf-8")
        elif number % 4:
            place.symlink_to("src" if folder != "src" else "lib")
        tree.tell(folder)


def revert(tree: Tree, path: str, other: str, number: int) -> None:
    """Put back what a file held before."""
    del other, number
    if path in tree.past:
        tree.put(path, tree.past[path])


def chmod(tree: Tree, path: str, other: str, number: int) -> None:
    """Set or clear the executable bit, or only touch."""
    del other
    if place := tree.file(path):
        place.chmod(0o755 if number % 2 else 0o644)
        if number % 3:
            os.utime(place)
        tree.tell(path)


def link(tree: Tree, path: str, other: str, number: int) -> None:
    """Put a link to another file or folder where a file was."""
    place = tree.root / path
    if not place.is_dir() and tree.make_room(path) and path != ".gitignore":
        place.unlink(missing_ok=True)
        place.symlink_to(tree.root / (FOLDERS[number % 4] if number % 2 else other))
        tree.tell(path)


def commit(tree: Tree, path: str, other: str, number: int) -> None:
    """Let git track everything."""
    del path, other, number
    if tree.is_git:
        git(tree.root, "add", "-A")
        git(tree.root, "commit", "-q", "--allow-empty", "-m", "step")
        tree.tell_all()


def go_back(tree: Tree, path: str, other: str, number: int) -> None:
    """Let git put back what was committed last."""
    del path, other
    if tree.is_git:
        git(tree.root, "reset", "-q", "--hard", "HEAD")
        if number % 2:
            git(tree.root, "clean", "-q", "-f", "-d", "-x")
        tree.tell_all()


EDITS: list[Callable[[Tree, str, str, int], None]] = [
    change,
    change,
    append,
    swap,
    delete,
    rename,
    rename_folder,
    replace_folder,
    revert,
    chmod,
    link,
    commit,
    go_back,
]

steps = st.lists(
    st.tuples(
        st.sampled_from(EDITS),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.integers(0, 47),
        st.sampled_from([(), (), (), (0,), (1,), (0, 1), (2,)]),  # which readers refresh after it
    ),
    min_size=1,
    max_size=14,
)
FIRST = {
    "src/a.py": TEXTS[0],
    "src/in/b.rs": TEXTS[1],
    "lib/e.cs": TEXTS[3],
    "d.md": TEXTS[6],
    "c.cpp": TEXTS[2],
}


def run_of(opened: Repository, freshness: Refresh) -> Run:
    """Answer all questions; every result counts, and every bit of its score."""
    assert not freshness.pending
    run = []
    for question in QUESTIONS:
        answer = search(opened.view(), Request(question, 50, rerank="no"), None, refresh=freshness)
        assert all(result.passage.is_current for result in answer.results), "nothing changes meanwhile"
        chunks = [(result.ranked.candidate.chunk, result.ranked.score) for result in answer.results]
        run.append((question, [(c.path, c.start_line, c.end_line, score) for c, score in chunks]))
    return run


def follow(folder: Path, script: Sequence[tuple[object, ...]], *, is_git: bool, is_watched: bool) -> int:
    """Apply a script, with readers that refresh on the way; return how many results were compared."""
    tree = Tree(write(folder / "root", FIRST).resolve(), is_git)
    if is_git:
        git(tree.root, "init", "-q")
        commit(tree, "", "", 0)
    readers = [repository(tree.root, folder / "cache") for _ in range(2)]
    tree.told = [set() for _ in readers]

    def refresh(number: int) -> Refresh:
        touched, tree.told[number] = tree.told[number], set()
        return readers[number].refresh(touched=touched if is_watched else None)

    for edit, path, other, seed, who in script:
        edit(tree, path, other, seed)  # type: ignore[operator]  # drawn from EDITS
        for number in who:  # type: ignore[attr-defined]  # a tuple of numbers
            if number == 2:
                repository(tree.root, folder / "cache")  # a process that comes and goes
            else:
                refresh(number)
    rebuilt = repository(tree.root, folder / "another cache")
    expected = run_of(rebuilt, Refresh())
    for number, reader in enumerate(readers):
        assert run_of(reader, refresh(number)) == expected
        assert (reader.view().paths, reader.view().excluded) == (
            rebuilt.view().paths,
            rebuilt.view().excluded,
        )
        assert len(reader.view().snapshot) == len(rebuilt.view().snapshot)
    return sum(len(results) for _, results in expected)


@pytest.mark.parametrize("is_watched", [True, False], ids=["watched", "looked through"])
@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=steps)
def test_an_index_that_followed_edits_gives_the_run_of_one_made_anew(
    tmp_path_factory: pytest.TempPathFactory,
    script: list[tuple[object, ...]],
    *,
    is_git: bool,
    is_watched: bool,
) -> None:
    """Whoever looks into a strange answer must not have to ask how the index came about."""
    follow(tmp_path_factory.mktemp("edits"), script, is_git=is_git, is_watched=is_watched)

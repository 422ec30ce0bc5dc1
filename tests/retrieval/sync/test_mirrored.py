"""A repository from its URL is searched as its checkout would be, at one commit, and follows pushes."""

from pathlib import Path

import pytest
from fake_secrets import secrets
from fakes import MAX_BYTES, found, git, searched
from remotes import Remote

from retrieval.mirrors import inventory
from retrieval.paths.path_filter import Filter
from retrieval.search.searcher import Request
from retrieval.sync.repository import Repository

FILES: dict[str, str | bytes] = {
    f"src/m{n}.py": f"def retry_{n}(attempt):\n    # Wait before retry {n}.\n    return {n}**attempt\n"
    for n in range(30)
}
SECRET, SECRET_LINE = next(iter(secrets(1).values()))
QUESTIONS = ("how long to wait before a retry", "retry_7", "upload attempt")


@pytest.fixture(name="origin")
def origin_fixture(tmp_path: Path) -> Remote:
    """A repository with a past, a secret and a nested folder."""
    made = Remote(tmp_path, {"src/m0.py": "def old():\n    pass\n", "docs/a.md": "# Uploads\n"})
    made.push(FILES, "Retry uploads with backoff")
    made.push({"src/key.py": f"{SECRET_LINE}\n"}, "Add the token")
    return made


def mirrored(origin: Remote, cache: Path, ref: str = "") -> Repository:
    """Open a mirror."""
    return Repository(origin.source(ref), cache=cache, max_bytes=MAX_BYTES)


def answers(repository: Repository, question: str) -> list[tuple[str, float, tuple[str, ...]]]:
    """Return the places of an answer with their scores and lines."""
    results = searched(repository, Request(question, 10)).results
    return [(one.passage.chunk.span, one.ranked.score, one.passage.lines) for one in results]


def test_results_scores_and_lines_are_those_of_a_checkout(origin: Remote, tmp_path: Path) -> None:
    """Whoever moves a fleet from clones to URLs must not see its rankings change."""
    git(tmp_path, "clone", "-q", str(origin.folder), str(tmp_path / "checkout"))
    disk = Repository(tmp_path / "checkout", cache=tmp_path / "disk", max_bytes=MAX_BYTES)
    there = mirrored(origin, tmp_path / "cache")
    for repository in (disk, there):
        repository.refresh()
        repository.read_past()
    assert there.describe_past() == disk.describe_past() == "3 commits before HEAD"
    for question in QUESTIONS:
        assert answers(there, question) == answers(disk, question)
        assert answers(there, question)
    assert there.view().lines("src/key.py") == disk.view().lines("src/key.py")
    assert SECRET not in str(there.view().lines("src/key.py"))


def test_a_push_indexes_what_it_changed_and_the_reply_names_the_commit(
    origin: Remote, tmp_path: Path
) -> None:
    """An answer is worth as much as the commit that it is from."""
    repository = mirrored(origin, tmp_path / "cache")
    assert repository.refresh().changed == len(FILES) + 2
    first = repository.view()
    pushed = origin.push({"src/m3.py": "def entirely_new_name():\n    return 1\n"})
    assert repository.mirror is not None
    assert repository.refresh().changed == 0
    repository.mirror.refresh()
    assert repository.refresh().changed == 1
    assert found(repository, "entirely_new_name") == ["src/m3.py"]
    assert repository.view().commit == f"commit {pushed[:12]}"
    assert first.commit != repository.view().commit
    assert first.lines("src/m3.py") == str(FILES["src/m3.py"]).splitlines()


def test_a_file_that_a_push_removes_is_no_longer_found(origin: Remote, tmp_path: Path) -> None:
    """A place that is gone is the most convincing wrong answer."""
    repository = mirrored(origin, tmp_path / "cache")
    repository.refresh()
    git(origin.work, "rm", "-q", "src/m7.py")
    origin.push({})
    assert repository.mirror is not None
    repository.mirror.refresh()
    assert repository.refresh().removed == 1
    assert "src/m7.py" not in found(repository, "retry_7")
    assert repository.view().lines("src/m7.py") is None


def test_refs_of_one_url_have_indexes_and_pasts_of_their_own(origin: Remote, tmp_path: Path) -> None:
    """`@v1` and `@main` beside each other answer for different code."""
    git(origin.folder, "branch", "-q", "early", "main~2")
    main, early = mirrored(origin, tmp_path / "cache"), mirrored(origin, tmp_path / "cache", "early")
    for repository in (main, early):
        repository.refresh()
        repository.read_past()
    assert main.store_folder != early.store_folder
    assert found(early, "retry_7") == []
    assert found(main, "retry_7")[0] == "src/m7.py"
    assert early.describe_past() == "1 commit before HEAD"
    assert (main.name, early.name) == ("name", "name@early")


def test_a_past_with_files_that_were_not_fetched_is_read(origin: Remote, tmp_path: Path) -> None:
    """Git compares removed and added files to find renames, and some of these stayed at the server."""
    origin.push({"old.json": b"1," * 3_000_000, "old.md": "# Title\n" + "line\n" * 30}, "Add large data")
    git(origin.work, "rm", "-q", "old.json", "old.md")
    new: dict[str, str | bytes] = {
        "new.json": b"1," * 3_000_000 + b"2",
        "new.md": "# Title\n" + "line\n" * 30,
    }
    origin.push(new, "Move the large data")
    repository = mirrored(origin, tmp_path / "cache")
    repository.refresh()
    repository.read_past()
    assert repository.describe_past() == "5 commits before HEAD"


def test_a_path_filter_and_the_reason_for_a_path_work_without_a_disk(origin: Remote, tmp_path: Path) -> None:
    """Assistants filter by path in half of their searches."""
    origin.push({".env": "A=1\n", ".goldrankignore": "docs/\n"})
    repository = mirrored(origin, tmp_path / "cache")
    repository.refresh()
    view = repository.view()
    selected = view.select(Filter(globs=("src/m1?.py",)))
    assert selected is not None
    assert len(selected.paths) == 10
    assert view.reason(".env") == "may hold secrets"
    assert view.reason("docs/a.md") == ".goldrankignore leaves it out"
    assert view.lines("../../etc/passwd") is None


def test_a_mirror_that_is_cleaned_away_is_fetched_again(origin: Remote, tmp_path: Path) -> None:
    """`goldrank clean` beside a running server must not leave it without files."""
    repository = mirrored(origin, tmp_path / "cache")
    repository.refresh()
    assert repository.view().lines("src/m3.py")
    assert repository.mirror is not None
    inventory.remove(repository.mirror.folder)
    origin.push({"src/m3.py": "def entirely_new_name():\n    return 1\n"})
    assert repository.refresh().changed == 1
    assert repository.view().lines("src/m3.py") == ["def entirely_new_name():", "    return 1"]

"""What can be wrong with one served root, and the command that fixes it.

The check changes nothing and indexes nothing: a search repairs most problems itself, and this says which.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mcp_server.serving.repository_pool import open_repository
from retrieval.errors import GoldrankError, ModelError
from retrieval.files import git, ignores, own_ignores, walker
from retrieval.files.watcher import can_be_watched
from retrieval.index import integrity
from retrieval.rank import learned_order
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store

Verdict = Literal["ok", "warning", "failure"]

INOTIFY = Path("/proc/sys/fs/inotify/max_user_watches")  # Linux; elsewhere a tree is watched as a whole
SHOWN = 5  # invalid lines that are named
MARGIN = 2  # editors and builds watch the same folders


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One check: what was looked at, what was found, and what to do if it is not well."""

    subject: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def examine(root: Path, settings: Settings) -> Iterator[Diagnosis]:
    """Run every check of a root; one that cannot be opened has one finding."""
    try:
        repository = open_repository(root, settings)
        files = walker.walk(repository.root, max_bytes=settings.max_file_bytes).files
    except GoldrankError as error:
        yield Diagnosis("root", "failure", error.fact, error.remedy or "name a folder that you may read")
        return
    # Those that git ignores are watched too, so it is a least.
    folders = len({path.rpartition("/")[0] for path in files} | {""})
    checks: tuple[Callable[[Repository], Diagnosis], ...] = (
        _root,
        _ignored([path for path in files if path.rpartition("/")[2] in (ignores.NAME, own_ignores.NAME)]),
        _lock,
        _index,
        _watch(folders),
    )
    for check in checks:
        yield check(repository)
    yield from _order(repository.root, settings)


def _root(repository: Repository) -> Diagnosis:
    refusal = git.refusal(repository.root)
    if not refusal:
        return Diagnosis("root", "ok", f"{repository.root}, {repository.view().commit}")
    return Diagnosis("root", "ok", f"{repository.root}, {refusal}: its files are listed without git")


def _ignored(files: Sequence[str]) -> Callable[[Repository], Diagnosis]:
    def check(repository: Repository) -> Diagnosis:
        found = ignores.problems(repository.root, files)
        if not found:
            return Diagnosis("ignore files", "ok", f"{len(files)} read, every line is valid")
        shown = "; ".join(f"{file}:{number}: {what}" for file, number, what in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        remedy = "correct or delete these lines: git and goldrank ignore nothing by them"
        return Diagnosis("ignore files", "warning", shown + more, remedy)

    return check


def _lock(repository: Repository) -> Diagnosis:
    writer = repository.other_writer()
    if writer is None:
        return Diagnosis("index lock", "ok", "no process is writing the index")
    remedy = f"wait; if it does not get on, end it: kill {writer.pid}; what it committed stays"
    return Diagnosis("index lock", "warning", f"{writer.description} writes the index", remedy)


def _index(repository: Repository) -> Diagnosis:
    store, command = Store(repository.store_folder), f"goldrank index {shlex.quote(str(repository.root))}"
    if not store.folder.exists():
        return Diagnosis("index", "ok", f"none yet; the first question makes it, or now: {command}")
    if not store.is_made_by(repository.fingerprint):
        detail = f"{store.folder} was made by another version, analyzer or detector and will be rebuilt"
        return Diagnosis("index", "warning", detail, f"let the next question do it, or now: {command}")
    if damaged := integrity.damaged(store.chunks):
        return Diagnosis(
            "index", "failure", f"{store.folder} is damaged: {', '.join(damaged)}", f"{command} --rebuild"
        )
    return Diagnosis("index", "ok", f"{store.folder} is whole, {store.size_bytes() / 1e6:,.1f} MB")


def _watch(folders: int) -> Callable[[Repository], Diagnosis]:
    def check(repository: Repository) -> Diagnosis:
        if not can_be_watched(repository.root):
            detail = (
                "other machines may write this disk unnoticed, so the tree is scanned before each question"
            )
            return Diagnosis("watching", "warning", detail, "keep a large tree on a disk of this machine")
        most = watches()
        if most is not None and folders * MARGIN > most:
            detail = f"{folders:,} folders, and this system watches {most:,}, so the tree is scanned"
            remedy = f"sudo sysctl fs.inotify.max_user_watches={max(524_288, 4 * folders)}"
            return Diagnosis("watching", "warning", detail, remedy)
        return Diagnosis("watching", "ok", "this disk tells what changes")

    return check


def learned_orders(models: Path) -> str:
    """Count the roots that a learned order serves; a damaged one is the folder's own diagnosis."""
    count = 0
    for folder in models.glob(f"*/{learned_order.FOLDER}"):
        with suppress(ModelError):
            count += learned_order.current(folder) is not None
    return f"{count} learned order{'s' * (count != 1)}"


def _order(root: Path, settings: Settings) -> Iterator[Diagnosis]:
    """Check the order that the root learned, if it did."""
    order = learned_order.serving(settings.models, root)
    if order.note:
        undo = f"goldrank rollback --order --repo {shlex.quote(str(root))}"
        yield Diagnosis("order", "warning", order.note, undo)
    elif order.name:
        yield Diagnosis("order", "ok", f"{order.name}, learned from {order.lessons:,} commits")


def watches() -> int | None:
    """Return how many folders this user may watch; None where there is no such limit."""
    try:
        return int(INOTIFY.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None

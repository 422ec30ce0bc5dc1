"""The commands that maintain the index: build it, report on it, remove what is no longer needed."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mcp_server.commands.options import (
    SERVED,
    counted,
    opened,
    settings_of,
    up_to_date,
    with_common,
    with_links,
    with_shared_indexes,
)
from mcp_server.messages import replies
from mcp_server.terminal.progress import took, waiting
from mcp_server.terminal.usage import examples
from retrieval import ownership
from retrieval.errors import GoldrankError
from retrieval.mirrors import inventory as mirrors
from retrieval.mirrors.source import Root, Source
from retrieval.rank import learned_order
from retrieval.rerank import model_versions
from retrieval.settings import CONFIG_FILE, Settings
from retrieval.sync import chunk_cache, inventory
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store, store_folder


@click.command(
    epilog=examples(
        "goldrank index",
        "goldrank index ../other --rebuild",
        "goldrank index https://github.com/elixir-ecto/ecto",
    )
)
@click.argument("root", type=SERVED, default=".")
@click.option("--rebuild", is_flag=True, help="Delete the index first.")
@click.option("--yes", is_flag=True, help="Index a folder outside git, however many files it holds.")
@with_links
@with_shared_indexes
@with_common
def index(root: Root, rebuild: bool, yes: bool, **flags: Any) -> None:
    """Bring the index of ROOT, a folder or a URL, up to date ahead of time. Every search does this too.

    Of a URL, it first fetches what is new.

    You may interrupt it at any time: finished work is kept, and the next run continues from there.
    """
    start_s = time.monotonic()
    repository = opened(root, settings_of(**flags), yes=yes, fetch="now")
    if rebuild:
        repository.rebuild()
    done = up_to_date(repository)
    if done.note:
        raise GoldrankError(done.note)
    view = repository.view()
    click.echo(
        f"{_shown(repository)}: {counted(done.changed, 'file')} indexed, {done.removed:,} removed; "
        f"{counted(len(view.paths), 'file')}, {counted(len(view.snapshot), 'chunk')}, "
        f"{_megabytes(repository.store_bytes())}{took(start_s)}"
    )
    if shared := repository.describe_sharing():
        click.echo(replies.clean(f"shared: {shared}"))


@click.command(epilog=examples("goldrank status", "goldrank status --excluded | grep .env"))
@click.argument("root", type=SERVED, default=".")
@click.option(
    "--excluded",
    is_flag=True,
    help="List every file that is not searched, with its reason, and what git ignores.",
)
@with_links
@with_shared_indexes
@with_common
def status(root: Root, excluded: bool, **flags: Any) -> None:
    """Bring the index of ROOT up to date, and show what it holds and what is left out, with reasons.

    Checks every file of the index, and rebuilds it when one is damaged. Also shows the disk space that all of
    goldrank uses; `goldrank clean` frees what is no longer needed.
    """
    settings = settings_of(**flags)
    repository = opened(root, settings)
    with waiting("checking the index"):
        damaged = repository.discard_if_damaged() if repository.store_folder.exists() else []
    done = up_to_date(repository)
    view = repository.view()
    _row("root", f"{_shown(repository)} ({view.commit})")
    _row("index", f"{repository.store_folder} ({_megabytes(repository.store_bytes())})")
    if shared := repository.describe_sharing():
        _row("shared", shared)
    _row("files", f"{len(view.paths):,}")
    _row("chunks", f"{len(view.snapshot):,}")
    _row("history", repository.describe_past())
    _row("model", _model(repository.root, settings))
    if order := _order(repository.root, settings):
        _row("order", order)
    _row("refreshed", done.note or f"{done.changed} changed, {done.removed} removed")
    if damaged:
        _row("damaged", f"{', '.join(damaged)}: the index was rebuilt")
    reasons = Counter(item.reason for item in view.excluded)
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        _row("excluded", f"{count:,}: {reason}")
    for line in view.idle_lines():
        _row("no effect", f"{line.file}:{line.number}: {line.text}: {line.reason}")
    for path, note in view.notes.items():
        _row("odd", f"{path}: {note}")
    _row("on disk", _on_disk(settings.cache, settings.chunk_cache_bytes))
    if excluded:
        for item in view.excluded:
            click.echo(replies.clean(f"{item.path}\t{item.reason}"))
        for item in view.ignored():
            click.echo(replies.clean(f"{item.path}\t{item.reason}"))


@click.command(
    epilog=examples("goldrank clean --dry-run", "goldrank clean ../old-project", "goldrank clean --all")
)
@click.argument("roots", nargs=-1, type=SERVED)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every index and mirror, the cache of parsed chunks, and the work of every learning.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be freed.")
@with_common
def clean(roots: Sequence[Root], everything: bool, dry_run: bool, **flags: Any) -> None:
    """Free disk space that goldrank uses.

    Without arguments, it removes the indexes of folders that are gone and those of other releases; with
    ROOTS, their indexes. URL removes a repository's mirror and the indexes of all its refs; URL@REF removes
    the index of that ref, and the mirror if no other ref uses it.

    Nothing is lost: a search rebuilds what it needs. What was learned and promoted always stays.
    """
    settings = settings_of(**flags)
    cache = settings.cache
    doomed = list(_doomed(roots, cache, everything))
    freed = _free(doomed, cache, dry_run=dry_run)
    gone = {store.folder for store in doomed if dry_run or not store.folder.exists()}
    needless = _unneeded_mirrors(roots, cache, everything, gone)
    freed += _free_folders(
        [(folder, f"mirror of {mirrors.url_of(folder)}") for folder in needless],
        mirrors.remove,
        dry_run=dry_run,
    )
    if not roots:
        for folder in inventory.unclaimed(cache):
            click.echo(replies.clean(f"left: {folder} lacks goldrank's {ownership.MARK}"), err=True)
    if everything:
        freed += _free_work(cache, dry_run=dry_run)
        freed += chunk_cache.size_bytes(cache)
        click.echo(f"{_megabytes(chunk_cache.size_bytes(cache))} cached chunks")
        if not dry_run:
            chunk_cache.remove(cache)
    click.echo(f"{'would free' if dry_run else 'freed'} {_megabytes(freed)} below {cache}")
    if everything and (kept := _kept(settings)):
        click.echo(replies.clean(f"kept, yours to delete: {'; '.join(kept)}"))


def _doomed(roots: Sequence[Root], cache: Path, everything: bool) -> Iterator[Store]:
    """Yield the indexes that `clean` is about: all, those of some roots, or those that nothing needs."""
    if roots and not everything:
        for root in roots:
            yield from _stores_of(root, cache)
        return
    yield from (store for store in inventory.stores(cache) if everything or not store.root.is_dir())
    yield from inventory.foreign(cache)


def _kept(settings: Settings) -> list[str]:
    """Name what `clean --all` leaves: what a person decided, which no search can rebuild."""
    kept = (
        ("promoted models and orders", settings.models),
        ("configuration", CONFIG_FILE),
        ("list of URLs", settings.fleet),
    )
    return [
        f"{what} ({path})" for what, path in kept if path.is_file() or (path.is_dir() and any(path.iterdir()))
    ]


def _row(label: str, said: str) -> None:
    click.echo(f"{click.style(f'{label:<9}', fg='cyan')} {replies.clean(said)}")


def _model(root: Path, settings: Settings) -> str:
    """Name the cross-encoder of a root; `goldrank doctor` says whether it works."""
    if not settings.model:
        return "none: BM25 alone ranks"
    promoted = (
        model_versions.current(model_versions.store(settings.models, root))
        if "model" not in settings.explicit
        else None
    )
    return promoted or settings.model


def _order(root: Path, settings: Settings) -> str:
    """Say which learned order serves a root, or why none of its own does; "" where nothing was learned."""
    order = learned_order.serving(settings.models, root)
    return order.note or (
        f"{order.name}, learned from {counted(order.lessons, 'commit')}" if order.name else ""
    )


def _free(doomed: Iterable[Store], cache: Path, *, dry_run: bool) -> int:
    """Delete stores and return the bytes freed; report each that another process is writing, and keep it."""
    freed = 0
    for store in doomed:
        size, title = store.size_bytes(), _title(store, cache)
        if not size:
            click.echo(f"no index in {store.folder}")
            continue
        try:
            if not dry_run:
                store.remove()
        except GoldrankError as error:
            click.echo(f"kept: {error}", err=True)
            continue
        freed += size
        click.echo(replies.clean(f"{_megabytes(size)} {title} ({store.folder.parent.name})"))
    return freed


def _title(store: Store, cache: Path) -> str:
    """Name the root of an index: a folder by its path, a ref by the URL of its mirror."""
    folder = next((folder for folder in mirrors.folders(cache) if folder in store.root.parents), None)
    return f"index of {mirrors.url_of(folder)}, {store.root.name}" if folder else str(store.root)


def _shown(repository: Repository) -> str:
    """Return how a person named a repository."""
    return repository.mirror.source.written if repository.mirror else str(repository.root)


def _stores_of(root: Root, cache: Path) -> list[Store]:
    """List the indexes of a root: of a URL without a ref, those of all its refs."""
    if not isinstance(root, Source):
        return [Store(store_folder(cache, root.resolve()))]
    return [Store(store_folder(cache, root.root(cache)))] if root.ref else _stores_in(root, cache)


def _stores_in(source: Source, cache: Path) -> list[Store]:
    """List the indexes of all refs that share the mirror of a URL."""
    folder = source.mirror_folder(cache)
    return [store for store in inventory.stores(cache) if folder in store.root.parents]


def _unneeded_mirrors(
    roots: Sequence[Root], cache: Path, everything: bool, gone: Collection[Path]
) -> list[Path]:
    """List the mirrors that `clean` is about: all, those of some URLs, or those that were never fetched.

    A mirror stays while the index of another ref uses it, and a line says so.
    """
    if everything:
        return mirrors.folders(cache)
    if not roots:
        return mirrors.unfetched(cache)
    unneeded = set()
    for source in {root.mirror_folder(cache): root for root in roots if isinstance(root, Source)}.values():
        used_by = [store for store in _stores_in(source, cache) if store.folder not in gone]
        if used_by:
            users = "1 index uses it" if len(used_by) == 1 else f"{len(used_by)} indexes use it"
            click.echo(replies.clean(f"kept: the mirror of {source.url}, {users}"))
        else:
            unneeded.add(source.mirror_folder(cache))
    return sorted(unneeded)


def _free_work(cache: Path, *, dry_run: bool) -> int:
    """Delete what learnings left in the cache, and the folders that this empties; return the bytes freed."""
    folders = inventory.work(cache)
    freed = _free_folders(
        [(folder, f"work of learning in {folder}") for folder in folders], ownership.remove, dry_run=dry_run
    )
    for parent in (*{folder.parent for folder in folders}, cache / inventory.LEARNING):
        if not dry_run and inventory.LEARNING in {parent.name, parent.parent.name}:
            with suppress(OSError):  # it holds something else, or another process learns there
                parent.rmdir()
    return freed


def _free_folders(
    folders: Iterable[tuple[Path, str]], remove: Callable[[Path], None], *, dry_run: bool
) -> int:
    """Delete folders, each given with its title, and return the bytes freed."""
    freed = 0
    for folder, title in folders:
        size = ownership.size_bytes(folder)
        if not size:
            continue
        try:
            if not dry_run:
                remove(folder)
        except GoldrankError as error:
            click.echo(f"kept: {error}", err=True)
            continue
        freed += size
        click.echo(replies.clean(f"{_megabytes(size)} {title}"))
    return freed


def _on_disk(cache: Path, limit_bytes: int) -> str:
    kept = inventory.stores(cache)
    gone = sum(not store.root.is_dir() for store in kept)
    size = sum(store.size_bytes() for store in (*kept, *inventory.foreign(cache)))
    orphans = f", {gone} of folders that are gone" if gone else ""
    chunks = f"{_megabytes(chunk_cache.size_bytes(cache))} of at most {_megabytes(limit_bytes)}"
    indexes = "index" if len(kept) == 1 else "indexes"
    mirrored = mirrors.folders(cache)
    also = f"; {_megabytes(sum(map(mirrors.size_bytes, mirrored)))} in {counted(len(mirrored), 'mirror')}"
    mirrored_size = also if mirrored else ""
    return f"{_megabytes(size)} in {len(kept)} {indexes}{orphans}; {chunks} in cached chunks{mirrored_size}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


COMMANDS = (index, status, clean)

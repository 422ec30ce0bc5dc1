"""The commands that maintain the index: build it, report on it, remove what is no longer needed."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
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
from retrieval.settings import Settings
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

    You may interrupt it at any time: the next run continues from what was committed.
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
    "--all", "everything", is_flag=True, help="Every index, every mirror, and the cache of parsed chunks."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be freed.")
@with_common
def clean(roots: Sequence[Root], everything: bool, dry_run: bool, **flags: Any) -> None:
    """Free disk space that goldrank uses.

    Without arguments, it removes the indexes of folders that are gone and those of other releases; with
    ROOTS, their indexes and the mirrors of URLs. Nothing is lost: a search rebuilds what it needs.
    """
    cache = settings_of(**flags).cache
    if everything:
        doomed = [*inventory.stores(cache), *inventory.foreign(cache)]
    elif roots:
        doomed = [store for root in roots for store in _stores_of(root, cache)]
    else:
        doomed = [
            *(store for store in inventory.stores(cache) if not store.root.is_dir()),
            *inventory.foreign(cache),
        ]
    freed = _free(doomed, dry_run=dry_run)
    freed += _free_mirrors(_unneeded_mirrors(roots, cache, everything), dry_run=dry_run)
    if not roots:
        for folder in inventory.unclaimed(cache):
            click.echo(replies.clean(f"left: {folder} lacks goldrank's {ownership.MARK}"), err=True)
    if everything:
        freed += chunk_cache.size_bytes(cache)
        click.echo(f"{_megabytes(chunk_cache.size_bytes(cache))} cached chunks")
        if not dry_run:
            chunk_cache.remove(cache)
    click.echo(f"{'would free' if dry_run else 'freed'} {_megabytes(freed)} below {cache}")


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


def _free(doomed: Iterable[Store], *, dry_run: bool) -> int:
    """Delete stores and return the bytes freed; report each that another process is writing, and keep it."""
    freed = 0
    for store in doomed:
        size, root = store.size_bytes(), store.root
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
        click.echo(replies.clean(f"{_megabytes(size)} {root} ({store.folder.parent.name})"))
    return freed


def _shown(repository: Repository) -> str:
    """Return how a person named a repository."""
    return repository.mirror.source.written if repository.mirror else str(repository.root)


def _stores_of(root: Root, cache: Path) -> list[Store]:
    """List the indexes of a root; of a URL, those of all its refs, which share the mirror."""
    if not isinstance(root, Source):
        return [Store(store_folder(cache, root.resolve()))]
    folder = root.mirror_folder(cache)
    return [store for store in inventory.stores(cache) if folder in store.root.parents]


def _unneeded_mirrors(roots: Sequence[Root], cache: Path, everything: bool) -> list[Path]:
    """List the mirrors that `clean` is about: all, those of some URLs, or those that were never fetched."""
    if everything:
        return mirrors.folders(cache)
    if roots:
        return sorted({root.mirror_folder(cache) for root in roots if isinstance(root, Source)})
    return mirrors.unfetched(cache)


def _free_mirrors(folders: Iterable[Path], *, dry_run: bool) -> int:
    """Delete mirrors and return the bytes freed."""
    freed = 0
    for folder in folders:
        size = mirrors.size_bytes(folder)
        if not size:
            continue
        try:
            if not dry_run:
                mirrors.remove(folder)
        except GoldrankError as error:
            click.echo(f"kept: {error}", err=True)
            continue
        freed += size
        click.echo(replies.clean(f"{_megabytes(size)} mirror of {folder.name.rpartition('-')[0]}"))
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

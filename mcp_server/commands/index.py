"""The commands that look after the index: make it, say what is in it, free what nobody needs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from mcp_server.commands.options import FOLDER, ROOT, counted, opened, progress_bar, settings_of, with_common
from mcp_server.messages import replies
from retrieval import ownership
from retrieval.errors import GoldrankError
from retrieval.rerank import model_versions
from retrieval.settings import Settings
from retrieval.sync import chunk_cache, inventory
from retrieval.sync.store import Store, store_folder


@click.command()
@click.argument("root", type=ROOT, default=".")
@click.option("--rebuild", is_flag=True, help="Throw the index away first.")
@click.option("--yes", is_flag=True, help="Index a folder outside git however many files it holds.")
@with_common
def index(root: Path, rebuild: bool, yes: bool, **flags: Any) -> None:
    """Bring the index of ROOT up to date. Searching does this too; this does it ahead of time.

    It may be interrupted at any time: what was committed stays, and the next run goes on from there.
    """
    repository = opened(root, settings_of(**flags), yes=yes)
    if rebuild:
        repository.rebuild()
    with progress_bar() as progress:
        done = repository.refresh(progress=progress)
    if done.note:
        raise GoldrankError(done.note)
    view = repository.view()
    click.echo(
        f"{repository.root}: {counted(done.changed, 'file')} indexed, {done.removed:,} removed; "
        f"{counted(len(view.paths), 'file')}, {counted(len(view.snapshot), 'chunk')}, "
        f"{_megabytes(repository.store_bytes())}"
    )


@click.command()
@click.argument("root", type=ROOT, default=".")
@click.option("--excluded", is_flag=True, help="List every file that is not searched, with its reason.")
@with_common
def status(root: Path, excluded: bool, **flags: Any) -> None:
    """Bring the index of ROOT up to date and say what is in it, and what is not and why.

    The files of the index are read and checked, and made anew when one is damaged.
    Also what all of goldrank takes on disk; `goldrank clean` frees what nobody needs.
    """
    settings = settings_of(**flags)
    repository = opened(root, settings)
    damaged = repository.discard_if_damaged() if repository.store_folder.exists() else []
    with progress_bar() as progress:
        done = repository.refresh(progress=progress)
    view = repository.view()
    click.echo(f"root      {repository.root} ({view.commit})")
    click.echo(f"index     {repository.store_folder} ({_megabytes(repository.store_bytes())})")
    click.echo(f"files     {len(view.paths):,}")
    click.echo(f"chunks    {len(view.snapshot):,}")
    click.echo(f"model     {_model(repository.root, settings)}")
    click.echo(f"refreshed {done.note or f'{done.changed} changed, {done.removed} removed'}")
    if damaged:
        click.echo(f"damaged   {', '.join(damaged)}: the index was made anew")
    reasons = Counter(item.reason for item in view.excluded)
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        click.echo(f"excluded  {count:,}: {reason}")
    for path, note in view.notes.items():
        click.echo(replies.clean(f"odd       {path}: {note}"))
    click.echo(f"on disk   {_on_disk(settings.cache, settings.chunk_cache_bytes)}")
    if excluded:
        for item in view.excluded:
            click.echo(replies.clean(f"{item.path}\t{item.reason}"))


@click.command()
@click.argument("roots", nargs=-1, type=FOLDER)
@click.option("--all", "everything", is_flag=True, help="Every index, and the chunks kept by content.")
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@with_common
def clean(roots: Sequence[Path], everything: bool, dry_run: bool, **flags: Any) -> None:
    """Free disk space that goldrank takes.

    Without arguments: the indexes of folders that are gone, and those of other releases. With ROOTS: their
    indexes. Nothing is lost for good: whatever is missed is made anew when a question needs it.
    """
    cache = settings_of(**flags).cache
    if everything:
        doomed = [*inventory.stores(cache), *inventory.foreign(cache)]
    elif roots:
        doomed = [Store(store_folder(cache, root.resolve())) for root in roots]
    else:
        doomed = [
            *(store for store in inventory.stores(cache) if not store.root.is_dir()),
            *inventory.foreign(cache),
        ]
    freed = _free(doomed, dry_run=dry_run)
    if not roots:
        for folder in inventory.unclaimed(cache):
            click.echo(replies.clean(f"left: {folder} lacks goldrank's {ownership.MARK}"), err=True)
    if everything:
        freed += chunk_cache.size_bytes(cache)
        click.echo(f"{_megabytes(chunk_cache.size_bytes(cache))} chunks kept by content")
        if not dry_run:
            chunk_cache.remove(cache)
    click.echo(f"{'would free' if dry_run else 'freed'} {_megabytes(freed)} below {cache}")


def _model(root: Path, settings: Settings) -> str:
    """Name the cross-encoder that reads for a root; `goldrank doctor` says whether it can."""
    if not settings.model:
        return "none is set: BM25 alone ranks"
    promoted = (
        model_versions.current(model_versions.store(settings.models, root))
        if "model" not in settings.explicit
        else None
    )
    return promoted or settings.model


def _free(doomed: Iterable[Store], *, dry_run: bool) -> int:
    """Delete stores; return the bytes that they took. One that is being written stays, and is told."""
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


def _on_disk(cache: Path, limit_bytes: int) -> str:
    kept = inventory.stores(cache)
    gone = sum(not store.root.is_dir() for store in kept)
    size = sum(store.size_bytes() for store in (*kept, *inventory.foreign(cache)))
    orphans = f", {gone} of folders that are gone" if gone else ""
    chunks = f"{_megabytes(chunk_cache.size_bytes(cache))} of at most {_megabytes(limit_bytes)}"
    indexes = "index" if len(kept) == 1 else "indexes"
    return f"{_megabytes(size)} in {len(kept)} {indexes}{orphans}; {chunks} in chunks kept by content"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


COMMANDS = (index, status, clean)

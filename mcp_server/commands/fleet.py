"""The commands that keep a list of URLs, which `goldrank serve --fleet` serves together.

The list is a text file: a URL a line, with `@REF` where a ref is meant. Comments, blank lines and their order
stay as a person wrote them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from filelock import FileLock

from mcp_server.clients import atomic_file
from mcp_server.commands.fleet_rights import rights
from mcp_server.commands.fleet_up import status, up
from mcp_server.commands.options import FILE, NOTHING_FOUND, counted, settings_of, text_of, with_common
from mcp_server.messages.visibility import clean
from mcp_server.serving import url_list
from mcp_server.terminal.usage import examples
from retrieval.errors import CacheError
from retrieval.mirrors.mirror import Mirror
from retrieval.mirrors.source import Source

_FIRST_LINES = (
    "# Repositories that `goldrank serve --fleet` serves: a URL a line, with @REF for a branch or tag.\n"
)


@click.group(
    epilog=examples("goldrank fleet add https://github.com/elixir-ecto/ecto@v3.12", "goldrank fleet list")
)
def fleet() -> None:
    """Keep the list of URLs that `goldrank serve --fleet` serves, and serve it from many processes."""


fleet.add_command(up)
fleet.add_command(status)
fleet.add_command(rights)


@fleet.command(
    epilog=examples("goldrank fleet add git@github.com:owner/name.git", "goldrank fleet add --from urls.txt")
)
@click.argument("urls", nargs=-1)
@click.option("--from", "file", type=FILE, help="Also add the URLs of this file, one a line.")
@with_common
def add(urls: Sequence[str], file: Path | None, **flags: Any) -> None:
    """Add URLS to the list; those that it has are left alone."""
    registry = settings_of(**flags).fleet
    wanted = [*_sources(urls), *(url_list.parse(text_of(file), file) if file else ())]
    if not wanted:
        raise click.UsageError("name a URL, or a file of URLs with --from")
    with _edited(registry):
        text = _text(registry)
        known = set(map(_identity, url_list.parse(text, registry)))
        fresh = {_identity(source): source for source in wanted if _identity(source) not in known}
        end = "" if text.endswith("\n") or not text else "\n"
        lines = "".join(f"{source.written}\n" for source in fresh.values())
        if fresh:
            atomic_file.write(registry, f"{text or _FIRST_LINES}{end}{lines}")
    click.echo(f"{counted(len(fresh), 'URL')} added, {len(wanted) - len(fresh):,} in the list before")


@fleet.command(epilog=examples("goldrank fleet remove https://github.com/elixir-ecto/ecto@v3.12"))
@click.argument("urls", nargs=-1, required=True)
@with_common
def remove(urls: Sequence[str], **flags: Any) -> int:
    """Remove URLS from the list; their mirrors stay until `goldrank clean URL`."""
    registry = settings_of(**flags).fleet
    doomed = {_identity(source): source for source in _sources(urls)}
    with _edited(registry):
        kept, gone = [], set[tuple[str, str]]()
        for line, source in url_list.lines(_text(registry), registry):
            if source and _identity(source) in doomed:
                gone.add(_identity(source))
            else:
                kept.append(line)
        if gone:
            atomic_file.write(registry, "".join(kept))
    for identity, source in doomed.items():
        if identity not in gone:
            click.echo(clean(f"{source.written} is not in the list"), err=True)
    click.echo(f"{counted(len(gone), 'URL')} removed")
    return 0 if len(gone) == len(doomed) else NOTHING_FOUND


@fleet.command("list", epilog=examples("goldrank fleet list"))
@with_common
def list_urls(**flags: Any) -> None:
    """List the URLs, each with the state of its mirror."""
    settings = settings_of(**flags)
    listed = url_list.read(settings.fleet)
    if not listed:
        click.echo(clean(f"{settings.fleet} lists no URL; add one: goldrank fleet add URL"), err=True)
    for source in listed:
        mirror = Mirror(source, cache=settings.cache, max_file_bytes=settings.max_file_bytes)
        commit = mirror.commit()
        state = f"commit {commit[:12]}" if commit else "not fetched yet"
        if error := mirror.state().error:
            state += f", not refreshed: {error}"
        click.echo(clean(f"{source.written}\t{state}"))


def _sources(urls: Iterable[str]) -> list[Source]:
    return [url_list.read_url(url) for url in urls]


def _identity(source: Source) -> tuple[str, str]:
    return source.key, source.ref


def _text(registry: Path) -> str:
    return atomic_file.read(registry) or ""


@contextmanager
def _edited(registry: Path) -> Iterator[None]:
    """Keep two commands that edit the list at once from losing each other's lines."""
    try:
        registry.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(registry.with_name(f".{registry.name}.lock")):
            yield
    except OSError as error:
        raise CacheError(f"{registry} cannot be written: {error.strerror or error}") from error

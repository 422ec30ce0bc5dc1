"""The command that shows who sees which repositories of the list, before a server does."""

from pathlib import Path
from typing import Any

import click

from mcp_server.commands.options import FILE, NOTHING_FOUND, settings_of, with_common
from mcp_server.messages.visibility import clean
from mcp_server.rights import report
from mcp_server.rights.caller import Caller
from mcp_server.rights.rights import read_rights
from mcp_server.serving import url_list
from mcp_server.terminal.usage import examples
from retrieval.errors import ArgumentError


@click.command(
    "rights",
    epilog=examples("goldrank fleet rights rights.toml", "goldrank fleet rights rights.toml ann"),
)
@click.argument("file", type=FILE)
@click.argument("name", required=False)
@click.option("--group", "groups", multiple=True, help="NAME's token also names this group; may be repeated.")
@with_common
def rights(file: Path, name: str | None, groups: tuple[str, ...], **flags: Any) -> int:
    """Show who sees which repositories of the list by a rights FILE, and which of its lines have no effect.

    With NAME, list the repositories that this person sees. Without it, each repository is followed by the
    people and the groups that see it, and the exit status is 1 if a line of the file has no effect.
    """
    table = read_rights(file.expanduser())
    listed = url_list.read(settings_of(**flags).fleet)
    if groups and not name:
        raise click.UsageError("--group is for the token of a NAME")
    if unknown := [group for group in groups if group not in table.groups]:
        known = ", ".join(sorted(table.groups)) or "none"
        raise ArgumentError(f"{file} has no group {unknown[0]}", remedy=f"there are: {known}")
    if name:
        seen = table.seen_by(Caller(name, frozenset(groups)), listed)
        for root in seen:
            click.echo(clean(root.written))
        click.echo(clean(f"{name} sees {len(seen):,} of {len(listed):,} repositories"), err=True)
        return 0 if seen else NOTHING_FOUND
    for one in report.readers_of(table, listed):
        people = ", ".join(one.people) or "nobody"
        through = f" (groups: {', '.join(one.groups)})" if one.groups else ""
        click.echo(clean(f"{one.root.written}\t{people}{through}"))
    idle = report.without_effect(table, listed)
    for sentence in idle:
        click.echo(clean(sentence), err=True)
    return NOTHING_FOUND if idle else 0

"""The command that clients start: serve repositories over standard input and output, or over HTTP."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mcp_server.commands.options import (
    FOLDER,
    SERVED_AS_NAMED,
    with_common,
    with_links,
    with_model,
    with_shared_indexes,
)
from mcp_server.serving.workspace import default_root
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.errors import ArgumentError
from retrieval.mirrors.source import Root, Source, meant_url
from retrieval.settings import Settings, load_settings

if TYPE_CHECKING:
    from mcp_server.rights.rights import Rights

HTTP_ONLY = {
    "token_file": "--token-file",
    "issuer": "--issuer",
    "public_url": "--public-url",
    "rate_limit": "--rate-limit",
    "webhook_secret_file": "--webhook-secret-file",
    "rights": "--rights",
    "audit_log": "--audit-log",
}
"""Options that only a server over HTTP has."""


def with_http(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a server over HTTP."""
    for option in (
        click.option(
            "--audit-log",
            type=FOLDER,
            metavar="FILE",
            help="Over HTTP: record who called which tool of which repositories, and no query or code.",
        ),
        click.option(
            "--rights",
            type=FOLDER,
            metavar="FILE",
            help="Over HTTP: who may see which of the repositories; who is not in it sees none.",
        ),
        click.option(
            "--webhook-secret-file",
            type=FOLDER,
            metavar="FILE",
            help="Over HTTP: take pushes at /webhook that are signed with this secret, and fetch at once.",
        ),
        click.option(
            "--rate-limit",
            type=click.IntRange(0),
            help="Over HTTP: requests a minute of one client; 0 for any number. [default: 600]",
        ),
        click.option(
            "--public-url", metavar="URL", help="Over HTTP: by which URL clients reach a proxy before it."
        ),
        click.option(
            "--issuer",
            metavar="URL",
            help="Over HTTP: an OAuth authorization server whose tokens are accepted.",
        ),
        click.option(
            "--token-file",
            type=FOLDER,
            metavar="FILE",
            help="Over HTTP: whose tokens are accepted, a name and a token a line.",
        ),
        click.option(
            "--http",
            metavar="[HOST:]PORT",
            help="Serve over HTTP instead, at http://HOST:PORT/mcp. [default host: 127.0.0.1]",
        ),
    ):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "goldrank serve ~/src/api ~/src/web",
        "goldrank serve https://github.com/elixir-ecto/ecto@v3.12 ~/src/api",
        "goldrank serve --http 8765 ~/src/api",
    )
)
@click.argument("roots", nargs=-1, type=SERVED_AS_NAMED)
@click.option("--fleet", is_flag=True, help="Also serve the URLs of the list that `goldrank fleet` keeps.")
@click.option("--feedback", is_flag=True, help="Add rag_feedback, which logs useful results on this machine.")
@click.option("--log-file", help="Also log to this file; it and its older copies take at most 4 MB.")
@click.option(
    "--max-open-repositories",
    type=int,
    help="Repositories kept open; the least recently used is closed first. [default: 32]",
)
@click.option(
    "--idle-unload-s",
    type=float,
    help="Unload the model and the indexes after this idle time. [default: 300]",
)
@click.option(
    "--mirror-refresh-s",
    type=float,
    help="Fetch what is new of URLs after so many seconds; 0 leaves that to webhooks. [default: 300]",
)
@with_shared_indexes
@with_http
@with_model
@with_links
@with_common
def serve(roots: Sequence[Root], fleet: bool, feedback: bool, http: str | None, **flags: Any) -> None:
    """Serve rag_search and rag_rerank over standard input and output, or over HTTP.

    ROOTS are the repositories to serve: folders, or URLs of git repositories, with @REF for a branch, tag or
    commit; without any, CLAUDE_PROJECT_DIR, else the folders that the client says it works in (its roots),
    else the repository around the working folder. Nothing outside them is read. The server fetches and
    indexes them in the background; a question never waits long, and its answer says what is not indexed yet.
    """
    import importlib.metadata

    version = importlib.metadata.version("goldrank")
    given = {name: flags.pop(name) for name in HTTP_ONLY}
    settings = load_settings(flags, environment=os.environ)
    chosen: list[Root] = [*roots, *(_listed(settings) if fleet else ())]
    chosen = chosen or [default_root(os.environ, Path.cwd())]
    if http is not None:
        _serve_http(http, given, chosen, settings, version=version, feedback=feedback)
    if needless := [option for name, option in HTTP_ONLY.items() if given[name] is not None]:
        raise ArgumentError(f"{needless[0]} is for a server over HTTP", remedy="add --http PORT")

    from mcp_server.protocol.process import serve as run_server

    is_free = not roots and not fleet and not os.environ.get("CLAUDE_PROJECT_DIR")
    run_server(chosen, settings, version=version, feedback=feedback, follow_roots=is_free)


def _listed(settings: Settings) -> list[Source]:
    """Return the URLs of the list.

    Raises:
        ArgumentError: There are none, or one is not served.
    """
    from mcp_server.serving import url_list

    found = url_list.read(settings.fleet)
    if not found:
        raise ArgumentError(f"{settings.fleet} lists no URL", remedy="add one: goldrank fleet add URL")
    return found


def _serve_http(
    written: str,
    given: Mapping[str, Any],
    roots: Sequence[Root],
    settings: Settings,
    *,
    version: str,
    feedback: bool,
) -> NoReturn:
    """Check who may reach the server before it listens.

    Raises:
        ArgumentError: Strangers could reach it without a token, or an option is wrong.
    """
    installation.require("http", "goldrank serve --http", ArgumentError)
    from mcp_server.http.address import read_address, read_public_url
    from mcp_server.http.app import Access
    from mcp_server.http.issued_tokens import IssuedTokens
    from mcp_server.http.process import Place
    from mcp_server.http.process import serve as run_server
    from mcp_server.http.rate_limit import PER_MINUTE
    from mcp_server.http.tokens import TokenFile
    from mcp_server.http.webhook import WebhookSecret
    from mcp_server.rights.audit import AuditLog

    folders = [root for root in roots if not isinstance(root, Source)]
    if missing := [root for root in folders if not root.expanduser().is_dir()]:
        meant = meant_url(str(missing[0]))
        remedy = f"did you mean {meant}?" if meant else "name existing ones"
        raise ArgumentError(f"{missing[0]} is not a folder", remedy=remedy)
    address = read_address(written)
    public_url = read_public_url(given["public_url"]) if given["public_url"] else ""
    tokens = TokenFile(given["token_file"].expanduser()) if given["token_file"] else None
    if given["issuer"] and not public_url:
        raise ArgumentError(
            "--issuer needs --public-url", remedy="tokens are issued for that URL, so name it"
        )
    issued = IssuedTokens(given["issuer"], public_url) if given["issuer"] else None
    if not address.is_loopback and not (tokens or issued):
        raise ArgumentError(
            f"other machines reach {address.netloc}",
            remedy="name who may ask with --token-file or --issuer, or listen at 127.0.0.1",
        )
    if not address.is_loopback and not public_url:
        raise ArgumentError(
            f"clients may know {address.netloc} by any name",
            remedy="name the one they use: --public-url https://code.example.com/mcp",
        )
    per_minute = PER_MINUTE if given["rate_limit"] is None else given["rate_limit"]
    secret = given["webhook_secret_file"]
    webhook = WebhookSecret(secret.expanduser()) if secret else None
    access = Access(
        tokens,
        issued,
        per_minute,
        webhook,
        _rights(given["rights"], settings, has_tokens=bool(tokens or issued)),
        AuditLog(given["audit_log"].expanduser()) if given["audit_log"] else None,
    )
    run_server(roots, settings, Place(address, public_url), access, version=version, feedback=feedback)


def _rights(file: Path | None, settings: Settings, *, has_tokens: bool) -> "Rights | None":
    """Read the rights file, where there is one.

    Raises:
        ArgumentError: It is wrong, nobody could be told from anybody else, or a link may lead from a
            repository that a caller sees to one that they do not.
    """
    if file is None:
        return None
    from mcp_server.rights.rights import Rights

    if not has_tokens:
        raise ArgumentError("--rights needs to know who asks", remedy="add --token-file FILE or --issuer URL")
    if settings.follow_links:
        raise ArgumentError(
            "--rights and follow_links exclude each other: a link may lead to a repository that is hidden",
            remedy="leave out follow_links",
        )
    return Rights(file.expanduser())

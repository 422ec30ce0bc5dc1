"""The commands that run a fleet: start it, on this machine or on many, and say how it is."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mcp_server.commands.options import (
    FOLDER,
    counted,
    settings_of,
    with_common,
    with_model,
    with_shared_indexes,
)
from mcp_server.messages.visibility import clean
from mcp_server.serving import url_list
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.errors import ArgumentError, GoldrankError
from retrieval.settings import Settings

if TYPE_CHECKING:
    from mcp_server.fleet.cluster import Health
    from mcp_server.http.address import Address

CHECK_FAILED = 1
DEFAULT_HTTP = "8765"
SAY_EVERY_S = 5.0  # how far the repositories are
LOOK_EVERY_S = 0.2
SHOWN_FAILURES = 10
_ENTRANCE = (
    "http",
    "public_url",
    "token_file",
    "issuer",
    "rights",
    "rate_limit",
    "webhook_secret_file",
    "audit_log",
)
_STATES = {
    "published": "published",
    "behind": "behind",
    "failed": "failed",
    "unknown": "not looked at yet",
}
ADDRESS = click.option(
    "--address", metavar="ADDRESS", help="A Ray cluster that runs, like 10.0.0.1:6379 or auto."
)
_SIZES = {
    "searchers": "Replicas that hold indexes and search them.",
    "readers": "Replicas that run the cross-encoder.",
    "builders": "Replicas that fetch, index and publish, one repository each at a time.",
    "routers": "Replicas that choose repositories for a question that names none.",
    "gateways": "Replicas that speak MCP.",
    "open": "Repositories that each searcher keeps open.",
}


def _with_sizes(command: Any) -> Any:
    for name, said in reversed(_SIZES.items()):
        command = click.option(f"--{name}", type=click.IntRange(1), help=said)(command)
    return command


@click.command(
    epilog=examples(
        "goldrank fleet up --shared-indexes /srv/goldrank --http 8765",
        "goldrank fleet up --address auto --shared-indexes s3://bucket/goldrank",
    )
)
@ADDRESS
@_with_sizes
@click.option("--http", metavar="[HOST:]PORT", help="Where the gateways listen. [default: 127.0.0.1:8765]")
@click.option("--public-url", metavar="URL", help="By which URL clients reach a proxy before it.")
@click.option("--token-file", type=FOLDER, metavar="FILE", help="Whose tokens are accepted.")
@click.option("--issuer", metavar="URL", help="An OAuth authorization server whose tokens are accepted.")
@click.option("--rights", type=FOLDER, metavar="FILE", help="Who may see which repositories.")
@click.option("--audit-log", type=FOLDER, metavar="FILE", help="Where gateways record who asked which tool.")
@click.option("--rate-limit", type=click.IntRange(0), help="Requests a minute of one client. [default: 600]")
@click.option(
    "--webhook-secret-file", type=FOLDER, metavar="FILE", help="Take pushes signed with this secret."
)
@with_shared_indexes
@with_model
@with_common
def up(address: str | None, **flags: Any) -> None:
    """Start a fleet that serves the list of `goldrank fleet add`: on this machine, or on a Ray cluster.

    All machines need the same shared indexes, and the list, the tokens and the rights at the same paths.
    Without sizes, they follow the number of cores. Ctrl-C ends all of it.
    """
    given = {name: flags.pop(name) for name in (*_SIZES, *_ENTRANCE)}
    settings = settings_of(**flags)
    _prepare(settings, is_alone=not address)
    from mcp_server.fleet import cluster
    from mcp_server.fleet.app import checked, cpus_of, plan_of
    from mcp_server.http.address import read_address

    written = read_address(given["http"] or DEFAULT_HTTP)
    where = _free(written)
    plan = checked(plan_of({**given, "http": where.netloc}, settings))
    with contextlib.ExitStack() as held:
        if address:
            _say(f"joining the cluster at {address} …")
            held.enter_context(cluster.joined(address))
            held.callback(cluster.withdraw)
        else:
            _say("starting the cluster …")
            found = held.enter_context(cluster.started(cpus_of(plan.sizes)))
            held.callback(cluster.remember(settings, found).unlink, missing_ok=True)
        held.enter_context(_ending_on_signals())  # Ray has set its own meanwhile
        _deploy(partial(cluster.deploy, plan, host=where.host, port=where.port, is_alone=not address))
        shown = plan.entrance.public_url or where.url
        _say(
            f"goldrank serves {counted(len(url_list.read(settings.fleet)), 'URL')} at {shown}; Ctrl-C ends it"
        )
        _follow(cluster.health)


@click.command(epilog=examples("goldrank fleet status", "goldrank fleet status --address auto --json"))
@ADDRESS
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@with_common
def status(address: str | None, is_json: bool, **flags: Any) -> int:
    """Show how a fleet is: machines, replicas, repositories and calls.

    Exit code 1 says that something is not as it should be.
    """
    settings = settings_of(**flags)
    _prepare(settings, is_alone=not address)
    from mcp_server.fleet import cluster

    with cluster.joined(address or cluster.remembered(settings)):
        found = cluster.health()
    click.echo(clean(found.to_json() if is_json else described(found)))
    return 0 if found.is_well else CHECK_FAILED


def described(found: "Health") -> str:
    """Say how a fleet is, in plain words."""
    lost = f", {found.lost_nodes} lost" if found.lost_nodes else ""
    lines = [f"machines: {found.nodes}{lost}"]
    for name, states in found.replicas.items():
        told = ", ".join(f"{count} {state.lower()}" for state, count in sorted(states.items())) or "none"
        lines.append(f"{name}: {told}{f'; {why}' if (why := found.unhealthy.get(name)) else ''}")
    listed = sum(found.states.values())
    counts = ", ".join(f"{count:,} {_STATES[state]}" for state, count in found.states.items() if count)
    lines.append(f"repositories: {listed:,}{f' ({counts})' if counts else ''}")
    lines += [f"being built: {url}" for url in found.building]
    lines += [f"not built: {url}: {why}" for url, why in list(found.failures.items())[:SHOWN_FAILURES]]
    if (more := len(found.failures) - SHOWN_FAILURES) > 0:
        lines.append(f"not built: {more:,} more; --json lists all")
    calls = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(found.calls.items()))
    lines.append(f"calls: {calls or 'none yet'}")
    return "\n".join(lines)


def _prepare(settings: Settings, *, is_alone: bool) -> None:
    """Check that a fleet can run here, before Ray is imported.

    Raises:
        ArgumentError: An extra is missing, or Ray does not run here.
    """
    for extra in ("fleet", "http"):
        installation.require(extra, "goldrank fleet up", ArgumentError)
    from mcp_server.fleet import cluster

    cluster.prepare(settings, is_alone=is_alone)


def _free(address: "Address") -> "Address":
    """Check that an address can be listened at, and choose a port for 0.

    Raises:
        ArgumentError: It is taken, forbidden, or none of this machine's.
    """
    from mcp_server.http.address import listen

    opened, found = listen(address)
    opened.close()
    return found


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let SIGTERM end the fleet as Ctrl-C does."""

    def end(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _deploy(work: Callable[[], None]) -> None:
    """Start the replicas on a thread, so that Ctrl-C is heard meanwhile.

    Raises:
        GoldrankError: As `work` does.
    """
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        begun = said = time.monotonic()
        try:
            while not done.done():
                time.sleep(LOOK_EVERY_S)
                if time.monotonic() - said >= SAY_EVERY_S:
                    said = time.monotonic()
                    _say(f"starting the replicas, {said - begun:.0f} s so far …")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        done.result()


def _follow(health: "Callable[[], Health]") -> NoReturn:
    """Say how many repositories are published until that is all, and wait for Ctrl-C."""
    said = ""
    while True:
        with contextlib.suppress(GoldrankError):
            states = health().states
            told = f"{states.get('published', 0):,} of {sum(states.values()):,} repositories are published"
            if failed := states.get("failed", 0):
                told += f", {failed:,} failed (goldrank fleet status says why)"
            if states and told != said:
                said = told
                _say(told)
        time.sleep(SAY_EVERY_S)


def _say(text: str) -> None:
    click.echo(clean(text), err=True)

"""`goldrank init`: add goldrank to the configuration of clients, and remove it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import click

from mcp_server.clients import agents_md, config_entry, registry, skill
from mcp_server.clients.config_entry import Outcome
from mcp_server.clients.registry import CLIENTS, Client, Surroundings
from mcp_server.commands.options import ROOT, repository_around
from mcp_server.messages import replies
from mcp_server.serving.workspace import default_root
from mcp_server.terminal.colour import with_color
from mcp_server.terminal.progress import stages
from mcp_server.terminal.usage import examples
from retrieval.errors import ArgumentError, ClientFileError, RootError
from retrieval.files import secret_masking
from retrieval.search.filename_fallback import DETECTOR_S

_WOULD = {"added": "would add", "updated": "would update", "removed": "would remove"}
_NOWHERE = "no client has goldrank in its configuration here; nothing was changed"
Step = tuple[str, Callable[[], Sequence[Outcome]]]
"""A client's title, and the work to do for it."""
Taken = Literal["changed", "unchanged", "absent", "failed"]
"""How a step ended; "changed" when it added or updated something, or would."""


@click.command(
    epilog=examples("goldrank init", "goldrank init claude-code --print", "goldrank init --remove")
)
@click.argument("words", nargs=-1, metavar="[CLIENT]...")
@click.option("--repo", "root", type=ROOT, help="The project. [default: the repository around here]")
@click.option("--agents", "advice", is_flag=True, help="Also add to AGENTS.md when to use which tool.")
@click.option("--skill", "wants_skill", is_flag=True, help="Also add a skill, which clients load on demand.")
@click.option("--remove", is_flag=True, help="Remove what init added.")
@click.option(
    "--print", "dry_run", is_flag=True, help="Only print what would be added or removed, and where."
)
@with_color
def init(
    words: Sequence[str], root: Path | None, advice: bool, wants_skill: bool, remove: bool, dry_run: bool
) -> None:
    """Add goldrank to the configuration of your coding assistants.

    Without a CLIENT, it configures every client in use here: Claude Code, Codex, Gemini CLI, opencode,
    Cursor, VS Code, Windsurf and Zed, in the project's file where the client has one. It preserves
    everything else in these files, and never changes an entry you wrote. You may run it again at any time.

    CLIENT is claude-code, codex, gemini, opencode, cursor, vscode, windsurf or zed; its title, its program or
    the beginning of its name also work, and all stands for every one.
    """
    everyone = list(registry.NAMES) if "all" in words else []
    names = everyone or [registry.named(word) for word in words]
    around = registry.surroundings(_root(root), os.environ)
    chosen = [
        client
        for client in CLIENTS
        if client.name in names or (not names and (remove or registry.is_in_use(client, around)))
    ]
    if not chosen and not advice:
        raise ArgumentError("no client is in use here", remedy=_instead(dry_run=dry_run))
    steps = list(_steps(chosen, around, remove=remove, dry_run=dry_run))
    if advice or (remove and not names):
        work = agents_md.dismiss if remove else agents_md.introduce
        steps.append((agents_md.FILE, lambda: [work(around.root, dry_run=dry_run)]))
    if wants_skill or (remove and not names):
        users = [client.name for client in chosen]
        steps.append(("skill", lambda: _skill(around.root, users, remove=remove, dry_run=dry_run)))
    done = _take_all(steps, dry_run=dry_run, brief=remove and not names)
    failures = done.count("failed")
    if (
        remove
        and names
        and not wants_skill
        and any(file.exists() for file in skill.files(around.root, names))
    ):
        click.echo("the skill stays; goldrank init --remove --skill removes it for every client")
    if not (remove or dry_run):
        _compile_rules()
    if not (remove or dry_run) and "changed" in done[: len(chosen)]:  # the clients come before other files
        click.echo("restart the assistant and approve goldrank if it asks; then ask it to use rag_search")
        if not advice:
            click.echo(f"goldrank init --agents also adds to {agents_md.FILE} when to use which tool")
        if not wants_skill and skill.files(around.root, [client.name for client in chosen]):
            click.echo("goldrank init --skill adds it as a skill instead, which is loaded on demand")
    if failures:
        left = "1 file was left unchanged" if failures == 1 else f"{failures} files were left unchanged"
        raise ClientFileError(f"{left}", remedy="see above")


def _instead(*, dry_run: bool) -> str:
    """Say what to do where no client is in use."""
    every = "; goldrank init --print all prints the entry of every client" if dry_run else ""
    return f"name one: goldrank init {'|'.join(registry.NAMES)}{every}"


def _root(named: Path | None) -> Path:
    if named is not None:
        if not named.is_dir():
            raise ArgumentError(
                f"{named} is not a folder", remedy="name an existing one: goldrank init --repo DIR"
            )
        return repository_around(named)
    try:
        return default_root(os.environ, Path.cwd())
    except RootError as error:
        raise ArgumentError(
            f"{Path.cwd()} is not in a project", remedy="name one: goldrank init --repo DIR"
        ) from error


def _compile_rules() -> None:
    """Compile the rules that find secrets now, once on a machine: else the first question waits for them."""
    doing = "compiling the rules that find secrets, once"
    if not secret_masking.is_ready(DETECTOR_S):
        with stages(doing) as report, suppress(Exception):
            report(doing, 0, 1)
            secret_masking.prepare()  # if it fails, `goldrank doctor` says why


def _steps(chosen: Sequence[Client], around: Surroundings, *, remove: bool, dry_run: bool) -> Iterator[Step]:
    for client in chosen:

        def work(client: Client = client) -> Sequence[Outcome]:
            if remove:
                return config_entry.dismiss(client, around, dry_run=dry_run)
            return [config_entry.introduce(client, around, dry_run=dry_run)]

        yield client.title, work


def _skill(root: Path, clients: Sequence[str], *, remove: bool, dry_run: bool) -> Sequence[Outcome]:
    if remove:
        return skill.dismiss(root, dry_run=dry_run)
    return skill.introduce(root, clients, dry_run=dry_run)


def _take_all(steps: Sequence[Step], *, dry_run: bool, brief: bool) -> list[Taken]:
    """Do every step, say in one line which found nothing to remove, and return how each ended."""
    done = [_take(step, dry_run=dry_run, brief=brief) for step in steps]
    if untouched := [title for (title, _work), what in zip(steps, done, strict=True) if what == "absent"]:
        rest = f"{'absent':<8} in all others: {', '.join(untouched)}"
        click.echo(rest if len(untouched) < len(steps) else _NOWHERE)
    return done


def _take(step: Step, *, dry_run: bool, brief: bool) -> Taken:
    """Do one step and report it; one that fails keeps no other from being done.

    Args:
        step: The step.
        dry_run: Whether it only says what it would do.
        brief: Whether it says nothing of files that hold nothing of goldrank; then the step may be "absent".
    """
    title, work = step
    try:
        outcomes = work()
    except ClientFileError as error:
        failed = click.style("failed  ", fg="red")
        click.echo(f"{failed} {replies.clean(f'{title}: {error}')}", err=True)
        return "failed"
    told = [outcome for outcome in outcomes if not brief or outcome.deed != "absent" or outcome.note]
    for outcome in told:
        note = f" ({outcome.note})" if outcome.note else ""
        deed = _WOULD.get(outcome.deed, outcome.deed) if dry_run else outcome.deed
        done = click.style(f"{deed:<8}", fg="green")
        click.echo(f"{done} {replies.clean(f'{title}: {outcome.file}{note}')}")
        if dry_run and outcome.deed in {"added", "updated", "removed"}:
            click.echo(replies.clean(f"{outcome.snippet}\n"))
    if any(outcome.deed in {"added", "updated"} for outcome in outcomes):
        return "changed"
    return "unchanged" if told or not brief else "absent"

"""The command that lists a repository's models and orders, their history, and what can be brought back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import ROOT, counted, settings_of, with_common, with_models
from mcp_server.messages import replies
from mcp_server.terminal.usage import examples
from retrieval import version_log
from retrieval.errors import ModelError
from retrieval.rank import learned_order
from retrieval.rerank import model_versions
from retrieval.version_log import Event

if TYPE_CHECKING:
    from retrieval.training.order.gate import Gain


@click.command("models", epilog=examples("goldrank models"))
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: the one around here]")
@with_models
@with_common
def list_models(root: Path, **flags: Any) -> None:
    """List the promoted models and orders of the repository, what each gained when, and their history.

    The history also has the learnings that were refused, with what they would have gained.
    `goldrank promote` lets a version serve again.
    """
    models = settings_of(**flags).models
    where = model_versions.store(models, root)
    serving = model_versions.current(where)
    names = model_versions.versions(where)
    click.echo(f"{where.folder}: {counted(len(names), 'version')}; {serving or 'the base model'} serves")
    for name in names:
        click.echo(replies.clean(f"{'*' if name == serving else ' '} {_described(where, name)}"))
    _list_way_back(names, serving, "goldrank promote", where.root)
    _list_events(model_versions.history(where), first="base", refused=_refused(where.folder))
    _list_orders(learned_order.store(models, root), where.root)


def _list_way_back(names: Sequence[str], serving: str | None, command: str, root: Path) -> None:
    """Say how a version that does not serve is brought back, if there is one."""
    others = [name for name in names if name != serving]
    if others:
        named = others[0] if len(others) == 1 else "VERSION"
        click.echo(
            replies.clean(
                f"  let {'it' if len(others) == 1 else 'another'} serve with: {command} {named} --repo {root}"
            )
        )


def _list_orders(folder: Path, root: Path) -> None:
    serving = learned_order.current(folder)
    names = learned_order.versions(folder)
    click.echo(f"{folder}: {counted(len(names), 'order')}; {serving or 'the shipped order'} serves")
    for name in names:
        click.echo(replies.clean(f"{'*' if name == serving else ' '} {_described_order(folder, name)}"))
    _list_way_back(names, serving, "goldrank promote --order", root)
    _list_events(version_log.events(folder), first="shipped", refused=_refused(folder))


def _refused(folder: Path) -> list[tuple[str, str]]:
    """Describe the learnings that promoted nothing, each with its time."""
    from retrieval.training.release.learnings import learnings

    found = []
    for item in learnings(folder):
        if item.version is None:
            told = _gains(item.gains, item.questions) or " ".join(item.reasons)
            found.append((item.time, f"refused, learned from {counted(item.lessons, 'commit')}: {told}"))
    return found


def _gains(gains: Sequence["Gain"], questions: int) -> str:
    """Write what was gained on later commits; "" if nothing was compared."""
    said = "; ".join(f"{item.measure} {item.gain:+.3f} [{item.low:+.3f}, {item.high:+.3f}]" for item in gains)
    return f"on {counted(questions, 'later commit')}: {said}" if said else ""


def _described_order(folder: Path, name: str) -> str:
    """Describe an order: what taught it, what that changed and gained, or why it cannot be used."""
    try:
        version = learned_order.read(folder, name)
    except ModelError as error:
        return f"{name}  {error}"
    changes = ", ".join(f"{part} {old:g} -> {new:g}" for part, (old, new) in version.moved.items())
    forced = ", forced" if version.decision.get("forced") else ""
    return (
        f"{name}  {version.created[:16]}  {counted(version.lessons, 'commit')}{forced}  {changes}; "
        f"{_told_gains(version.decision)}"
    )


def _told_gains(decision: Mapping[str, Any]) -> str:
    """List what something gained on the later commits that judged it."""
    from retrieval.training.order.gate import Gain

    try:
        gains = [Gain(**item) for item in decision.get("gains", [])]
        return _gains(gains, int(decision.get("questions", 0)))
    except (TypeError, ValueError):
        return "what it gained cannot be read"


def _list_events(events: Sequence[Event], *, first: str, refused: Sequence[tuple[str, str]] = ()) -> None:
    """List a history, oldest first; `first` names what serves without a promotion."""
    lines = [
        (
            event.time,
            f"{event.action}: {event.before or first} -> {event.after or first}"
            + (f" ({event.reason})" if event.reason else ""),
        )
        for event in events
    ]
    for time, said in sorted((*lines, *refused), key=lambda line: line[0]):
        click.echo(replies.clean(f"  {time[:16]}  {said}"))


def _described(where: model_versions.ModelStore, name: str) -> str:
    """Describe a version: when it was made and what it gained, or why it cannot be used."""
    try:
        version = model_versions.read_version(where, name)
    except ModelError as error:
        return f"{name}  {error}"
    forced = ", forced" if version.decision.get("forced") else ""
    if version.facts.lessons:
        taught = counted(version.facts.lessons, "commit")
        return (
            f"{name}  {version.created[:16]}  weight {version.facts.weight:g}  {taught}{forced}; "
            f"{_told_gains(version.decision)}"
        )
    gains = "; ".join(
        f"{item['gain']:+.3f} [{item['low']:+.3f}, {item['high']:+.3f}] over {item['opponent']}"
        for item in version.decision.get("comparisons", [])
    )
    return f"{name}  {version.created[:16]}  weight {version.facts.weight:g}{forced}  nDCG@10 {gains}"

"""The commands that keep a golden file: lint, add, suggest."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mcp_server import replies
from mcp_server.options import GOLDEN, load_golden, refreshed, settings_of, with_golden
from retrieval.errors import ArgumentError, GoldrankError


@click.group()
def golden() -> None:
    """Keep the golden file: questions about a repository, with the files that answer them.

    It is a list of objects: {"q": "Where are retries scheduled?", "expect_paths": ["src/retry.py"]}.
    An expected path may name lines (src/retry.py:40-61), or loosely the end of a path or a folder.
    """


@golden.command()
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable findings.")
@with_golden
def lint(root: Path, golden_file: Path | None, as_json: bool, **flags: Any) -> None:
    """Check the golden file: missing, renamed, unindexed and over-broad answers, duplicates, leaks.

    Exits with 1 when there is an error; warnings alone are worth a look.
    """
    from retrieval.training import lint as linter  # noqa: PLC0415

    repository = refreshed(root, settings_of(**flags))
    asked = load_golden(golden_file, repository)
    findings = linter.lint(asked, repository)
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            where = f"{asked.path}, row {finding.row}" if finding.row else str(asked.path)
            click.echo(replies.clean(f"{where}: {finding.level}: {finding.kind}: {finding.text}"))
        click.echo(f"{len(asked.questions)} questions, {errors} errors, {len(findings) - errors} warnings")
    if errors:
        raise GoldrankError(f"{asked.path} has {errors} errors")


@golden.command()
@click.argument("question")
@click.argument("answers", nargs=-1, required=True)
@click.option("--id", "identity", help="A name for the question. [default: a hash of it]")
@click.option("--tag", "tags", multiple=True, help="A word to select by; may be repeated.")
@with_golden
def add(
    question: str,
    answers: Sequence[str],
    identity: str | None,
    tags: Sequence[str],
    root: Path,
    golden_file: Path | None,
    **flags: Any,
) -> None:
    """Add QUESTION with the ANSWERS to the golden file: files, or path:start-end.

    \b
    goldrank golden add "Where are retries scheduled?" src/retry.py:40-61
    """  # noqa: D301 - click reads the backspace: what follows keeps its lines
    from retrieval.training import golden as goldens  # noqa: PLC0415

    repository = refreshed(root, settings_of(**flags))
    target = golden_file or repository.root / GOLDEN
    row = goldens.row_of(
        question, answers, id=identity, tags=list(tags), date=datetime.now(UTC).date().isoformat()
    )
    wrong = goldens.unknown(row, frozenset(repository.paths))
    if wrong:
        raise ArgumentError(wrong)
    goldens.add(target, [row])
    click.echo(f"{target}: {len(goldens.load(target).questions)} questions")


@golden.command()
@click.option("--most", type=click.IntRange(1), default=40, show_default=True, help="How many drafts.")
@click.option("--accept", metavar="N,N-N", help='Add these drafts to the golden file, by number, or "all".')
@click.option("--json", "as_json", is_flag=True, help="Print the drafts as rows of a golden file.")
@with_golden
def suggest(
    most: int, accept: str | None, as_json: bool, root: Path, golden_file: Path | None, **flags: Any
) -> None:
    """Draft questions from the repository itself, each with its evidence, for a person to accept.

    They come from commits, tests, docstrings and changelogs. Read them before you accept them: a draft
    repeats words that stand beside its answer, so it is easier than what people ask.
    """
    from retrieval.training import golden as goldens  # noqa: PLC0415
    from retrieval.training import suggest as suggestions  # noqa: PLC0415

    repository = refreshed(root, settings_of(**flags))
    target = golden_file or repository.root / GOLDEN
    known = goldens.load(target) if target.exists() else None
    drafts = suggestions.suggest(repository, known=known, most=most)
    rows = [
        goldens.row_of(draft.text, draft.answers, tags=["draft", draft.source], date=draft.date)
        for draft in drafts
    ]
    chosen = _chosen(accept, len(rows)) if accept else []
    if chosen:
        goldens.add(target, [rows[i] for i in chosen])
        click.echo(f"{target}: {len(chosen)} added, {len(goldens.load(target).questions)} questions")
    elif as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        for number, draft in enumerate(drafts, 1):
            dated = f", {draft.date}" if draft.date else ""
            click.echo(replies.clean(f"{number:>3}. {draft.text}"))
            click.echo(
                replies.clean(f"     {', '.join(draft.answers)}   ({draft.source}: {draft.evidence}{dated})")
            )
        click.echo(
            "accept with --accept 1,4-6; the numbers hold as long as the repository and golden file do"
        )


def _chosen(accept: str, count: int) -> list[int]:
    """Read which drafts are accepted, as numbers from 0."""
    if accept.strip() == "all":
        return list(range(count))
    chosen: set[int] = set()
    for part in accept.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise ArgumentError(f"--accept {accept} names no drafts; write numbers and ranges: 1,4-6, or all")
        chosen.update(range(int(first), int(last or first) + 1))
    beyond = sorted(number for number in chosen if not 1 <= number <= count)
    if beyond:
        raise ArgumentError(f"--accept names draft {beyond[0]}; there are {count}")
    return [number - 1 for number in sorted(chosen)]

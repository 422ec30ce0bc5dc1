"""The commands that maintain a golden file: lint, add, list, remove, suggest."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import GOLDEN, counted, load_golden, refreshed, settings_of, with_golden
from mcp_server.messages import replies
from mcp_server.serving.repository_pool import open_repository
from mcp_server.terminal.progress import waiting
from mcp_server.terminal.usage import examples
from retrieval.errors import ArgumentError, CheckError, shorten

if TYPE_CHECKING:
    from retrieval.training.golden.golden_file import Golden, Question
    from retrieval.training.golden.suggest import Draft

_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")


@click.group(
    epilog=examples(
        "goldrank golden suggest",
        'goldrank golden add "Where are retries scheduled?" src/retry.py',
        "goldrank golden lint",
    )
)
def golden() -> None:
    """Maintain the golden file: questions about a repository, with the files that answer them.

    It is a list of objects: {"q": "Where are retries scheduled?", "expect_paths": ["src/retry.py"]}.
    An expected path may name lines (src/retry.py:40-61), the end of a path, or a folder.
    """


@golden.command(epilog=examples("goldrank golden lint", "goldrank golden lint --json"))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@with_golden
def lint(root: Path, golden_path: Path | None, as_json: bool, **flags: Any) -> None:
    """Check the golden file for missing, renamed, unindexed and too broad answers, duplicates and leaks.

    When rows cannot be read, it lists all their errors, and checks the answers once you have mended them.

    Exits with 1 when there is an error; warnings alone do not fail.
    """
    from retrieval.training.golden import golden_file
    from retrieval.training.golden import lint as linter

    settings = settings_of(**flags)
    file = golden_path or open_repository(root, settings).root / GOLDEN
    data = golden_file.bytes_of(file)
    questions, invalid = golden_file.check(file, data)
    findings = linter.invalid(invalid)
    if not invalid:
        view = refreshed(root, settings).view()
        with waiting("checking the questions"):
            findings = linter.lint(golden_file.parse(file, data), view)
    lines = [0, *golden_file.row_lines(data)]
    if as_json:
        rows = [{**asdict(finding), "line": lines[finding.row]} for finding in findings]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            where = f"{file}:{lines[finding.row]}, row {finding.row}" if finding.row else str(file)
            click.echo(replies.clean(f"{where}: {finding.level}: {finding.kind}: {finding.text}"))
    errors = sum(finding.level == "error" for finding in findings)
    if not as_json:
        numbers = (counted(errors, "error"), counted(len(findings) - errors, "warning"))
        click.echo(f"{_counted(len(questions))}, {', '.join(numbers)}")
    if errors:
        remedy = "mend these rows first; the answers are checked afterwards" if invalid else ""
        raise CheckError(f"{file} has {counted(errors, 'error')}", remedy=remedy)


@golden.command(
    epilog=examples(
        'goldrank golden add "Where are retries scheduled?" src/retry.py',
        'goldrank golden add "What ends a lease?" src/lease.py:40-61 --tag lease',
    )
)
@click.argument("question")
@click.argument("answers", nargs=-1, required=True)
@click.option("--id", "identity", help="A name for the question. [default: a hash of it]")
@click.option("--tag", "tags", multiple=True, help="A word to select questions by; repeatable.")
@with_golden
def add(
    question: str,
    answers: Sequence[str],
    identity: str | None,
    tags: Sequence[str],
    root: Path,
    golden_path: Path | None,
    **flags: Any,
) -> None:
    """Add QUESTION to the golden file. ANSWERS are files, or path:start-end.

    \b
    goldrank golden add "Where are retries scheduled?" src/retry.py:40-61
    """  # noqa: D301 - click reads the backspace: what follows keeps its lines
    from retrieval.training.golden import edits
    from retrieval.training.golden import golden_file as goldens
    from retrieval.training.golden import lint as linter

    repository = refreshed(root, settings_of(**flags))
    target = golden_path or repository.root / GOLDEN
    today = datetime.now(UTC).date().isoformat()
    row = goldens.row_of(question, answers, id=identity, tags=list(tags), date=today)
    asked = goldens.Golden(target, "", (goldens.question(row, 1, edits.NEW),))
    wrong = [finding.text for finding in linter.lint(asked, repository.view()) if finding.level == "error"]
    if wrong:
        raise ArgumentError(f"{'; '.join(wrong)}. Nothing was added: paths are relative to the repository")
    _tell(edits.add(target, [row]), added=1)


@golden.command("list", epilog=examples("goldrank golden list", "goldrank golden list --tag lease"))
@click.option("--tag", "tags", multiple=True, help="Only questions with this tag; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print the questions as JSON, with ids and rows.")
@with_golden
def list_questions(
    tags: Sequence[str], as_json: bool, root: Path, golden_path: Path | None, **flags: Any
) -> None:
    """List the questions of the golden file: row, id, question, and the files that answer it."""
    settings = settings_of(**flags)
    asked = load_golden(golden_path, open_repository(root, settings))
    chosen = [question for question in asked.questions if set(tags) <= set(question.tags)]
    if as_json:
        click.echo(json.dumps([asdict(question) for question in chosen], indent=1))
        return
    for question in chosen:
        _show(question)
    click.echo(f"{asked.path}: {_counted(len(chosen))}")


@golden.command(
    epilog=examples("goldrank golden remove 12", "goldrank golden remove q-1f2e3d4c5b6a --dry-run")
)
@click.argument("questions", nargs=-1, required=True, metavar="ID_OR_ROW...")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@with_golden
def remove(
    questions: Sequence[str], dry_run: bool, root: Path, golden_path: Path | None, **flags: Any
) -> None:
    """Remove questions from the golden file, by the id or row that `goldrank golden list` shows.

    Rows are those before the command. The rest of the file does not change.
    """
    from retrieval.training.golden import edits

    asked = load_golden(golden_path, open_repository(root, settings_of(**flags)))
    chosen = list(dict.fromkeys(edits.find(asked, name) for name in questions))
    for question in chosen:
        _show(question)
    if dry_run:
        click.echo(f"{asked.path}: {_counted(len(chosen))} would be removed")
        return
    left = edits.remove(asked.path, chosen)
    click.echo(f"{asked.path}: {len(chosen)} removed, {_counted(len(left.questions))}")


@golden.command(epilog=examples("goldrank golden suggest", "goldrank golden suggest --accept 1,4-6"))
@click.option(
    "--most", type=click.IntRange(1), default=40, show_default=True, help="How many drafts to show."
)
@click.option(
    "--accept",
    metavar="DRAFTS",
    help='Add these drafts to the golden file: ids or numbers, as in "d-1f2e3d4c,3,5-8", or "all" shown.',
)
@click.option("--json", "as_json", is_flag=True, help="Print the drafts as rows of a golden file.")
@with_golden
def suggest(
    most: int, accept: str | None, as_json: bool, root: Path, golden_path: Path | None, **flags: Any
) -> None:
    """Draft questions from the repository itself, each with its evidence, for you to accept.

    Drafts come from commits, tests, docstrings and changelogs. Read a draft before you accept it: it repeats
    words that stand near its answer, so it is easier than what people ask.

    A draft keeps its id; its number changes when the repository does.
    """
    from retrieval.training.golden import edits
    from retrieval.training.golden import golden_file as goldens
    from retrieval.training.golden import suggest as suggestions

    repository = refreshed(root, settings_of(**flags))
    target = golden_path or repository.root / GOLDEN
    known = goldens.load(target) if target.exists() else None
    with waiting("reading commits, tests and docstrings"):
        drafts = suggestions.suggest(repository.view(), known=known, most=sys.maxsize)
    chosen = drafts[:most] if accept is None or accept.strip() == "all" else _chosen(accept, drafts)
    rows = [
        goldens.row_of(draft.text, draft.answers, tags=["draft", draft.source], date=draft.date)
        for draft in chosen
    ]
    if accept is None and as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    now = edits.add(target, rows) if accept is not None and rows else None
    for draft in chosen:
        dated = f", {draft.date}" if draft.date else ""
        click.echo(replies.clean(f"{draft.number:>3}. {draft.draft_id}  {draft.text}"))
        evidence = f"{draft.source} {draft.evidence}{dated}"
        click.echo(replies.clean(f"     {', '.join(draft.answers)}   ({evidence})"))
    if now:
        _tell(now, added=len(rows))
    elif not chosen:
        click.echo(
            "nothing to suggest: no commit, test, docstring or changelog says more than the golden file asks"
        )
    else:
        click.echo(f"accept with: goldrank golden suggest --accept {chosen[0].draft_id},…")


def _chosen(accept: str, drafts: Sequence["Draft"]) -> list["Draft"]:
    """Find the drafts that are accepted, by id, number or range of numbers."""
    by_name = {draft.draft_id: draft for draft in drafts} | {str(draft.number): draft for draft in drafts}
    chosen: dict[Draft, None] = {}
    for part in filter(None, (part.strip() for part in accept.split(","))):
        span = _RANGE.fullmatch(part)
        if part in by_name:
            chosen[by_name[part]] = None
        elif span:
            first, last = int(span[1]), int(span[2])
            within = [draft for draft in drafts if first <= draft.number <= last]
            if not within:
                raise ArgumentError(f"--accept {part}: no draft has such a number; nothing was added")
            chosen |= dict.fromkeys(within)
        else:
            raise ArgumentError(
                f"--accept {shorten(part)}: no such draft, or it is in the golden file already; "
                "nothing was added.",
                remedy="Write ids, numbers and ranges that `goldrank golden suggest` shows: d-1f2e3d4c,3,5-8",
                joint=" ",
            )
    if not chosen:
        raise ArgumentError("--accept names no draft", remedy="write ids or numbers, or all")
    return list(chosen)


def _show(question: "Question") -> None:
    noted = [word for word in (question.date, *question.tags) if word]
    said = f"   ({', '.join(noted)})" if noted else ""
    click.echo(replies.clean(f"{question.row:>3}. {question.question_id}  {question.text}"))
    click.echo(replies.clean(f"     {', '.join(item.written for item in question.expected)}{said}"))


def _tell(now: "Golden", *, added: int) -> None:
    for question in now.questions[-added:]:
        click.echo(replies.clean(f"added {question.question_id}: {question.text}"))
    click.echo(f"{now.path}: {added} added, {_counted(len(now.questions))}")


def _counted(count: int) -> str:
    return counted(count, "question")

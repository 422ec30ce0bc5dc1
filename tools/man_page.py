"""Write the man page from what `--help` says, so that the two cannot differ.

    make man

The page is committed, because a wheel that is built from any checkout carries it; a test finds it outdated.
"""

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import click

from mcp_server.cli import GROUPS, goldrank
from mcp_server.terminal.usage import examples_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "goldrank.1"
_OPTION = re.compile(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*")

_ENDING = """\
.SH ENVIRONMENT
Each setting is also a variable, GOLDRANK_ and its name: GOLDRANK_CACHE, GOLDRANK_MODEL and so on.
.TP
.B NO_COLOR
No colour, also on a terminal.
.TP
.BR FORCE_COLOR ", " CLICOLOR_FORCE
Colour, also in a pipe.
.TP
.BR VISUAL ", " EDITOR
The editor in which an interactive search opens a place.
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
A search found nothing, or a check failed.
.TP
.B 2
An error.
.TP
.B 130
Interrupted; finished work is kept, and the same command continues from there.
.SH SEE ALSO
.BR rg (1),
.BR git\\-grep (1)
"""


def main() -> None:
    """Write the page."""
    page = man_page()
    PAGE.write_text(page, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {page.count(chr(10)):,} lines")


def man_page() -> str:
    """Write the page of the command and all its commands, in roff."""
    root = click.Context(goldrank, info_name="goldrank")
    version = importlib.metadata.version("goldrank")
    lines = [
        f'.TH GOLDRANK 1 "" "goldrank {version}" "User Commands"',
        ".SH NAME",
        r"goldrank \- code search that assistants can trust",
        ".SH SYNOPSIS",
        r".B goldrank",
        r"\fICOMMAND\fR [\fIOPTION\fR]... [\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        *_prose(goldrank.help or ""),
        *_options(root),
    ]
    for title, entries in GROUPS.items():
        lines.append(f".SH {title.upper()}")
        for name in entries:
            lines.extend(_command(name, root))
    lines.extend((".SH EXAMPLES", *_examples(goldrank)))
    return "\n".join(lines) + "\n" + _ENDING


def _command(name: str, around: click.Context) -> Iterator[str]:
    """Describe a command, then those below it."""
    group = around.command
    found = group.get_command(around, name) if isinstance(group, click.Group) else None
    if found is None:
        raise LookupError(name)
    context = click.Context(found, info_name=name, parent=around)
    usage = " ".join(found.collect_usage_pieces(context))
    yield f'.SS "{_roff(f"{context.command_path} {usage}")}"'
    yield from _prose(found.help or "")
    yield from _options(context)
    if isinstance(found, click.Group):
        for inner in found.list_commands(context):
            yield from _command(inner, context)
    else:
        yield from _examples(found)


def _options(context: click.Context) -> Iterator[str]:
    for option in context.command.get_params(context):
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record and "--help" not in option.opts:
            names = _OPTION.sub(lambda match: rf"\fB{_roff(match[0])}\fR", record[0])
            yield from (".TP", names, _roff(record[1]))


def _examples(command: click.Command) -> Iterator[str]:
    if known := examples_of(command):
        yield from (".PP", "Examples:", ".PP", ".RS", ".nf", *map(_roff, known), ".fi", ".RE")


def _prose(text: str) -> Iterator[str]:
    r"""Write paragraphs; one that begins with \b keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        yield ".PP"
        if lines[0] == "\b":
            yield from (".nf", *map(_roff, lines[1:]), ".fi")
        else:
            yield _roff(" ".join(lines))


def _roff(text: str) -> str:
    """Write text that roff takes as it is: no line of it is a request, and each dash can be pasted."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    escaped = "".join(char if char.isascii() else rf"\[u{ord(char):04X}]" for char in escaped)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    main()

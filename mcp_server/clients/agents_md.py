"""The advice in AGENTS.md on when to use which tool, between two marks."""

from pathlib import Path

from mcp_server.clients import atomic_file, text_block
from mcp_server.clients.config_entry import Outcome
from retrieval.errors import ClientFileError

FILE = "AGENTS.md"
_BEGIN, _END = "<!-- goldrank: begin -->", "<!-- goldrank: end -->"
ADVICE = """\
## Finding code with goldrank

The MCP server `goldrank` ranks this repository's code; its replies name `path:start-end`.

- `rag_search(query, expect)`: when you do not know where something is.
  Ask in technical words, and guess in `expect` what the code may be called.
  Or paste an error message, a stack trace, a signature or part of a path.
  Narrow with `path` (`["src/", "!tests/"]`) and `top_k`.
- `rag_rerank(query, candidates)`: when you hold too many candidates, such as grep hits (`path:line`).
  Paste them as they are; the ones that answer come back first.
- grep: when you know the literal string.

The best place comes whole; read the lines that another names before you open files.
When a reply says that something may not be here, ask once more with names that the reply offers.
"""


def block() -> str:
    """Return the advice between its marks."""
    return f"{_BEGIN}\n{ADVICE}{_END}"


def introduce(root: Path, *, dry_run: bool) -> Outcome:
    """Append the advice to a project's AGENTS.md, or update it.

    Raises:
        ClientFileError: The file cannot be read or written, or has one mark without the other.
    """
    file = root / FILE
    text = atomic_file.read(file, within=root)
    span = _span(file, text or "")
    if text is None or span is None:
        deed, fresh = "added", text_block.append(text, block())
    else:
        ours = block().replace("\n", text_block.newline_of(text))
        deed, fresh = "updated", text[: span[0]] + ours + text[span[1] :]
    if fresh == text:
        return Outcome("present", file, block())
    if not dry_run:
        atomic_file.write(file, fresh)
    return Outcome("added" if deed == "added" else "updated", file, block())


def dismiss(root: Path, *, dry_run: bool) -> Outcome:
    """Remove the advice; delete a file that held nothing else.

    Raises:
        ClientFileError: As for `introduce`.
    """
    file = root / FILE
    text = atomic_file.read(file, within=root)
    span = _span(file, text or "")
    if text is None or span is None:
        return Outcome("absent", file)
    left = text_block.cut(text, *span)
    if not dry_run:
        atomic_file.delete(file) if left is None else atomic_file.write(file, left)
    return Outcome("removed", file, text[slice(*span)])


def _span(file: Path, text: str) -> tuple[int, int] | None:
    start, end = text.find(_BEGIN), text.find(_END)
    if start < 0 and end < 0:
        return None
    if not 0 <= start < end or text.count(_BEGIN) > 1 or text.count(_END) > 1:
        line = text.count("\n", 0, max(start, end)) + 1
        raise ClientFileError(
            f"{file}, line {line}: {_BEGIN} and {_END} must each appear once, in this order"
        )
    return start, end + len(_END)

"""The skill that a client loads when its task is to find code: a file of our own, in the project.

Claude Code reads `.claude/skills`; Codex, Gemini CLI and opencode read `.agents/skills` (observed, 2026-11).
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from mcp_server.clients import atomic_file
from mcp_server.clients.config_entry import Outcome
from retrieval.errors import ClientFileError

FOLDERS = {
    "claude-code": ".claude/skills",
    "codex": ".agents/skills",
    "gemini": ".agents/skills",
    "opencode": ".agents/skills",
}
"""Where clients look for skills, relative to the project, by the client's name."""
FILE = "goldrank/SKILL.md"
_OURS = "<!-- goldrank init --skill wrote this file; --remove deletes it -->"
DESCRIPTION = (
    "Find where something is in this repository, or which of many grep hits answer a question. Use it before "
    "reading file after file, and for error messages, stack traces and partial paths."
)
TEXT = f"""\
---
name: goldrank
description: {DESCRIPTION}
---
{_OURS}

# Find code with goldrank

1. Call `rag_search` with one specific question in technical words, and in `expect` up to eight guesses at
   what the code is called: identifiers, file names, terms. Wrong guesses cost little.
2. Read the first place of the reply; it is whole. Places two and three come in part: read their lines
   only if the first does not answer. Do not read again what the reply has shown.
3. If the reply says which guesses are here, or offers names that are near, use those in the next call.
   If it says that the answer may not be here, ask once more in those words, then use grep.
4. With many candidates of your own, such as grep hits, paste them into `rag_rerank` as they are
   (`path:line`).
5. For a literal string, use grep: it is exact and complete.
"""


def introduce(root: Path, clients: Collection[str], *, dry_run: bool) -> list[Outcome]:
    """Write the skill where the clients look for it, or update it.

    Raises:
        ClientFileError: A file cannot be read or written, or is not ours.
    """
    return [_written(root, file, dry_run=dry_run) for file in files(root, clients)]


def dismiss(root: Path, *, dry_run: bool) -> list[Outcome]:
    """Delete the skill, and the folders that are then empty.

    Raises:
        ClientFileError: A file cannot be read or deleted.
    """
    outcomes = []
    for file in files(root, FOLDERS):
        text = atomic_file.read(file, within=root)
        if text is None or _OURS not in text:
            continue
        if not dry_run:
            atomic_file.delete(file)
            for folder in (file.parent, file.parent.parent, file.parent.parent.parent):
                with suppress(OSError):  # it holds something else
                    folder.rmdir()
        outcomes.append(Outcome("removed", file, text))
    return outcomes


def files(root: Path, clients: Collection[str]) -> list[Path]:
    """List the skill's files for some clients; a client without skills has none."""
    folders = dict.fromkeys(FOLDERS[client] for client in clients if client in FOLDERS)
    return [root / folder / FILE for folder in folders]


def _written(root: Path, file: Path, *, dry_run: bool) -> Outcome:
    text = atomic_file.read(file, within=root)
    if text == TEXT:
        return Outcome("present", file, TEXT)
    if text is not None and _OURS not in text:
        raise ClientFileError(f"{file} is not one that goldrank wrote", remedy="move it, then run init again")
    if not dry_run:
        atomic_file.write(file, TEXT)
    return Outcome("added" if text is None else "updated", file, TEXT)

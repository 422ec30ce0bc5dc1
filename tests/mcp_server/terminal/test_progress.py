"""What takes long says so on a terminal; a pipe gets results alone."""

from pathlib import Path

import pytest
from terminal import piped, plain, terminal

ROOT = Path(__file__).parent.parent.parent.parent
TASKS = {
    "indexing": (
        "with progress.progress_of('indexing', 'file') as step:\n"
        "    input()\n    step(1, 4)\n    input()\n    step(4, 4)\n"
    ),
    "loading the model": "with progress.waiting('loading the model'):\n    input()\n    input()\n",
    "learning": (
        "with progress.stages('learning') as step:\n"
        "    input()\n    step('judging', 1, 4)\n    input()\n    step('judging', 4, 4)\n"
    ),
}
PROGRAM = "from mcp_server.terminal import progress\n{}print('done')\n"


@pytest.mark.parametrize("what", TASKS)
def test_a_task_says_what_it_is_before_its_first_step(what: str) -> None:
    """The first seconds of an index are the ones in which people wonder."""
    with terminal(cwd=ROOT, program=("-c", PROGRAM.format(TASKS[what]))) as screen:
        screen.wait_for(f"{what} … ")
        screen.type("\n")
        if "step(" in TASKS[what]:
            screen.wait_for("1/4")
        screen.type("\n")
        code, shown = screen.end()
    assert code == 0
    assert plain(shown).split("\r")[-2].endswith("done"), "what was shown meanwhile is gone"


@pytest.mark.parametrize("what", TASKS)
def test_a_pipe_gets_results_alone(what: str) -> None:
    """A bar in a log is a thousand lines of noise; a stage that takes minutes is named once."""
    done = piped(cwd=ROOT, program=("-c", PROGRAM.format(TASKS[what])), typed="\n\n")
    assert done.stdout == "done\n"
    assert done.stderr == ("judging\n" if what == "learning" else "")


def test_a_summary_says_how_long_an_index_took(example: Path) -> None:
    """On a terminal; a script compares what it is told."""
    with terminal("index", cwd=example) as screen:
        _, shown = screen.end()
    assert "4 files, 4 chunks" in shown
    assert "; took " in shown
    done = piped("index", "--rebuild", cwd=example)
    assert "took" not in done.stdout
    assert not done.stderr

"""`goldrank search` without a question asks for one, shows places and opens them."""

import sys
from pathlib import Path

from fakes import write
from terminal import piped, plain, terminal

EDITOR = "import sys\nprint('OPENED', *sys.argv[1:])\n"


def test_a_person_asks_looks_and_opens(example: Path, tmp_path: Path) -> None:
    """One start, many questions: the index stays open between them."""
    script = write(tmp_path, {"vi": f"#!{sys.executable}\n{EDITOR}"}) / "vi"
    script.chmod(0o755)
    with terminal("search", "-k", "2", cwd=example, variables={"EDITOR": str(script)}) as screen:
        screen.wait_for("search> ")
        screen.type("how does the client retry\n")
        shown = plain(screen.wait_for("search> ", times=2))
        assert "1. src/client.py:1-9  class Client" in shown
        assert "2. tests/test_client.py:1-2" in shown
        screen.type("2\n")
        shown = plain(screen.wait_for("search> ", times=3))
        assert "2. tests/test_client.py:1-2" in shown.rpartition("search> 2")[2]
        assert "assert Client().retry(1)" in shown.rpartition("search> 2")[2]
        screen.type("o 2\n")
        screen.wait_for(f"OPENED +1 {example.resolve()}/tests/test_client.py")
        screen.type("9\n")
        screen.wait_for("no place has the number 9; the places are 1 to 2")
        screen.type("\n")
        code, _ = screen.end()
    assert code == 0


def test_each_question_sees_the_files_as_they_are(example: Path) -> None:
    """A person edits between two questions."""
    with terminal("search", cwd=example) as screen:
        screen.wait_for("search> ")
        screen.type("fresh_name\n")
        screen.wait_for("Nothing in this repository matches")
        write(example, {"new.py": "def fresh_name(): pass\n"})
        screen.type("fresh_name\n")
        screen.wait_for("1. new.py:1-1")
        screen.type("\n")
        code, _ = screen.end()
    assert code == 0


def test_a_mistake_does_not_end_the_session(example: Path) -> None:
    """A number before any question, an editor that is not set: each is one line."""
    with terminal("search", cwd=example, variables={"EDITOR": "", "VISUAL": ""}) as screen:
        screen.wait_for("search> ")
        screen.type("1\n")
        screen.wait_for("no place has the number 1; ask a question first")
        screen.type("rateLimit\n")
        screen.wait_for("1. src/limits.ts:1-3")
        screen.type("o1\n")
        screen.wait_for("no editor is set; set EDITOR")
        screen.type("\n")
        code, _ = screen.end()
    assert code == 0


def test_nothing_found_is_the_code_of_grep(example: Path) -> None:
    """A session that found nothing ends as a search that found nothing."""
    with terminal("search", cwd=example) as screen:
        screen.wait_for("search> ")
        screen.type("\x04")  # Ctrl-D, which only a prompt reads as such
        code, _ = screen.end()
    assert code == 1


def test_a_pipe_is_told_to_write_the_question(example: Path) -> None:
    """A script would wait for input for ever."""
    done = piped("search", cwd=example, code=2)
    assert "Example: goldrank search where are retries scheduled" in done.stderr


def test_the_words_that_people_try_first_do_what_they_mean(example: Path) -> None:
    """Nobody reads the first line twice: q leaves, ? repeats it, n turns the page, numbers stay."""
    pages = {f"src/page_{i}.py": f"def turn_page_{i}(book):\n    return book.page({i})\n" for i in range(12)}
    write(example, pages)
    with terminal("search", cwd=example) as screen:
        screen.wait_for("search> ")
        screen.type("?\n")
        screen.wait_for("q or an empty line ends", times=2)
        screen.type("turn the page of a book\n")
        screen.wait_for("8. src/page_")
        assert "n shows the next" in plain(screen.shown)
        assert "--offset" not in plain(screen.shown)
        screen.type("n\n")
        screen.wait_for("9. src/page_")
        screen.type("10\n")
        screen.wait_for("return book.page")
        screen.type("1\n")
        screen.wait_for("1. src/page_", times=3)
        screen.type("n\n")
        screen.wait_for("No place after the first 12: the numbers before it still work")
        screen.type("12\n")
        screen.wait_for("12. src/page_", times=2)
        screen.type("13\n")
        screen.wait_for("no place has the number 13; the places are 1 to 12")
        screen.type("quit\n")
        code, _ = screen.end()
    assert code == 0

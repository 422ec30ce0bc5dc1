"""A file that attacks its grammar costs its own tree, and nothing else."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakes import write

from retrieval.chunks import parser_pool
from retrieval.chunks.chunker import chunk_by_lines, chunk_file
from retrieval.chunks.parser_pool import Budget, ParserPool
from retrieval.errors import ParserError
from retrieval.sync.repository import Repository

pytestmark = pytest.mark.slow(reason="hostile files, each with a budget of seconds that it uses up")

# Each was seen to abort its process, or to take gigabytes or minutes, in the process that served.
HOSTILE = {
    "templates.kt": "val a = " + '"${' * 1025 + "\n",
    "slashes.py": ("/*" * 40 + "\n") * 200,
    "lines.py": "/*\n" * 8_000,
    "brackets.py": ("(" * 80 + "\n") * 1_250,
    "arrows.c": ("a=>" * 30 + "\n") * 130,
    "arrows.java": ("a=>" * 30 + "\n") * 130,
    "sums.ex": ("a+a+" * 20 + "\n") * 200,
    "generics.ts": ("a<b," * 20 + "\n") * 200,
    "annotations.kt": "@A " * 1_600 + "\n",
}


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    """Start processes that allow little, so that a hostile file is found out soon."""
    pool = ParserPool(Budget(cpu_s=0.4, cpu_s_per_mb=10, memory_bytes=300_000_000))
    yield pool
    pool.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_cut_by_lines_at_worst(pool: ParserPool, name: str) -> None:
    """What a stranger commits must not end or stop the server, and must still be found by its words."""
    found = pool.cut(name, HOSTILE[name])
    assert found.chunks
    if found.note:
        assert found.note.startswith("its grammar ")
        assert found.chunks == chunk_by_lines(name, HOSTILE[name])
    well_meant = "class Cart:\n    def total(self): ...\n"
    assert pool.cut("cart.py", well_meant) == parser_pool.FileChunks(chunk_file("cart.py", well_meant))


def test_each_kind_of_excess_is_told_apart(
    pool: ParserPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads `status` should know whether to mend the file or to raise a limit."""
    # No file is known to abort the grammars of today; one that does takes its place on the path.
    write(tmp_path, {"tree_sitter_zig.py": "import os\nos.abort()\n"})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert pool.cut("a.zig", "const x = 1;\n").note == "its grammar crashed (SIGABRT)"
    monkeypatch.undo()
    greedy = ParserPool(Budget(cpu_s=60, memory_bytes=100_000_000))
    assert greedy.cut("a.py", HOSTILE["lines.py"]).note == "its grammar takes more than 100 MB of memory"
    greedy.close()
    slow = ParserPool(Budget(cpu_s=0.2, cpu_s_per_mb=0, memory_bytes=2_000_000_000))
    assert slow.cut("a.py", HOSTILE["brackets.py"]).note == "its grammar takes more than 0.2 s of CPU time"
    slow.close()


def test_a_refused_file_is_not_tried_again(pool: ParserPool) -> None:
    """A rank of candidates may name the same file many times, and each try costs seconds."""
    first = pool.cut("a.py", HOSTILE["lines.py"])
    assert first.note
    pool.close()
    before = len(psutil.Process().children())
    assert pool.cut("b.py", HOSTILE["lines.py"]).note == first.note
    assert len(psutil.Process().children()) == before, "a process was started for a file that is known"


def test_a_process_that_was_killed_from_outside_is_not_the_files_fault(pool: ParserPool) -> None:
    """The system may end any process when memory is short."""
    source = "def alpha():\n    return 1\n"
    expected = pool.cut("a.py", source)
    for child in _parsers():
        child.kill()
    assert pool.cut("a.py", source) == expected
    assert not expected.note


def test_a_file_without_a_grammar_needs_no_process(pool: ParserPool) -> None:
    """Prose is cut at blank lines, which costs no process."""
    before = _parsers()
    assert pool.cut("a.md", "# Title\n\ntext\n").chunks == chunk_by_lines("a.md", "# Title\n\ntext\n")
    assert _parsers() == before


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise ModuleNotFoundError(name='tree_sitter_lua')", "the package tree-sitter-lua is not installed"),
        ("raise ImportError('no symbol')", "the package tree-sitter-lua does not load (no symbol)"),
        ("def language(): return 7", "the package tree-sitter-lua does not load ("),
    ],
    ids=["missing", "broken", "incompatible"],
)
def test_a_grammar_that_does_not_load_costs_its_own_language_the_tree(
    tmp_path: Path, fault: str, reason: str
) -> None:
    """A package that an upgrade removed or broke must not stop the index, and someone must hear of it."""
    write(tmp_path, {"tree_sitter_lua.py": fault})
    owner = textwrap.dedent("""
        import json, logging
        from retrieval.chunks import parser_pool
        logging.basicConfig(format="%(message)s")
        names = ["a.lua", "b.lua", "c.py"]
        sources = ["function f() end\\n", "function g() end\\n", "def h(): pass\\n"]
        found = [parser_pool.cut(name, source) for name, source in zip(names, sources)]
        print(json.dumps([[cut.note, cut.chunks[0].symbol] for cut in found]))
    """)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", owner],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])},
    )
    (first, _), (second, _), (note, symbol) = json.loads(done.stdout)
    assert first == second
    assert first.startswith(f"its grammar is missing: {reason}")
    assert (note, symbol) == ("", "h")
    assert done.stderr.count(reason) == 1, "one warning, not one a file"


def test_many_threads_are_served_by_few_processes(pool: ParserPool) -> None:
    """Eight searches at once must not start eight parsers."""
    before = set(_parsers())
    sources = [f"def f{i}():\n    return {i}\n" for i in range(40)]
    found: dict[int, parser_pool.FileChunks] = {}

    def work(start: int) -> None:
        for i in range(start, 40, 8):
            found[i] = pool.cut(f"f{i}.py", sources[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i].chunks for i in range(40)] == [chunk_file(f"f{i}.py", sources[i]) for i in range(40)]
    assert len(set(_parsers()) - before) <= parser_pool.AT_ONCE


def test_no_parser_outlives_its_owner(tmp_path: Path) -> None:
    """An assistant starts a server a session: what each leaves behind adds up."""
    owner = textwrap.dedent("""
        import os, sys, psutil
        from retrieval.chunks import parser_pool
        assert parser_pool.cut("a.py", "def f(): pass\\n").chunks
        print(psutil.Process().children()[0].pid, flush=True)
        sys.stdin.read()
        os._exit(0)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    assert process.stdout
    child = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.communicate()
    child.wait(timeout=20)


def test_the_parser_imports_nothing_from_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: ParserPool
) -> None:
    """A working folder and PYTHONPATH may belong to the repository that is searched."""
    for name in ("json", "retrieval", "tree_sitter"):
        write(tmp_path, {f"{name}.py": f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert pool.cut("a.py", "def f(): pass\n").chunks[0].symbol == "f"
    assert not (tmp_path / "ran").exists()


def test_an_interpreter_that_cannot_be_started_is_told() -> None:
    """A user at the limit of processes should hear of it, not get an index without definitions."""
    with pytest.raises(ParserError, match="cannot start a process to parse files: No such file"):
        ParserPool(interpreter="/nowhere/python").cut("a.py", "def f(): pass\n")


def test_an_installation_that_is_gone_is_not_blamed_on_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade beneath a running server every file would be said to crash its grammar, for good."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    with pytest.raises(ParserError, match=r"does not start \(exit code 1\)"):
        ParserPool().cut("a.py", "def f(): pass\n")


def test_a_hostile_file_blinds_nothing_else(tmp_path: Path) -> None:
    """The repository around it is indexed, the file too, and its reason is kept with its record."""
    root = write(
        tmp_path / "r", {"Deep.py": HOSTILE["lines.py"], "z.py": "def alpha_beta():\n    return 1\n"}
    )
    repository = Repository(root, cache=tmp_path / "cache", max_bytes=10**6)
    repository.refresh()
    assert repository.view().paths == ["Deep.py", "z.py"]
    assert repository.view().notes == {
        "Deep.py": "split by lines: its grammar takes more than 700 MB of memory"
    }
    again = Repository(root, cache=tmp_path / "cache", max_bytes=10**6)
    os.utime(root / "Deep.py")
    assert again.refresh().changed == 0, "a file that was touched only is not tried again"
    assert again.view().notes == repository.view().notes


def test_the_largest_file_that_people_write_keeps_its_definitions() -> None:
    """A limit that a large honest file meets would cost it its definitions."""
    source = "".join(f"def function_{i}(a, b):\n    return a[{i}] + b\n\n\n" for i in range(20_000))
    shared = parser_pool.cut("large.py", source)
    assert not shared.note
    assert shared.chunks == chunk_file("large.py", source)
    assert len(source) > 900_000, "as large as a file may be"


def _parsers() -> list[psutil.Process]:
    children: list[psutil.Process] = psutil.Process().children()
    return children

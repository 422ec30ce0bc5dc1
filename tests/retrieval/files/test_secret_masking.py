"""What looks like a secret is nowhere to be found once a file was read, and nothing else is changed."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import fake_secrets
import pytest
from fakes import MAX_BYTES, repository, write
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunks import split_file
from retrieval.files import secret_masking
from retrieval.search import feedback_log
from retrieval.sync import chunk_cache
from retrieval.sync.chunk_cache import ChunkCache
from retrieval.text import digest

PLANTED = fake_secrets.secrets(11)
TOKEN = PLANTED["github-pat"][0]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def parts(secret: str) -> list[str]:
    """List the lines of a secret."""
    return secret.split("\n")


def terms(secret: str) -> list[bytes]:
    """List what an index would hold of a secret: its runs of letters and digits, those that are no word."""
    return [run.lower().encode() for run in re.findall("[A-Za-z0-9]{12,64}", secret)]


def test_there_are_enough_kinds() -> None:
    """One provider's keys are found easily; a repository holds those of many."""
    assert len(PLANTED) >= 60
    assert (
        len({secret for secret, _ in PLANTED.values()}) == len(PLANTED) - 4
    )  # five forms of one private key


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_masked(kind: str) -> None:
    """Whatever is shown once to an assistant is in somebody else's log."""
    secret, line = PLANTED[kind]
    masked = secret_masking.mask(f"import client\n\n{line}\n\ndone()\n")
    assert not [part for part in parts(secret) if part in masked.text]
    assert masked.text.startswith("import client\n\n")
    assert masked.text.endswith("\ndone()\n")
    assert masked.spans == ((3, 3 + line.count("\n")),)


@given(
    st.lists(st.tuples(TEXT, st.sampled_from(sorted(PLANTED))), max_size=4), st.sampled_from(["\n", "\r\n"])
)
def test_lines_stay_lines(pieces: list[tuple[str, str]], end: str) -> None:
    """A reply that is one line off sends an agent to the wrong place."""
    text = "".join(f"{before}{end}{PLANTED[kind][1]}{end}" for before, kind in pieces)
    masked = secret_masking.mask(text)
    before, after = text.split("\n"), masked.text.split("\n")
    assert len(before) == len(after)
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        assert bool(old.strip()) == bool(new.strip())
        assert old == new or masked.count(number, number)
        assert old.endswith("\r") == new.endswith("\r")


@given(TEXT)
def test_text_without_secrets_is_left_as_it_is(text: str) -> None:
    """Masking is no second way to read a file."""
    masked = secret_masking.mask(text)
    assert masked.text == text or masked.spans


@pytest.mark.parametrize(
    "line",
    [
        'password = "changeme"',
        "password: str | None = None",
        'token = os.environ["API_TOKEN"]',
        "API_KEY=${API_KEY}",
        "secret: {{ vault.secret }}",
        'url = "postgres://user:password@localhost/db"',
        'sha = "2c5cb5e8612fa243910660e8247e50e899f973f3"',
        'id = "123e4567-e89b-12d3-a456-426614174000"',
        "integrity sha512-oRJTVQ4XkEJpTVhYyGmYVHmeqCl8dnMR5vhLJqn3QpVYUB2cYGNvlxbMH6F5sNAL1d9TfKGPoNRA2Q==",
        "const tokenizer = new Tokenizer('cl100k_base_v2')",
        'secret_key = "your-256-bit-secret-here1"',
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN PUBLIC KEY-----",
        "def get_password_hash_2(password): return hash_token_v2(password)",
    ],
)
def test_what_only_sounds_like_a_secret_is_left_alone(line: str) -> None:
    """An agent that reads `[masked]` where code stood writes wrong code."""
    assert secret_masking.mask(f"{line}\n").text == f"{line}\n"


def test_a_value_is_masked_wherever_its_file_repeats_it() -> None:
    """The name that gives it away stands beside one of them only."""
    secret, line = PLANTED["settings-password"]
    masked = secret_masking.mask(f"{line}\n# it was {secret} before\n")
    assert secret not in masked.text
    assert masked.spans == ((1, 1), (2, 2))


@pytest.mark.parametrize("before", ["\ufeff", "\ufeff\ufeff", "ü€😀\n", "\r\n", "\0"])
def test_what_stands_before_a_secret_does_not_move_it(before: str) -> None:
    """A place that is told three bytes too early leaves three letters of the secret, and eats others."""
    masked = secret_masking.mask(f"{before}key = '{TOKEN}'; rest")
    assert masked.text == f"{before}key = '[masked: github-pat]'; rest"


def test_a_secret_is_in_no_chunk_no_term_and_no_cache(tmp_path: Path) -> None:
    """An index is a second place where a secret lies, readable long after the file was mended."""
    files = {f"src/{kind}.txt": f"to {kind}\n{line}\nend\n" for kind, (_, line) in PLANTED.items()}
    opened = repository(write(tmp_path / "root", files), tmp_path / "cache")
    assert len(opened.view().paths) == len(PLANTED)
    kept = fake_secrets.bytes_below(tmp_path / "cache").lower()
    assert b"github" in kept, "what is packed was unpacked"
    for kind, (secret, _) in PLANTED.items():
        shown = "\n".join(opened.view().lines(f"src/{kind}.txt") or ())
        assert not [part for part in parts(secret) if part in shown], kind
        assert not [term for term in terms(secret) if term in kept], kind


def test_a_chunk_says_how_many_of_its_values_are_masked(tmp_path: Path) -> None:
    """The reader must know that the line on disk is another."""
    root = write(tmp_path / "root", {"a.py": f"alpha = '{TOKEN}'\nbeta = '{TOKEN}'\n", "b.py": "gamma = 1\n"})
    opened = repository(root, tmp_path / "cache")
    counted = {path: opened.view().snapshot.chunks_of(path)[0].masked for path in opened.view().paths}
    assert counted == {"a.py": 2, "b.py": 0}


def test_a_secret_that_is_replaced_by_another_is_masked_at_once(tmp_path: Path) -> None:
    """What is known of the file before says nothing of what is in it now."""
    root = write(tmp_path / "root", {"a.py": "alpha = 'nothing yet'\n"})
    opened = repository(root, tmp_path / "cache")
    write(root, {"a.py": f"alpha = '{TOKEN}'\n"})
    assert opened.view().lines("a.py") == ["alpha = '[masked: github-pat]'"]


def test_reading_files_that_had_no_secret_loads_no_detector(tmp_path: Path) -> None:
    """It takes half a second and 50 MB, and most servers only search."""
    root = write(tmp_path / "root", {"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})
    repository(root, tmp_path / "cache")
    program = (
        "import sys; from pathlib import Path; from retrieval.sync.repository import Repository\n"
        f"opened = Repository(Path({str(root)!r}), cache=Path({str(tmp_path / 'cache')!r}), "
        f"max_bytes={MAX_BYTES})\n"
        "opened.refresh(); print(opened.view().lines('a.py'), 'kingfisher_sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "['def alpha(): pass'] False\n"


def test_what_was_kept_before_secrets_were_masked_is_thrown_away(tmp_path: Path) -> None:
    """An upgrade must not leave on disk what it no longer keeps."""
    cache = ChunkCache(tmp_path, fingerprint="old", limit_bytes=10**9)
    with cache.run() as run:
        run.put("a.py", digest(b""), split_file.split("a.py", b"def alpha(): pass\n"))
    with sqlite3.connect(tmp_path / chunk_cache.FILE) as table:
        table.execute("PRAGMA user_version=1")
        table.execute("UPDATE documents SET data = ?", (TOKEN.encode(),))
    table.close()
    with ChunkCache(tmp_path, fingerprint="new", limit_bytes=10**9).run():
        pass
    assert TOKEN.encode() not in fake_secrets.bytes_below(tmp_path)


def test_feedback_keeps_no_secret_of_a_query(tmp_path: Path) -> None:
    """Somebody pastes a failing command with its token as a question."""
    feedback_log.append(
        tmp_path, feedback_log.Entry(f"why does {TOKEN} fail", ("a.py:1-2",), (), "2026-11-24")
    )
    assert TOKEN.encode() not in fake_secrets.bytes_below(tmp_path)
    assert feedback_log.read(tmp_path).entries[0].query == "why does [masked: github-pat] fail"

"""The committed ranks of golden.json are those of this repository, and no worse than they say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow(reason="indexes this repository and ranks its own questions")

ROOT = Path(__file__).parent.parent


def test_the_committed_ranks_are_of_the_committed_questions() -> None:
    """Ranks of other questions would be read as if they were of these."""
    asked = [row["q"] for row in json.loads((ROOT / "golden.json").read_text(encoding="utf-8"))]
    lines = (ROOT / "tests/rankings/golden.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.rpartition("\t")[2] for line in lines] == asked


def test_the_ranking_is_no_worse_than_what_is_committed() -> None:
    """A change that loses answers is seen before it lands, by those who made it."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools/rankings.py", "--check"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()

"""Which place of a file comes first, and what its further places are worth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import repository, write

from retrieval.paths.file_kinds import KINDS
from retrieval.rank.need import read_need
from retrieval.rank.ranker import decays, find_and_rank
from retrieval.rank.weights import QUESTION


def test_the_twentieth_chunk_of_a_long_file_is_not_lost() -> None:
    """An answer far down in its file was worth a hundredth of its score, behind whatever was left."""
    factors = decays(np.arange(20), 0.75)
    assert factors[[0, 1, 3]] == pytest.approx([1, 0.75, 0.75**2])
    assert factors[19] > 0.25
    assert (np.diff(factors) < 0).all()


def test_a_unit_test_within_a_file_vouches_for_it_and_the_code_comes_first(tmp_path: Path) -> None:
    """Rust keeps tests beside the code, and they repeat a question's words more often than the code does."""
    files = {
        "src/input.rs": (
            "/// Detects the syntax.\npub fn sniff(head: &[u8]) -> Syntax {\n    by_first_line(head)\n}\n\n"
            "#[cfg(test)]\nmod tests {\n"
            + "".join(
                f"    #[test]\n    fn detects_syntax_by_first_line_{i}() {{\n"
                "        let syntax = detect_syntax(first_line, syntax);\n"
                "        assert_eq!(syntax, first_line_syntax(first_line));\n    }\n\n"
                for i in range(20)
            )
            + "}\n"
        ),
        "src/paint.rs": "pub fn line(width: u8) {\n    fill(width)\n}\n",
    }
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    query = "where is syntax detected by the first line"
    first = find_and_rank(read_need(query), opened.view().snapshot, limit=5)[0]
    assert (first.chunk.path, first.chunk.symbol) == ("src/input.rs", "sniff")
    even = replace(QUESTION, kinds=dict.fromkeys(KINDS, 1.0))
    first = find_and_rank(read_need(query), opened.view().snapshot, limit=5, weights=even)[0]
    assert first.chunk.scope == "tests"

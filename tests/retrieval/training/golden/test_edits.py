"""A golden file is its owner's: what changes it leaves the rest alone, and never leaves it broken."""

import json
from pathlib import Path

import pytest

from retrieval.errors import ArgumentError
from retrieval.training.golden import edits, golden_file

TEXT = """[
  {"_comment": "ours, ] [ and , in it"},
  {"q": "one?", "expect_paths": ["a.py"]},   {"q": "two?",
     "expect_paths": ["b.py"], "id": "1"}
  ,
  {"q": "three?", "expect_paths": ["c.py"], "id": "x"}
]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a golden file as people do."""
    path = tmp_path / "golden.json"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize("names", [["2"], ["x"], ["1"], ["2", "1", "x"], ["x", "2"]])
def test_only_the_rows_that_are_named_go(file: Path, names: list[str]) -> None:
    """Comments and spacing are somebody's work."""
    asked = golden_file.load(file)
    chosen = [edits.find(asked, name) for name in names]
    edits.remove(file, chosen)
    kept = [row for number, row in enumerate(json.loads(TEXT), 1) if number not in {q.row for q in chosen}]
    assert json.loads(file.read_text(encoding="utf-8")) == kept
    assert '{"_comment": "ours, ] [ and , in it"}' in file.read_text(encoding="utf-8")


def test_a_number_that_means_two_questions_is_refused(tmp_path: Path) -> None:
    """An id may be a number; removing the wrong question is worse than asking back."""
    file = tmp_path / "golden.json"
    rows = [{"q": "one?", "expect_paths": ["a"], "id": 2}, {"q": "two?", "expect_paths": ["b"], "id": "y"}]
    file.write_text(json.dumps(rows), encoding="utf-8")
    asked = golden_file.load(file)
    with pytest.raises(ArgumentError, match=r"2 is the id of row 1, and row 2 is another question; .*: y"):
        edits.find(asked, "2")
    assert edits.find(asked, "1").text == "one?"


def test_a_file_that_changed_meanwhile_is_left_alone(file: Path) -> None:
    """An editor may have saved between the listing and the removal."""
    chosen = [edits.find(golden_file.load(file), "x")]
    for changed in (TEXT.replace("three?", "four?"), "[]"):
        file.write_text(changed, encoding="utf-8")
        with pytest.raises(ArgumentError, match="row 4 changed meanwhile"):
            edits.remove(file, chosen)
        assert file.read_text(encoding="utf-8") == changed


@pytest.mark.parametrize(
    "rows",
    [
        [{"q": "ONE?", "expect_paths": ["z.py"]}],
        [{"q": "new?", "expect_paths": ["z.py"], "id": "x"}],
        [{"q": "new?", "expect_paths": ["z.py"]}, {"q": "new?", "expect_paths": ["y.py"]}],
        [{"q": "new?", "expect_paths": ["z.py:9-3"]}],
    ],
)
def test_nothing_is_written_unless_the_whole_file_is_valid(file: Path, rows: list[dict[str, object]]) -> None:
    """A file that no command reads any more costs all its questions."""
    with pytest.raises(ArgumentError):
        edits.add(file, rows)
    assert file.read_text(encoding="utf-8") == TEXT
    assert [path.name for path in file.parent.iterdir()] == ["golden.json"]


def test_a_neighbour_of_the_golden_file_is_not_overwritten(file: Path) -> None:
    """`golden.json.new` may be somebody's draft."""
    other = file.with_name("golden.json.new")
    other.write_text("draft", encoding="utf-8")
    edits.add(file, [{"q": "new?", "expect_paths": ["z.py"]}])
    assert other.read_text(encoding="utf-8") == "draft"
    assert len(golden_file.load(file).questions) == 4


def test_a_golden_file_that_is_not_utf_8_is_named(file: Path) -> None:
    """An editor on Windows may save it so."""
    file.write_bytes(TEXT.replace("one", "\u00f6ne").encode("latin-1"))
    with pytest.raises(ArgumentError, match=r"golden\.json is not UTF-8"):
        golden_file.load(file)
    with pytest.raises(ArgumentError, match=r"golden\.json is not UTF-8"):
        edits.add(file, [])

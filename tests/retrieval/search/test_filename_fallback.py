"""An answer before there is an index."""

from pathlib import Path

import pytest
from fakes import repository, write

from retrieval.files import secret_masking
from retrieval.paths.path_filter import Filter
from retrieval.rank.need import read_need
from retrieval.search import filename_fallback


def test_no_code_is_shown_before_secrets_can_be_told_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time on a machine that takes seconds; names can be told at once."""
    root = write(tmp_path / "house", {"engine/start.py": "def ignite(): pass\n", "door.py": "x = 1\n"})
    opened = repository(root, tmp_path / "cache")
    monkeypatch.setattr(secret_masking, "is_ready", lambda _patience_s: False)
    seen = filename_fallback.match_filenames(opened.view(), read_need("how does the engine start"), Filter())
    assert not seen.passages
    (note,) = seen.notes
    assert note.endswith("files whose names match: engine/start.py")
    assert filename_fallback.match_filenames(
        opened.view(), read_need("zebra"), Filter()
    ) == filename_fallback.FilenameMatches([])


def test_code_is_shown_once_they_can() -> None:
    """The detector is loaded beside whoever asks for it."""
    assert secret_masking.is_ready(60.0)

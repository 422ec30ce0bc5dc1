"""An answer before there is an index."""

from pathlib import Path

import pytest
from fakes import repository, write

from retrieval import glimpse, secrets
from retrieval.filters import Filter


def test_no_code_is_shown_before_secrets_can_be_told_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time on a machine that takes seconds; names can be told at once."""
    root = write(tmp_path / "house", {"engine/start.py": "def ignite(): pass\n", "door.py": "x = 1\n"})
    opened = repository(root, tmp_path / "cache")
    monkeypatch.setattr(secrets, "is_ready", lambda _patience_s: False)
    seen = glimpse.glimpse(opened, "how does the engine start", Filter())
    assert not seen.passages
    (note,) = seen.notes
    assert note.endswith("files whose names match: engine/start.py")
    assert glimpse.glimpse(opened, "zebra", Filter()) == glimpse.Glimpse([])


def test_code_is_shown_once_they_can() -> None:
    """The detector is loaded beside whoever asks for it."""
    assert secrets.is_ready(60.0)

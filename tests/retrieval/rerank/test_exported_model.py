"""The model that comes with goldrank: found, checked, and missed with a way out."""

import json
from pathlib import Path

import pytest
from fakes import write

from retrieval.errors import ModelError
from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PAIR_TEXT_VERSION


def sealed(folder: Path, *, version: int = PAIR_TEXT_VERSION) -> Path:
    """Make a folder that looks like an exported model from outside."""
    write(folder, {"graph.onnx": b"nodes", "weights.safetensors": b"numbers"})
    exported_model.seal(folder, name="tiny", max_tokens=64, pair_text_version=version)
    return folder


def test_what_was_sealed_is_read(tmp_path: Path) -> None:
    """Name and cut come from the model, not from whoever serves it."""
    manifest = exported_model.read_manifest(sealed(tmp_path))
    assert (manifest.name, manifest.max_tokens, len(manifest.digest)) == ("tiny", 64, 8)
    assert exported_model.is_exported(tmp_path)


def test_a_changed_byte_is_damage(tmp_path: Path) -> None:
    """A model of wrong bytes ranks by nonsense, and says so of nothing."""
    folder = sealed(tmp_path)
    (folder / "weights.safetensors").write_bytes(b"nymbers")
    with pytest.raises(ModelError, match=r"is damaged: weights\.safetensors; export it again, or choose"):
        exported_model.read_manifest(folder)


@pytest.mark.parametrize("name", ["manifest.json", "graph.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """An interrupted installation leaves some files and not others."""
    folder = sealed(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing in .*; export it again"):
        exported_model.read_manifest(folder)


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"name": "x"}), json.dumps({"sha256": 3})])
def test_a_manifest_that_says_nothing_is_refused(tmp_path: Path, content: str) -> None:
    """A cut-off file is a sentence for people, not a traceback."""
    (sealed(tmp_path) / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        exported_model.read_manifest(tmp_path)


def test_a_model_of_another_pair_text_is_refused(tmp_path: Path) -> None:
    """It learned to read something else than it would be shown."""
    with pytest.raises(ModelError, match=f"uses {PAIR_TEXT_VERSION}"):
        exported_model.read_manifest(sealed(tmp_path, version=PAIR_TEXT_VERSION + 1))


def test_whoever_misses_the_shipped_model_is_told_to_install_again() -> None:
    """Exporting is nothing that a user could do about it."""
    assert "reinstall goldrank" in exported_model._way_out(exported_model.FOLDER)  # noqa: SLF001 - it may be there

"""What serving reads of promoted models, and what it refuses to trust."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from version_factory import FACTS, promoted

from retrieval.errors import ModelError
from retrieval.rerank import model_versions
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_versions import ModelStore, Version


@pytest.fixture
def where(tmp_path: Path) -> ModelStore:
    """Name the store of a root."""
    return model_versions.store(tmp_path / "models", tmp_path / "root")


@pytest.fixture
def version(where: ModelStore, tmp_path: Path) -> Version:
    """Promote a version."""
    return promoted(where, tmp_path / "made")


def change(file: Path, content: bytes) -> None:
    """Change a file that is read-only."""
    file.chmod(0o644)
    file.write_bytes(content)


def test_a_root_without_models_is_served_by_the_base(where: ModelStore) -> None:
    """This is how everybody starts."""
    assert model_versions.current(where) is None
    assert model_versions.versions(where) == []
    assert model_versions.history(where) == []


def test_a_root_has_the_same_store_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model promoted from inside the folder serves the server that was given its path."""
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to("root")
    monkeypatch.chdir(tmp_path)
    named = [model_versions.store(tmp_path, Path(path)) for path in ("root", "link", "root/../root")]
    assert named == [model_versions.store(tmp_path, tmp_path / "root")] * 3
    assert model_versions.store(tmp_path, tmp_path / "other/root").folder != named[0].folder


def test_the_stores_of_all_roots_are_listed(where: ModelStore, version: Version, tmp_path: Path) -> None:
    """`goldrank doctor` looks at every one."""
    assert model_versions.versions(where) == [version.name]
    assert model_versions.stores(tmp_path / "models") == [where]


@pytest.mark.parametrize("file", ["model.safetensors", "README.md", "1_extra/more.json"])
def test_a_changed_file_is_found(version: Version, file: str) -> None:
    """Torn weights may well load, and rank by nonsense."""
    change(version.folder / file, (version.folder / file).read_bytes()[:-1])
    with pytest.raises(ModelError, match=f"{version.name} is broken: {file} changed.*goldrank rollback"):
        model_versions.verify(version)


def test_a_missing_and_a_foreign_file_are_found(version: Version) -> None:
    """Loading takes what it finds: a second file of weights would win."""
    version.folder.chmod(0o755)
    (version.folder / "config.json").unlink()
    (version.folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"config.json, pytorch_model.bin changed"):
        model_versions.verify(version)


def test_a_changed_record_is_found(where: ModelStore, version: Version) -> None:
    """The weight stands there, and the hashes of all else."""
    file = version.folder / model_versions.FACTS_FILE
    record = json.loads(file.read_text(encoding="utf-8"))
    change(file, json.dumps({**record, "weight": 1.0}).encode())
    with pytest.raises(ModelError, match=r"goldrank.json was changed after it was written"):
        model_versions.read_version(where, version.name)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"name": 1}', b"\xff"])
def test_a_record_that_is_none_is_a_broken_version(
    where: ModelStore, version: Version, content: bytes
) -> None:
    """Whatever lies there, the server goes on."""
    change(version.folder / model_versions.FACTS_FILE, content)
    with pytest.raises(ModelError, match=f"{version.name} is broken: goldrank.json"):
        model_versions.read_version(where, version.name)


@pytest.mark.parametrize("name", ["", "../0001-00000000", "0001-0000000", "0001-00000000\n0002-00000000"])
def test_a_name_that_is_none_is_refused(where: ModelStore, name: str) -> None:
    """The pointer is a file that anybody may have edited; it must not lead elsewhere."""
    with pytest.raises(ModelError, match=r"names no version of .*goldrank rollback"):
        model_versions.read_version(where, name)


def test_a_version_that_is_gone_says_so(where: ModelStore) -> None:
    """Somebody made room on the disk."""
    with pytest.raises(ModelError, match=r"0001-00000000 is broken: goldrank.json cannot be read: No such"):
        model_versions.read_version(where, "0001-00000000")


def test_a_model_of_another_pair_text_is_refused(where: ModelStore, tmp_path: Path) -> None:
    """It would read what it never learned to read."""
    facts = replace(FACTS, pair_text_version=PAIR_TEXT_VERSION + 1)
    version = promoted(where, tmp_path / "made", facts=facts)
    with pytest.raises(
        ModelError, match=rf"was trained with pair text {PAIR_TEXT_VERSION + 1}, goldrank now"
    ):
        model_versions.verify(model_versions.read_version(where, version.name))

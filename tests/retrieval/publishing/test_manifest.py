"""A manifest is written by others, so everything that is not an index is refused."""

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import DamagedIndexError
from retrieval.publishing import record_file
from retrieval.publishing.manifest import META, RECORDS, Manifest, PublishedFile, read_manifest
from retrieval.records import FileStat
from retrieval.sync.record_table import FileRecord

DIGEST = "ab" * 32
FILES = (PublishedFile(META, 10, DIGEST), PublishedFile(RECORDS, 20, DIGEST))
GOOD = Manifest("example.com/owner/name", "1" * 40, "v6", FILES)


def written(change: Mapping[str, Any]) -> tuple[bytes, str]:
    """Write a manifest with some fields changed; return it with its name."""
    data = json.dumps({**json.loads(GOOD.to_bytes()), **change}).encode()
    return data, sha256(data).hexdigest()


def test_a_manifest_is_read_as_it_was_written() -> None:
    """Equal manifests have one name, so that two publishers of one index write one object."""
    assert read_manifest(GOOD.to_bytes(), name=GOOD.digest) == GOOD
    assert GOOD.size_bytes == 30


@pytest.mark.parametrize(
    "name",
    [
        "../../.bashrc",
        "/etc/passwd",
        "chunks/../fingerprint",
        "chunks/meta.json/../../lock",
        "fingerprint",
        "chunks/.managed.json",
        f"chunks/{'a' * 32}.idx\n",
        f"chunks/{'A' * 32}.idx",
        "chunks\\meta.json",
        "",
    ],
)
def test_a_name_that_is_no_file_of_an_index_refuses_the_manifest(name: str) -> None:
    """A manifest must not write anywhere else on the machine that takes it up."""
    rows = [*json.loads(GOOD.to_bytes())["files"], {"name": name, "size": 1, "sha256": DIGEST}]
    data, digest = written({"files": rows})
    with pytest.raises(DamagedIndexError, match="is no file of an index") as refused:
        read_manifest(data, name=digest)
    assert digest in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"commit": "main"},
        {"commit": 7},
        {"files": []},
        {"files": [{"name": META, "size": 1, "sha256": DIGEST}] * 2},
        {"files": [{"name": META, "size": -1, "sha256": DIGEST}]},
        {"files": [{"name": META, "size": True, "sha256": DIGEST}]},
        {"files": [{"name": META, "size": 1, "sha256": "../" + DIGEST}]},
        {"files": 5},
        {"source": None},
    ],
    ids=str,
)
def test_values_that_are_not_valid_refuse_the_manifest(change: Mapping[str, Any]) -> None:
    """Half a manifest that is believed would be half an index."""
    data, digest = written(change)
    with pytest.raises(DamagedIndexError):
        read_manifest(data, name=digest)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_without_another_error(data: bytes) -> None:
    """The object may be anything: a web page of a proxy, or half of itself."""
    with pytest.raises(DamagedIndexError):
        read_manifest(data, name=sha256(data).hexdigest())


PATHS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)
RECORDS_OF_FILES = st.dictionaries(
    PATHS,
    st.builds(
        FileRecord,
        st.builds(FileStat, st.integers(0, 2**40), st.just(0), st.just(0), st.integers(0, 2**160)),
        st.text(max_size=9),
        st.text(max_size=9),
        has_secrets=st.booleans(),
        note=st.text(max_size=9),
    ),
    max_size=5,
)


@given(records=RECORDS_OF_FILES)
def test_records_come_back_as_they_were(
    records: dict[str, FileRecord], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A record that differs would index its file again on every machine."""
    file = tmp_path_factory.mktemp("records") / RECORDS
    file.write_bytes(record_file.to_bytes(records))
    assert record_file.read(file) == records
    assert record_file.to_bytes(dict(reversed(records.items()))) == file.read_bytes()


@given(data=st.binary(max_size=100))
def test_records_that_are_damaged_are_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Their digest may be right and their content none of ours."""
    file = tmp_path_factory.mktemp("records") / RECORDS
    for content in (data, record_file.to_bytes({})[:-4] + data):
        file.write_bytes(content)
        with suppress(DamagedIndexError):
            assert record_file.read(file) == {}


def test_a_name_that_is_not_utf_8_travels(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file name is bytes."""
    file = tmp_path_factory.mktemp("records") / RECORDS
    records = {"caf\udce9.py": FileRecord(FileStat(1, 0, 0, 5), "d")}
    file.write_bytes(record_file.to_bytes(records))
    assert record_file.read(file) == records

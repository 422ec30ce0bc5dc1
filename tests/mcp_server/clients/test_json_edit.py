"""A person's settings are theirs: after we came and went, every byte is where it was."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mcp_server.clients import json_edit
from retrieval.errors import ClientFileError

KEYS = ("mcpServers", "goldrank")
ENTRY = {"command": "/bin/goldrank", "args": ["serve"]}

FILES = [
    "",
    "{}",
    "{}\n",
    "{ }\n",
    "{\n}\n",
    "{\n  // nothing yet\n}\n",
    '{"mcpServers": {}}',
    '{\n  "mcpServers": {}\n}\n',
    '{\n  "mcpServers": {\n  }\n}\n',
    '{"a": 1}',
    '{"a": 1, "mcpServers": {"x": {"command": "x"}} }\n',
    '{\n    "a": 1, // one\n    "b": [1, 2,],\n}\n',
    '{\n\t"mcpServers": {\n\t\t"x": {"command": "x"} // the other\n\t}\n}\n',
    '{\n\t"mcpServers": {\n\t\t"x": {"command": "x"}, /* the, other } */\n\t},\n\t"z": null\n}',
    '// settings\n{\r\n  "a": "// no comment, }",\r\n  "b": "\\"/*"\r\n}\r\n// end\r\n',
    '{\n  "a": {"mcpServers": {}}\n  // the end\n}\n',
    '{"a": 1 // one\n}\n',
    '{"mcpServers": {"x": {}\n}}',
    '/* a */ {"mcpServers" /* b */ : /* c */ {"x" : 1 /* d */ , } , }',
    '{"ключ": "значение", "mcpServers": {"é": {}}}',
]


@pytest.mark.parametrize("text", FILES)
def test_what_was_added_is_taken_out_to_the_byte(text: str) -> None:
    """Whoever tries goldrank and leaves it should see no difference."""
    added = json_edit.add(text, KEYS, ENTRY)
    expected = json_edit.parse(text)
    expected.setdefault("mcpServers", {})["goldrank"] = ENTRY
    assert json_edit.parse(added) == expected
    assert json_edit.remove(added, KEYS) == text


@pytest.mark.parametrize("text", FILES)
def test_adding_only_adds(text: str) -> None:
    """Comments, order and odd spacing are somebody's; nothing of them may be lost."""
    rest = iter(json_edit.add(text, KEYS, ENTRY))
    assert all(character in rest for character in text)


@pytest.mark.parametrize("text", FILES)
def test_an_entry_that_is_written_anew_stays_where_it_is(text: str) -> None:
    """An upgrade that moves the program must not reorder the file."""
    moved = {**ENTRY, "command": "/opt/goldrank"}
    added = json_edit.add(text, KEYS, ENTRY)
    assert json_edit.parse(json_edit.add(added, KEYS, moved))["mcpServers"]["goldrank"] == moved
    assert json_edit.add(json_edit.add(added, KEYS, moved), KEYS, ENTRY) == added


def test_a_file_that_was_made_for_the_entry_goes_with_it() -> None:
    """A file of `{}` that nobody wrote is litter."""
    assert json_edit.remove(json_edit.add(None, KEYS, ENTRY), KEYS) is None


def test_new_members_look_like_their_neighbours() -> None:
    """A file that is indented with tabs stays so."""
    added = json_edit.add('{\n\t"mcpServers": {\n\t\t"x": 1\n\t}\n}\n', KEYS, ENTRY)
    assert '\n\t\t"goldrank": {\n\t\t\t"command": "/bin/goldrank",' in added
    assert "  " not in added.replace(": ", "")


def test_the_first_of_several_members_is_taken_out_with_its_comma() -> None:
    """Others were added behind ours since."""
    text = '{\n  "mcpServers": {\n    "goldrank": {},\n    "x": {}\n  }\n}\n'
    assert json_edit.remove(text, KEYS) == '{\n  "mcpServers": {\n    "x": {}\n  }\n}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', "line 3: Expecting ',' delimiter"),
        ('{\n  "a": "b\n}', "line 2: Invalid control character"),
        ("{ /* open", "line 1: Expecting property name"),
        ("[" * 100_000, "line 1: nested too deeply"),
    ],
)
def test_what_is_no_json_is_told_with_its_line(text: str, said: str) -> None:
    """The person must find the place that their client cannot read either."""
    with pytest.raises(ClientFileError, match=said):
        json_edit.parse(text)


@pytest.mark.parametrize("text", ['{"mcpServers": []}', '{"mcpServers": null}', "[]", "{,}"])
def test_what_stands_in_the_way_is_not_overwritten(text: str) -> None:
    """Another shape than ours has a reason that we do not know."""
    with pytest.raises(ClientFileError, match="line 1: "):
        json_edit.add(text, KEYS, ENTRY)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5) | st.just("mcpServers"), VALUES, max_size=4),
    st.sampled_from([None, 0, 1, 4, "\t"]),
    st.booleans(),
)
def test_any_object_in_any_layout_comes_back(
    whole: dict[str, object], indent: int | str, ascii_: bool
) -> None:
    """Nobody's file looks like our examples."""
    servers = whole.get("mcpServers", {})
    assume(isinstance(servers, dict))
    servers = dict(servers) if isinstance(servers, dict) else {}
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_)
    added = json_edit.add(text, KEYS, ENTRY)
    assert json.loads(added) == {**whole, "mcpServers": {**servers, "goldrank": ENTRY}}
    assert json_edit.remove(added, KEYS) == text

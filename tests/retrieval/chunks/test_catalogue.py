"""Every format of a catalogue gives the same entries: a text, and the key that the code knows it by."""

import pytest

from retrieval.chunks.catalogue import LONGEST_LINE, Entry, entries

TRASH = Entry(("menu", "trash"), "Papierkorb")
FORMATS = {
    "de.json": '{\n  "menu": {\n    "trash": "Papierkorb",\n  }\n}',
    "de.yml": "menu:\n  trash: Papierkorb\n",
    "de.js": "export default {\n  menu: {\n    trash: 'Papierkorb',\n  },\n};",
    "de.php": "return [\n    'menu' => [\n        'trash' => 'Papierkorb',\n    ],\n];",
}
FLAT = {
    "de.properties": "menu.trash=Papierkorb",
    "de.strings": '"menu.trash" = "Papierkorb";',
    "strings.xml": '<resources>\n    <string name="menu.trash">Papierkorb</string>\n</resources>',
    "de.resx": '<data name="menu.trash" xml:space="preserve">\n  <value>Papierkorb</value>\n</data>',
}
BY_ORIGINAL = {
    "de.po": (
        'msgid ""\nmsgstr "Language: de"\n\n#: a.c:1\nmsgid "Move to "\n"trash"\n'
        'msgstr "In den "\n"Papierkorb"\n'
    ),
    "de.xlf": "<unit>\n<source>Move to trash</source>\n<target>In den Papierkorb</target>\n</unit>",
}


@pytest.mark.parametrize("name", FORMATS)
def test_keys_are_nested_as_they_are_indented(name: str) -> None:
    """`title` alone says nothing of where it stands."""
    assert TRASH in entries(name, FORMATS[name].split("\n"))


@pytest.mark.parametrize("name", FLAT)
def test_a_flat_catalogue_has_one_key_for_each_text(name: str) -> None:
    """Properties, Apple's strings and XML dialects do not nest."""
    assert entries(name, FLAT[name].split("\n")) == [Entry(("menu.trash",), "Papierkorb")]


@pytest.mark.parametrize("name", BY_ORIGINAL)
def test_gettext_and_xliff_are_keyed_by_the_original_text(name: str) -> None:
    """Their keys are English already; the header of gettext is no entry."""
    assert entries(name, BY_ORIGINAL[name].split("\n")) == [Entry(("Move to trash",), "In den Papierkorb")]


def test_the_second_key_of_a_level_leaves_the_first() -> None:
    """A key's parents are those that enclose it, and no key before it."""
    lines = ["a:", "  b:", "    c: one", "  d: two", "e: three"]
    assert [entry.key for entry in entries("de.yml", lines)] == [("a", "b", "c"), ("a", "d"), ("e",)]


def test_escaped_characters_are_read() -> None:
    """Java wrote every other alphabet in escapes; half a pair of them is no character."""
    assert entries("a.properties", [r"a=gel\u00f6scht"])[0].text == "gelöscht"
    assert entries("a.json", [r'"a": "\ud83d\ude00 \ud83d"'])[0].text == "😀 \ufffd"


def test_a_file_in_one_long_line_has_no_entries() -> None:
    """Reading a minified catalogue would take its whole text as one entry."""
    assert entries("de.json", ['"a": "' + "x" * LONGEST_LINE + '"']) == []

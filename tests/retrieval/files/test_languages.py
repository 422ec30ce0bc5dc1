"""A language filter and a grammar both start from nothing but a file's name."""

import doctest

import pytest

from retrieval.files import languages

PARSED = (
    "bash c cpp csharp elixir go haskell java javascript kotlin lua php python ruby rust scala swift "
    "typescript zig"
).split()


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("run.sh", "bash"),
        ("test/suite.bats", "bash"),
        (".bashrc", "bash"),
        ("main.c", "c"),
        ("main.cc", "cpp"),
        ("detail.inl", "cpp"),
        ("Program.cs", "csharp"),
        ("mix.exs", "elixir"),
        ("main.go", "go"),
        ("Main.hs", "haskell"),
        ("Main.java", "java"),
        ("app.mjs", "javascript"),
        ("App.jsx", "javascript"),
        ("build.gradle.kts", "kotlin"),
        ("init.lua", "lua"),
        ("index.php", "php"),
        ("stubs/client.pyi", "python"),
        ("Rakefile", "ruby"),
        ("tool.gemspec", "ruby"),
        ("lib.rs", "rust"),
        ("build.sc", "scala"),
        ("App.swift", "swift"),
        ("App.tsx", "typescript"),
        ("types.d.ts", "typescript"),
        ("build.zig", "zig"),
        ("README.md", "markdown"),
        ("docker/Dockerfile", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("Makefile", "make"),
        ("pyproject.toml", "toml"),
        ("schema.proto", "protobuf"),
    ],
)
def test_a_name_tells_the_language(path: str, language: str) -> None:
    """A file under the wrong grammar is cut in the wrong places and defines nothing."""
    assert languages.language_of(path) == language


@pytest.mark.parametrize("path", ["LICENSE", "data.unheardof", "notes.", "", "a.py/file"])
def test_a_name_that_says_nothing_is_text(path: str) -> None:
    """Such files are searched too: by lines, without a grammar."""
    assert languages.language_of(path) == "text"


def test_a_header_is_parsed_as_cpp_and_answers_to_both_filters() -> None:
    """One header serves C and C++; asking for either language must not hide it."""
    assert languages.language_of("include/curl.h") == "cpp"
    assert ".h" in languages.suffixes("c")
    assert ".h" in languages.suffixes("cpp")


def test_the_case_of_a_name_does_not_matter() -> None:
    """Windows checkouts and old projects write MAIN.PY."""
    assert languages.language_of("SRC/MAIN.PY") == "python"
    assert languages.suffix_of("SRC/MAIN.PY") == ".py"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a/b.test.ts", ".ts"),
        ("a.b/Makefile", "makefile"),
        ("CMakeLists.txt", "cmakelists.txt"),
        ("notes.txt", ".txt"),
        ("LICENSE", "license"),
        (".gitignore", ".gitignore"),
    ],
)
def test_the_filter_key_is_the_last_suffix_or_the_whole_name(path: str, key: str) -> None:
    """Filtering compares keys, so a file must have the same one when indexed and when asked for."""
    assert languages.suffix_of(path) == key


@pytest.mark.parametrize("language", PARSED)
def test_every_key_of_a_language_leads_back_to_a_file_that_the_filter_keeps(language: str) -> None:
    """A key that `suffix_of` never gives would be a filter that silently finds nothing."""
    keys = languages.suffixes(language)
    assert list(keys) == sorted(set(keys))
    for key in keys:
        path = f"src/file{key}" if key.startswith(".") else f"src/{key}"
        assert languages.suffix_of(path) == key
        assert languages.language_of(path) == language or key == ".h"


@pytest.mark.parametrize(
    ("alias", "language"),
    [
        ("C++", "cpp"),
        ("c#", "csharp"),
        ("js", "javascript"),
        ("TS", "typescript"),
        ("py", "python"),
        ("golang", "go"),
        ("Shell", "bash"),
        ("sh", "bash"),
        ("rs", "rust"),
        ("rb", "ruby"),
        ("kt", "kotlin"),
        ("Python", "python"),
    ],
)
def test_usual_aliases_name_the_same_files(alias: str, language: str) -> None:
    """Agents write the name that they know, not ours."""
    assert languages.suffixes(alias) == languages.suffixes(language)


def test_an_unknown_language_is_an_error_not_an_empty_filter() -> None:
    """An empty filter would read as "nothing found" and end the search."""
    with pytest.raises(KeyError, match="klingon"):
        languages.suffixes("klingon")


def test_the_names_are_sorted_and_hold_every_language() -> None:
    """The list is shown to whoever asked for a language that does not exist."""
    names = languages.names()
    assert list(names) == sorted(set(names))
    assert set(PARSED) | {"text", "markdown", "json", "yaml"} <= set(names)


def test_the_examples_in_the_docstrings_hold() -> None:
    """Whoever reads the module learns it from them."""
    assert doctest.testmod(languages).failed == 0

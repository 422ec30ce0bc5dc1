"""Names and spans of definitions decide what a chunk is called and whether a symbol query finds it."""

import doctest
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snippets import SNIPPETS

from retrieval.chunks import definitions as module
from retrieval.chunks.definitions import Definition, definitions, parse
from retrieval.files import languages


def defined(language: str, source: str | bytes, *, path: str = "") -> list[Definition]:
    """Parse and list in one step; text is dedented and starts at line 1 after its first newline."""
    data = textwrap.dedent(source).removeprefix("\n").encode() if isinstance(source, str) else source
    tree = parse(language, data, path=path)
    assert tree is not None
    return definitions(language, tree)


def lines_of(found: list[Definition]) -> list[str]:
    """Write definitions as the tables here do."""
    return [f"{item.name} {item.kind} {item.start_line} {item.end_line}" for item in found]


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_file_defines_exactly_what_a_reader_would_look_for(language: str) -> None:
    """A missing name is a symbol that cannot be found; a local reported as one is noise in every search."""
    source, expected = SNIPPETS[language]
    assert lines_of(defined(language, source)) == expected


def test_every_language_with_a_grammar_has_a_snippet() -> None:
    """A language that is parsed and not tested here is one whose grammar may change unseen."""
    assert set(SNIPPETS) == {name for name in languages.names() if parse(name, b"") is not None}


@pytest.mark.parametrize("language", ["text", "markdown", "", "klingon"])
def test_a_language_without_a_grammar_has_no_tree(language: str) -> None:
    """Such files are split by lines; asking for their tree is no mistake."""
    assert parse(language, b"# Title") is None


@pytest.mark.parametrize("language", SNIPPETS)
@pytest.mark.parametrize(
    "source",
    [b"", b"\n\n", b"\x00", b"\xff\xfe\xfa", b"(" * 300, b"}" * 300, b"\xef\xbb\xbf"],
    ids=["empty", "blank", "nul", "no utf-8", "opened", "closed", "bom"],
)
def test_a_file_with_nothing_to_find_gives_nothing(language: str, source: bytes) -> None:
    """Generated, damaged and mislabelled files are in every repository, and one must not stop an index."""
    assert defined(language, source) == []


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_file_cut_off_anywhere_is_still_read(language: str) -> None:
    """People search while they type: half a file is what the index sees then."""
    data = textwrap.dedent(SNIPPETS[language][0]).encode()
    for end in range(0, len(data), 17):
        for item in defined(language, data[:end] + b"\x00\xff"):
            assert item.name
            assert 1 <= item.start_line <= item.name_line <= item.end_line <= data.count(b"\n") + 1


@settings(deadline=None)  # the first file of a language compiles its query
@given(st.sampled_from(sorted(SNIPPETS)), st.data())
def test_shuffled_lines_never_raise(language: str, data: st.DataObject) -> None:
    """Broken syntax in the tokens of the language itself reaches corners that random bytes do not."""
    lines = data.draw(st.permutations(textwrap.dedent(SNIPPETS[language][0]).splitlines()))
    found = defined(language, "\n".join(lines).encode())
    assert found == sorted(found, key=lambda item: (item.start_line, -item.end_line, item.name_line))
    assert len({(item.name, item.start_line, item.end_line) for item in found}) == len(found)


def test_a_deeply_nested_file_is_read() -> None:
    """A minified or generated file nests deeper than any stack."""
    assert lines_of(defined("python", b"a = " * 3000 + b"1")) == ["a variable 1 1"]
    assert lines_of(defined("javascript", b"(" * 3000 + b"1" + b")" * 3000)) == []


def test_the_line_of_a_name_is_told_apart_from_the_first_line() -> None:
    """A decorated function starts above its name, and jumping to a symbol should land on the name."""
    source = b"@cache\n@typed(\n    int,\n)\ndef total():\n    pass\n"
    assert defined("python", source) == [Definition("total", "function", 1, 6, 5)]


def test_typescript_with_markup_needs_its_path() -> None:
    """In a .tsx file `<div>` is markup; in a .ts file it is a type assertion."""
    source = "export function App() {\n  return <div>{items.map((item) => <Row key={item} />)}</div>;\n}\n"
    tree = parse("typescript", source.encode(), path="src/App.tsx")
    assert tree is not None
    assert not tree.root_node.has_error
    assert lines_of(definitions("typescript", tree)) == ["App function 1 3"]


def test_macros_do_not_hide_a_cpp_class() -> None:
    """Libraries export their classes with a macro, and those are the ones that people look for."""
    source = """
        LIB_NAMESPACE_BEGIN
        class LIB_API Cart final : public Base {
          Q_OBJECT
         public:
          int total() const;
        };
        LIB_NAMESPACE_END
        }  // namespace lib
        enum Flag {
          FIRST,
          LAST
        };
        """
    assert lines_of(defined("cpp", source)) == [
        "Cart class 2 6",
        "total method 5 5",
        "Flag enum 9 12",
        "FIRST constant 10 10",
        "LAST constant 11 11",
    ]


def test_a_function_split_by_the_preprocessor_keeps_its_name() -> None:
    """The grammar sees two halves of a statement; the function is still the one that people look for."""
    source = """
        static int choose(int a)
        {
        #ifdef FAST
          if(a) {
        #else
          if(!a) {
        #endif
            return 1;
          }
          return 0;
        }
        """
    assert [item.name for item in defined("c", source)] == ["choose"]


def test_a_typedef_that_repeats_its_tag_is_one_definition() -> None:
    """The two names of one struct would be the same answer twice."""
    source = "typedef struct node {\n  int value;\n} node;\ntypedef struct other other;\n"
    assert lines_of(defined("c", source)) == ["node struct 1 3", "other type 4 4"]


def test_methods_of_two_haskell_instances_stay_apart() -> None:
    """Only the equations of one function belong together."""
    source = 'instance Show A where\n  show _ = "a"\ninstance Show B where\n  show _ = "b"\n'
    assert lines_of(defined("haskell", source)) == ["show method 2 2", "show method 4 4"]


def test_both_names_of_a_chained_assignment_are_found() -> None:
    """Express and its like publish one function under two names."""
    source = "res.set =\nres.header = function header(field) {\n  return this;\n};\n"
    assert lines_of(defined("javascript", source)) == [
        "set method 1 4",
        "header method 2 4",
    ]


def test_a_comment_after_a_function_is_not_part_of_it() -> None:
    """It documents what follows, and a span that swallows it hides the next definition's words."""
    source = "object A {\n  def one: Int =\n    1\n\n  // about two\n  def two: Int = 2\n}\n"
    assert lines_of(defined("scala", source)) == ["A class 1 7", "one method 2 3", "two method 6 6"]


def test_the_example_in_the_docstring_holds() -> None:
    """Whoever reads the module learns it from there."""
    assert doctest.testmod(module).failed == 0

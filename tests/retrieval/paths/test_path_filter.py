"""A filter that means something else than its caller thinks makes code that is there look absent."""

import unicodedata
from typing import Any

import pytest

from retrieval.errors import ArgumentError, CancelledError
from retrieval.paths.path_filter import Filter, nothing_passes, passing
from retrieval.records import Exclusion

ROOT = "/home/u/r"
FILES = [
    "a,b.py",
    "app/blog/[slug]/page.tsx",
    "app/sign-in/[[...sign-in]]/page.tsx",
    "d.h",
    "packages/api/src/x.py",
    "src/a.py",
    "src/app/b.ts",
    "src/app/c.tsx",
    "tests/c.py",
    "token.vy",
]


def passed(*globs: str, folder: str = "", languages: tuple[str, ...] = ()) -> list[str]:
    """List the files that pass."""
    return passing(FILES, Filter(globs, languages, ROOT, folder)).paths


@pytest.mark.parametrize(
    ("path", "same_as", "note"),
    [
        ("./src", "/src/", "/src"),
        ("/home/u/r/src/app", "src/app/", "src/app"),
        ("/home/u/r/src/*.py", "/src/*.py", "/src/*.py"),
        ("src\\app", "src/app/", "src/app"),
        (".\\src\\app", "src/app/", "src/app"),
        ("src\\*.py", "src/*.py", "src/*.py"),
        ("src/../tests", "/tests/", "/tests"),
        ("src/a.py#L604", "src/a.py", "src/a.py"),
        ("src/a.py#L1-L9", "src/a.py", "src/a.py"),
        ("src/a.py:12", "src/a.py", "src/a.py"),
        ("src/a.py:1-20", "src/a.py", "src/a.py"),
        ("src/a.py:12:5", "src/a.py", "src/a.py"),
        (".", "*", "every file"),
        ("/home/u/r", "*", "every file"),
        ("", "*", "every file"),
    ],
)
def test_what_can_mean_one_thing_only_is_taken_and_said(path: str, same_as: str, note: str) -> None:
    """Callers write paths as their shells, editors and tools show them."""
    selection = passing(FILES, Filter((path,), root=ROOT))
    assert selection.paths == passed(same_as)
    assert selection.notes == (f"path {path or repr('')} was read as {note}",)


@pytest.mark.parametrize(
    ("path", "globs", "note"),
    [
        ("*.{ts,tsx}", ("*.ts", "*.tsx"), "*.ts and *.tsx"),
        ("*.py,*.ts", ("*.py", "*.ts"), "*.py and *.ts"),
        ("src/{app/*.{ts,tsx},*.py}", ("src/app/*.ts", "src/app/*.tsx", "src/*.py"), ""),
        ("*.py, !tests/", ("*.py", "!tests/"), "*.py and !tests/"),
    ],
)
def test_several_patterns_in_one_text_are_parted(path: str, globs: tuple[str, ...], note: str) -> None:
    """Braces are of every other tool that takes globs."""
    selection = passing(FILES, Filter((path,), root=ROOT))
    assert selection.paths == passed(*globs) != []
    assert note in selection.notes[0]


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("app/sign-in/[[...sign-in]]/page.tsx", "app/sign-in/[[...sign-in]]/page.tsx"),
        ("app/blog/[slug]/page.tsx", "app/blog/[slug]/page.tsx"),
        ("app/blog/[slug]/", "app/blog/[slug]/page.tsx"),
        ("[slug]", "app/blog/[slug]/page.tsx"),
        ("a,b.py", "a,b.py"),
    ],
)
def test_a_path_that_is_listed_is_itself_before_it_is_a_pattern(path: str, file: str) -> None:
    """Frameworks name folders in brackets; a caller pastes what an earlier reply showed."""
    assert passing(FILES, Filter((path,), root=ROOT)).paths == [file]
    assert passing(FILES, Filter((path,), root=ROOT)).notes == ()
    assert passed(f"!{path}") == [other for other in FILES if other != file]


def test_a_bare_folder_is_that_of_any_place() -> None:
    """As in a .gitignore; `/src` or `./src` is the one at the top."""
    assert passed("src/") == ["packages/api/src/x.py", "src/a.py", "src/app/b.ts", "src/app/c.tsx"]
    assert passed("/src") == ["src/a.py", "src/app/b.ts", "src/app/c.tsx"]


def test_patterns_are_relative_to_the_folder_that_a_search_is_held_to() -> None:
    """Paths of the whole root are understood there too: replies show those."""
    api = ["packages/api/src/x.py"]
    for path in ("./src", "src/", "*.py", "packages/api/src/", f"{ROOT}/packages/api/src"):
        assert passed(path, folder="packages/api") == api
    assert passed(folder="packages/api") == api
    assert passed("tests/", folder="packages/api") == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("!", "'!' is not a gitignore pattern: the pattern is empty"),
        ("a\\", "the pattern ends in a lone backslash"),
        ("[z", "the bracket [ is never closed"),
        ("[z-a]", "the range z-a is backwards"),
        ("../other", "leads out of the root"),
        ("{a,b}" * 12, "stands for more than 1,000 patterns"),
        (",".join(f"{n}*" for n in range(1_200))[:4_000], "more than|was read"),
        ("x" * 5_000, "5,000 characters"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(path: str, message: str) -> None:
    """The error names the value and what to write instead."""
    if "|" in message:
        assert passed(path) == []
        return
    with pytest.raises(ArgumentError) as caught:
        passed(path)
    assert message in str(caught.value)


def test_too_many_patterns_are_refused() -> None:
    """Each costs a look at every path."""
    with pytest.raises(ArgumentError, match=r"path has more than 1,000 patterns"):
        passed(*(f"*{n}" for n in range(1_001)))
    with pytest.raises(ArgumentError, match=r"50,000 characters of patterns with wildcards"):
        passed(*("*a" * 1_000 + str(n) for n in range(30)))


@pytest.mark.parametrize("names", [("all",), ("*",), ("",), (" , ",)])
def test_all_languages_are_no_filter(names: tuple[str, ...]) -> None:
    """Models fill in optional arguments with what sounds like no limit."""
    assert passed(languages=names) == FILES


def test_several_languages_are_one_filter() -> None:
    """A question about a web page is about its script and its server."""
    both = [path for path in FILES if path.endswith((".py", ".ts", ".tsx"))]
    assert passed(languages=("python,typescript",)) == both
    assert passed(languages=("python", "ts")) == both


@pytest.mark.parametrize("name", ["vyper", "vy", ".vy", "*.vy", "Vyper"])
def test_a_language_without_a_grammar_is_filtered_by_its_suffix(name: str) -> None:
    """Its files are searched all the same."""
    selection = passing(FILES, Filter((), (name,)))
    assert selection.paths == ["token.vy"]
    assert selection.notes == (f"language {name.lower()} was read as files *.vy",)


def test_a_filter_that_only_excluded_files_pass_says_why_they_are() -> None:
    """`no file passes` would send its caller looking for a typing error."""
    excluded = [
        Exclusion("libs/sub", "a submodule or nested repository; serve it as a root of its own"),
        Exclusion("link", "a link, which is not followed (follow_links)"),
        Exclusion("b/.env", "may hold secrets"),
        Exclusion("c/.env", "may hold secrets"),
    ]
    for path in ("libs/sub/", "libs/sub/s.py", "libs/", "libs/sub/**", "./libs/sub"):
        said = str(nothing_passes(Filter((path,), root=ROOT), excluded, name="r"))
        assert "libs/sub: a submodule or nested repository" in said, path
    assert "link: a link, which is not followed" in str(
        nothing_passes(Filter(("link/a.py",)), excluded, name="r")
    )
    assert "b/.env and 1 more: may hold secrets" in str(nothing_passes(Filter((".env",)), excluded, name="r"))
    assert "no indexed file matches" in str(nothing_passes(Filter(("nowhere/",)), excluded, name="r"))
    assert "libs/sub: a submodule" in str(nothing_passes(Filter(folder="libs/sub"), excluded, name="r"))


def test_a_cancelled_filter_stops() -> None:
    """A hundred thousand paths and a thousand patterns take seconds."""
    with pytest.raises(CancelledError):
        passing(FILES, Filter(("*.py",)), is_cancelled=lambda: True)


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "pattern", ["café/", "café/menü.py", "./café/menü.py", f"{ROOT}/café", "menü.py", "*ü.py", "{a,menü}.py"]
)
def test_a_name_passes_in_whichever_unicode_form_it_is_written(
    pattern: str, written: Any, listed: Any
) -> None:
    """MacOS and keyboards write `é` differently, and no person sees it."""
    file = unicodedata.normalize(listed, "café/menü.py")
    selection = passing([file, "b.ts"], Filter([unicodedata.normalize(written, pattern)], root=ROOT))
    assert selection.paths == [file]
    without = passing([file, "b.ts"], Filter([unicodedata.normalize(written, f"!{pattern}")], root=ROOT))
    assert without.paths == ["b.ts"]


def test_an_exact_name_wins_over_another_spelling_of_it() -> None:
    """Linux holds both side by side, and full width is another name where both are listed."""
    composed, decomposed = (f"{unicodedata.normalize(form, 'é')}/a.py" for form in ("NFC", "NFD"))
    for file in (composed, decomposed):
        assert passing([composed, decomposed], Filter([file])).paths == [file]
        assert passing([composed, decomposed], Filter([f"{file.partition('/')[0]}/"])).paths == [file]
    assert passing(["\uff21.py", "b.py"], Filter(["A.py"])).paths == ["\uff21.py"]
    assert passing(["\uff21.py", "A.py"], Filter(["A.py"])).paths == ["A.py"]
    assert passing(["A.py", "b.py"], Filter(["\uff21.py"])).paths == ["A.py"]

"""The analyzer decides what can be found at all."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunks import tokenizer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("getUserName", ["getusername", "get", "user", "name"]),
        ("get_user_name", ["getusername", "get", "user", "name"]),
        ("get-user-name", ["getusername", "get", "user", "name"]),
        ("MAX_RETRIES", ["maxretries", "max", "retries"]),
        ("XMLHttpRequest", ["xmlhttprequest", "xml", "http", "request"]),
        ("HTTPServer2", ["httpserver2", "http", "server", "2"]),
        ("__init__", ["init"]),
        ("plain", ["plain"]),
        ("Plain", ["plain"]),
        ("a - b", ["a", "b"]),
        ("12-34", ["12", "34"]),
    ],
)
def test_an_identifier_gives_itself_and_its_parts(text: str, expected: list[str]) -> None:
    """A question says "user name" and the code says getUserName: both sides must meet."""
    assert [term for term in tokenizer.terms(text) if term in expected] == expected
    assert tokenizer.terms(text)[0] == expected[0]


@pytest.mark.parametrize(
    ("text", "word"), [("OAuthToken", "oauth"), ("sha256sum", "sha256"), ("iPhoneApp", "iphone")]
)
def test_a_lone_letter_or_a_number_also_joins_its_neighbour(text: str, word: str) -> None:
    """Nobody searches for "o auth" or "sha 256"."""
    assert word in tokenizer.terms(text)


def test_the_three_naming_styles_give_the_same_terms() -> None:
    """A repository may be snake_case where the asker thinks in camelCase."""
    assert (
        tokenizer.terms("parseHeader") == tokenizer.terms("parse_header") == tokenizer.terms("parse-header")
    )


def test_cjk_text_is_cut_into_bigrams() -> None:
    """Chinese, Japanese and Korean comments have no spaces to split at."""
    assert tokenizer.terms("速率限制器") == ["速率", "率限", "限制", "制器"]
    assert tokenizer.terms("限") == ["限"]


def test_mixed_scripts_are_split_between_them() -> None:
    """Comments mix identifiers into other scripts without a space."""
    assert tokenizer.terms("使用httpClient请求") == ["使用", "http", "client", "请求"]


def test_stems_join_the_forms_of_a_word() -> None:
    """A question says "parsing", the code says parse or parser."""
    assert len(set(tokenizer.stems(["parse", "parsing", "parsed", "parses"]))) == 1


def test_stop_words_leave_a_query_but_not_the_index() -> None:
    """They cost BM25 five points of MRR in a question, and yet code may be named after them."""
    assert tokenizer.query_terms("how does the client retry") == ["client", "retry"]
    assert tokenizer.terms("how does it") == ["how", "does", "it"]


def test_a_query_of_stop_words_only_is_kept() -> None:
    """`this` is a fair question about code."""
    assert tokenizer.query_terms("this") == ["this"]


def test_very_long_runs_are_no_terms() -> None:
    """A base64 blob would fill the index with terms that nobody asks for."""
    assert tokenizer.terms("a" * 65) == []
    assert tokenizer.terms("a" * 64) == ["a" * 64]


@given(st.text())
def test_terms_are_short_lower_case_and_without_blanks(text: str) -> None:
    """The index splits its fields at blanks: a term with one would become two."""
    for term in tokenizer.terms(text):
        assert 0 < len(term) <= tokenizer.LONGEST_TERM
        assert not any(letter.isspace() for letter in term)
        assert term == term.lower()


@given(st.text())
def test_every_query_term_is_an_indexed_term(text: str) -> None:
    """The system this project came from ranked blindly because its two vocabularies differed."""
    assert set(tokenizer.query_terms(text)) <= set(tokenizer.terms(text))


def test_the_fingerprint_names_this_analyzer() -> None:
    """A changed analyzer must rebuild the index, an unchanged one must not."""
    assert tokenizer.fingerprint() == tokenizer.fingerprint()
    assert len(tokenizer.fingerprint()) == 16


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    assert doctest.testmod(tokenizer).failed == 0


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("cafe\u0301_bar", "caf\u00e9_bar"),
        ("\uff30\uff41\uff52\uff53\uff45\uff28\uff34\uff34\uff30", "ParseHTTP"),
        ("\uff95\uff70\uff7b\uff9e\uff70", "\u30e6\u30fc\u30b6\u30fc"),
        ("\u1112\u1161\u11ab", "\ud55c"),
    ],
)
def test_text_that_looks_the_same_has_the_same_terms(written: str, same: str) -> None:
    """One system composes letters and another does not; keyboards write full and half width."""
    assert tokenizer.terms(written) == tokenizer.terms(same)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ผู้ใช้เข้าสู่ระบบ", "ระบบ"),  # Thai: the user logs in; the system
        ("ຜູ້ໃຊ້ເຂົ້າລະບົບ", "ຜູ້ໃຊ້"),  # Lao: the user
        ("អ្នកប្រើចូល", "អ្នកប្រើ"),  # Khmer: the user
        ("पंजीकृत उपयोगकर्ता सूची", "उपयोगकर्ता"),  # Hindi has blanks, and vowel signs inside words
    ],
)
def test_a_word_is_found_in_scripts_without_blanks_or_with_marks(text: str, part: str) -> None:
    """Their users ask in them."""
    assert set(tokenizer.terms(part)) <= set(tokenizer.terms(text))
    assert tokenizer.terms(part)

"""A file that is no UTF-8 is read as it was written, or is said not to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.files.encoding import UNCERTAIN, decode, is_text

SNIPPETS = {
    "gbk": "// 初始化网络连接\nvoid init(){}\n// 读取配置文件、如果不存在则返回默认值\n",
    "gb18030": "/* 计算订单折扣 返回应付的金额 */\nint order_discount(int t)\n{\n    return t / 10;\n}\n",
    "shift_jis": "// ユーザーの一覧を取得する\nint f();\n// 設定ファイルを読み込み、値を返す\n",
    "euc_jp": "// ユーザーの一覧を取得する\nint f();\n",
    "euc_kr": "// 사용자 목록을 가져온다\nint f();\n// 설정 파일을 읽는다\n",
    "big5": "// 計算訂單折扣、並返回結果\nint f();\n",
    "latin-1": "# -*- coding: latin-1 -*-\n# Überprüft die Größe der Anhänge\ndef check():\n    return 1\n",
    "cp1251": "// Вычисляет скидку заказа, если она больше нуля, и возвращает сумму\nint f();\n",
    "koi8-r": "// Вычисляет скидку заказа по таблице\nint f();\n",
    "iso8859-7": "// Υπολογίζει την έκπτωση\nint f();\n",
}
# Comments as people write them, read right without a declaration.
COMMENTS = [
    ("latin-1", "// Größe des Puffers in Bytes, zurückgesetzt nach jeder Übertragung\nint f();\n"),
    ("latin-1", "# Vérifie que le paramètre est présent, sinon lève une erreur\nx = 1  # déjà traité\n"),
    ("latin-1", "// Calcula la dirección más próxima según la señal\nint f();\n"),
    ("gbk", "int f(); // 检查用户是否已登录\n"),
    ("gbk", "/* 如果没有则跳转到登录页面 */\nint check(void);\n// 缓冲区大小\n"),
    ("shift_jis", "int f(); // バッファのサイズ\n"),
    ("shift_jis", "/* ログインしていない場合はログインページへ移動する。 */\nint check(void);\n"),
    ("utf-16", "// 检查用户是否已登录 größer バッファ\r\nint f();\r\n"),
]
SHORT = {
    "gbk": "/* 计算订单折扣 */\nint f();\n",
    "shift_jis": "// 税率一覧表\nint f();\n",
    "latin-1": "// déjà traité\nint f();\n",  # read as Cyrillic, its words have letters of two alphabets
    "cp1252": "// author: José Núñez\nint f();\n",
    "iso8859-2": "// Zażółć gęślą jaźń\nint f();\n",
    "koi8-r": "// скидка\nint f();\n",
}


@pytest.mark.parametrize("encoding", SNIPPETS)
def test_some_words_of_comments_tell_the_encoding(encoding: str) -> None:
    """Words that are read as others are not found, and a model is shown nonsense."""
    decoded = decode(SNIPPETS[encoding].encode(encoding))
    assert decoded.text == SNIPPETS[encoding]
    assert decoded.note.startswith("read as ")


@pytest.mark.parametrize(("encoding", "text"), COMMENTS)
def test_comments_in_the_usual_encodings_are_read_right(encoding: str, text: str) -> None:
    """What people write in a line or two of comment is enough to tell."""
    assert decode(text.encode(encoding)).text == text


def test_two_characters_name_no_encoding() -> None:
    """Four bytes are words in Chinese, Japanese and Korean; a guess would be shown as what the file says."""
    assert decode("// 登录\nint f();\n".encode("gbk")).note == UNCERTAIN


@pytest.mark.parametrize("encoding", SHORT)
def test_few_letters_are_read_rightly_or_said_to_be_unreadable(encoding: str) -> None:
    """A guess that is wrong would be shown as what the file says."""
    decoded = decode(SHORT[encoding].encode(encoding))
    assert decoded.text == SHORT[encoding] or decoded.note == UNCERTAIN


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"])
def test_unicode_is_read_with_its_mark_and_without(encoding: str) -> None:
    """Windows tools write UTF-16, and some forget to say so."""
    text = "import os\n\n# über alles\ndef check():\n    return 1\n"
    data = text.encode(encoding)
    assert is_text(data)
    assert decode(data).text == text
    assert not decode(data).note


def test_other_content_is_no_text() -> None:
    """An image has zeros too."""
    assert not is_text(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0" + bytes(range(256)) * 4)
    assert not is_text(b"\x7fELF" + b"\0" * 60)
    assert is_text(b"def f(): pass\n")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_the_same_each_time(data: bytes) -> None:
    """What is shown must be what was indexed."""
    assert decode(data) == decode(data)


def test_carriage_returns_end_lines_where_nothing_else_does() -> None:
    """A file of an old Mac is one line otherwise; elsewhere they belong to the line."""
    assert decode(b"int a;\rint b;\r").text == "int a;\nint b;\n"
    assert decode(b"int a;\r\nint b;\rx\n").text == "int a;\r\nint b;\rx\n"

"""Which characters of a reply are shown by their codes, because a reader could not see them.

A text is cleaned before it is measured, because cleaning makes it longer.
"""

import re
from collections.abc import Mapping


def _code(character: int) -> str:
    """Write a character by its number, as most languages do."""
    return f"\\u{character:04x}" if character < 0x10000 else f"\\U{character:08x}"  # noqa: PLR2004 - four digits


_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_UNSEEN = (
    *range(0x7F, 0xA0),
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *(0x2800, 0x3164, 0xFEFF, 0xFFA0),
    *range(0xFFF0, 0xFFFC),
    *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE0100),
    *range(0xE01F0, 0xE1000),
)
_SHOWN_AS: Mapping[int, str] = _PICTURES | {code: _code(code) for code in _UNSEEN}
"""What a reader would not see, or see as something else: characters that steer terminals, break lines or turn
their direction; those that Unicode lets be ignored, blank letters among them, which part a name from its
double; and the tags that spell text nobody sees, which a model reads all the same."""

_JOINING = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_JOINED = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]?[\u200c\u200d]?")
_IDEOGRAPHIC = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Joiners and variation selectors belong to Persian, Indic and Japanese text and to emoji, one of each after
a character that is no ASCII. Anywhere else they hide text, so there they are shown: a run of selectors spells
any bytes, and a joiner in a name parts it from its double."""


def clean(text: str) -> str:
    r"""Show invisible characters by their codes, and replace lone surrogates, which no encoder accepts.

    >>> clean("a\x1b[2Jb\u202ec")
    'a␛[2Jb\\u202ec'
    """
    if text.isascii() and text.isprintable():
        return text
    shown = text.translate(_SHOWN_AS).encode("utf-8", "replace").decode("utf-8")
    return _JOINING.sub(_joining, shown)


def _joining(match: re.Match[str]) -> str:
    """Keep a joiner that belongs to the character before it; show any other by its code."""
    run, before = match[0], match.string[match.start() - 1 : match.start()]
    is_ordinary = bool(before) and not before.isascii() and _JOINED.fullmatch(run)
    if is_ordinary and (run[0] < "\U000e0100" or _IDEOGRAPHIC.match(before)):
        return run
    return "".join(_code(ord(character)) for character in run)

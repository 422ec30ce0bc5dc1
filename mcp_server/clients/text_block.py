"""How lines are appended to a user's text, and removed again to the byte."""


def newline_of(text: str) -> str:
    r"""Return how a text ends its lines: "\r\n" if its first line does, else "\n"."""
    first, ending, _ = text.partition("\n")
    return "\r\n" if ending and first.endswith("\r") else "\n"


def append(text: str | None, block: str) -> str:
    r"""Append `block` after a blank line; its lines end in "\n", except the last.

    None stands for a file that does not exist. `cut` removes exactly what is added here, because a text
    without a final line ending stays without one.

    >>> append("a\n", "b"), append("a", "b"), append("", "b"), append(None, "b")
    ('a\n\nb\n', 'a\n\nb', 'b', 'b\n')
    """
    if text is None:
        return f"{block}\n"
    ending = newline_of(text)
    block = block.replace("\n", ending)
    if not text:
        return block
    return f"{text}{ending}{block}{ending}" if text.endswith("\n") else f"{text}{ending}{ending}{block}"


def cut(text: str, start: int, end: int) -> str | None:
    r"""Remove the lines from `start` to `end`, which is before a line ending or at the end of the text.

    The blank line above goes too. Returns None if `append` had created the file.

    >>> cut("a\n\nb\n", 3, 4), cut("a\n\nb", 3, 4), cut("b", 0, 1), cut("b\n", 0, 1)
    ('a\n', 'a', '', None)
    """
    above, below = text[:start], text[end:]
    ending = newline_of(text)
    if not below:  # at the end of a text without a last line ending: both that stand above are ours
        return above.removesuffix(ending).removesuffix(ending)
    below = below.removeprefix("\r").removeprefix("\n")
    if above.endswith(ending * 2):
        above = above.removesuffix(ending)
    return above + below or None

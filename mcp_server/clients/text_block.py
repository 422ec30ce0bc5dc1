"""Lines appended to a text that belongs to somebody else, and taken out again to the byte."""


def newline_of(text: str) -> str:
    r"""Return how a text ends its lines: "\r\n" if its first line does, else "\n"."""
    first, ending, _ = text.partition("\n")
    return "\r\n" if ending and first.endswith("\r") else "\n"


def append(text: str | None, block: str) -> str:
    r"""Add `block`, whose lines end in "\n" but for the last, below a blank line.

    None is a file that does not exist. What `cut` takes away again is exactly what is added here, because a
    text that lacks its last line ending lacks it afterwards too.

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
    r"""Take out the lines from `start` up to `end`, which stands before a line ending or at the end.

    The blank line above goes with them. None: nothing else was in the file, and `append` had made it.

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

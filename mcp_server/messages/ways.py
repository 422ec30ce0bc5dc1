"""How a reply tells its reader to ask again: by a tool's arguments, or by the options of the command."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Ways:
    """The phrases that name a next step; braces hold the number to fill in.

    Attributes:
        longer: Asks for a longer reply, of `{chars}` characters.
        narrower: Asks for less.
        whole: Asks for the code of every place.
        following: Asks for the places after the first `{offset}`.
        page_end: The line below a page of which nothing is left out.
        sooner: Asks for earlier places, where the offset leads past the last one.
        guessing: Names guesses.
    """

    longer: str
    narrower: str
    whole: str
    following: str
    page_end: str
    sooner: str
    guessing: str


TOOL = Ways(
    longer="call rag_search again with max_chars={chars}",
    narrower="narrow it with path or top_k",
    whole='format="full" shows all lines',
    following="offset={offset} shows the next",
    page_end="[offset={offset} shows the next]",
    sooner="ask with a smaller offset",
    guessing="guess names in expect",
)
"""For an agent, which calls `rag_search`."""

COMMAND = Ways(
    longer="--max-chars {chars} shows more",
    narrower="narrow the search with --path or --top-k",
    whole="--format full shows all lines",
    following="--offset {offset} shows the next",
    page_end="[--offset {offset} shows the next]",
    sooner="use a smaller --offset",
    guessing="guess names with --expect",
)
"""For a person, who runs `goldrank search`."""

INTERACTIVE = replace(
    COMMAND,
    whole="a number shows one whole",
    following="n shows the next",
    page_end="[n shows the next]",
    sooner="the numbers before it still work; ask another question",
)
"""For a person who types into an interactive search."""

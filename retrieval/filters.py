"""Which files a search is held to: gitignore-style patterns and a language."""

from collections.abc import Sequence

from pathspec import PathSpec, Pattern

from retrieval import languages
from retrieval.errors import ArgumentError, shorten


def passing(paths: list[str], globs: Sequence[str] | None, language: str | None) -> list[str]:
    """Return the paths that pass, in their order.

    Args:
        paths: Files, relative to the root.
        globs: gitignore-style patterns, the last match decides: `src/`, `*.py`, `!tests/`.
        language: A name or alias from `languages`.

    Raises:
        ArgumentError: A pattern is none, or the language is unknown.
    """
    if globs:
        spec = _spec(globs)
        paths = [path for path in paths if spec.match_file(path)]
    if language:
        wanted = _suffixes(language)
        paths = [path for path in paths if languages.suffix_of(path) in wanted]
    return paths


def _spec(globs: Sequence[str]) -> PathSpec[Pattern]:
    """Compile patterns of which the last match decides."""
    for glob in globs:
        try:
            PathSpec.from_lines("gitignore", [glob])
        except ValueError as error:
            shown = shorten(repr(glob))
            raise ArgumentError(
                f"path {shown} is no gitignore pattern; take e.g. src/ or *.py or !tests/"
            ) from error
    # Patterns that only take away take away from everything.
    takes_away = all(glob.startswith("!") for glob in globs)
    return PathSpec.from_lines("gitignore", ["*", *globs] if takes_away else globs)


def _suffixes(language: str) -> tuple[str, ...]:
    try:
        return languages.suffixes(language)
    except KeyError as error:
        known = ", ".join(languages.names())
        raise ArgumentError(f"language {shorten(repr(language))} is unknown; known are {known}") from error

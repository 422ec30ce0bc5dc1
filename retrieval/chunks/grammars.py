"""Which grammar parses a language: one small package each, loaded with the first file of its language.

A language with a grammar has an entry here, a query in `definition_queries` and its suffixes in `languages`.
Missing, broken and incompatible packages raise one error, so that their files can be split without a tree.
"""

import importlib
import importlib.metadata
from collections.abc import Mapping
from functools import cache

from tree_sitter import Language

from retrieval.errors import GrammarError

# The package on PyPI (`_` for `-` gives the module), and the function of the module that returns the grammar.
_GRAMMARS: Mapping[str, tuple[str, str]] = {
    "bash": ("tree-sitter-bash", "language"),
    "c": ("tree-sitter-c", "language"),
    "cpp": ("tree-sitter-cpp", "language"),
    "csharp": ("tree-sitter-c-sharp", "language"),
    "elixir": ("tree-sitter-elixir", "language"),
    "go": ("tree-sitter-go", "language"),
    "haskell": ("tree-sitter-haskell", "language"),
    "java": ("tree-sitter-java", "language"),
    "javascript": ("tree-sitter-javascript", "language"),
    "kotlin": ("tree-sitter-kotlin", "language"),
    "lua": ("tree-sitter-lua", "language"),
    "php": ("tree-sitter-php", "language_php"),
    "python": ("tree-sitter-python", "language"),
    "ruby": ("tree-sitter-ruby", "language"),
    "rust": ("tree-sitter-rust", "language"),
    "scala": ("tree-sitter-scala", "language"),
    "swift": ("tree-sitter-swift", "language"),
    "tsx": ("tree-sitter-typescript", "language_tsx"),
    "typescript": ("tree-sitter-typescript", "language_typescript"),
    "zig": ("tree-sitter-zig", "language"),
}
PACKAGES = tuple(sorted({package for package, _ in _GRAMMARS.values()}))


@cache
def load(grammar: str) -> Language:
    """Load a grammar by the name that `languages.grammar_of` gives it.

    Raises:
        GrammarError: Its package is missing, broken, or made for another tree-sitter.
    """
    package, function = _GRAMMARS[grammar]
    try:
        return Language(getattr(importlib.import_module(package.replace("-", "_")), function)())
    except ModuleNotFoundError as error:
        raise GrammarError(f"the package {package} is not installed") from error
    except (
        Exception
    ) as error:  # a native library fails in its own ways: the linker, an ABI, a renamed function
        raise GrammarError(f"the package {package} does not load ({error})") from error


def versions() -> str:
    """List the versions of the installed packages, in a fixed order, with a dash for a missing one."""
    return " ".join(map(_version, PACKAGES))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "-"

"""Which files a search covers: gitignore-style patterns, languages, a folder; and why no file matches."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrieval.errors import ArgumentError, CancelledError, shorten
from retrieval.files import languages
from retrieval.files.globs import Glob, Rules
from retrieval.paths.path_forms import Reader
from retrieval.progress import IsCancelled
from retrieval.records import Exclusion

_SHOWN_REASONS = 3  # in one error, why files are excluded
_CHECKED_EVERY = 20  # paths between two checks for cancellation

_ALL = frozenset({"", "all", "any", "*"})
_SUFFIX = re.compile(r"\*?\.?([a-z0-9_+]{1,16})")
_COMMON = dict(
    pair.split("=")
    for pair in (
        "ada=.adb,.ads apex=.cls assembly=.asm,.s bicep=.bicep cairo=.cairo crystal=.cr "
        "cuda=.cu,.cuh cython=.pyx,.pxd elm=.elm gleam=.gleam "
        "glsl=.glsl,.vert,.frag hlsl=.hlsl jinja=.jinja,.j2,.jinja2 less=.less "
        "liquid=.liquid lisp=.lisp,.el mojo=.mojo nim=.nim odin=.odin pascal=.pas prolog=.pro puppet=.pp "
        "racket=.rkt sass=.sass,.scss scheme=.scm starlark=.bzl,.star stylus=.styl "
        "tcl=.tcl thrift=.thrift twig=.twig vala=.vala vhdl=.vhd,.vhdl vyper=.vy "
        "wgsl=.wgsl"
    ).split()
)
"""Languages that goldrank cannot parse, with their file suffixes."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The files that match a filter.

    Attributes:
        paths: The files, in the order they were listed.
        notes: How the filter was interpreted, where that differs from its text.
    """

    paths: list[str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """The files that a caller wants to search.

    Attributes:
        globs: gitignore-style patterns, of which the last match decides: `src/`, `*.py`, `!tests/`.
        languages: Names or aliases from `languages`; a file in any of them matches.
        root: The root, for absolute paths below it; "" when unknown.
        folder: A folder that limits the search and that patterns are relative to, or "".
    """

    globs: Sequence[str] = ()
    languages: Sequence[str] = ()
    root: str = ""
    folder: str = ""

    def __bool__(self) -> bool:
        """Return whether the filter excludes anything."""
        return bool(self.globs or self.languages or self.folder)


def passing(paths: Sequence[str], wanted: Filter, *, is_cancelled: IsCancelled = lambda: False) -> Selection:
    """Return the paths that match, in the given order.

    Raises:
        ArgumentError: A pattern is invalid, there are too many, or a language is unknown.
        CancelledError: `is_cancelled` returned True.
    """
    paths = _below(paths, wanted.folder)
    notes: list[str] = []
    if wanted.globs:
        skip = _skip(wanted)
        reader = Reader((path[skip:] for path in paths), root=wanted.root, folder=wanted.folder)
        matcher, notes = _Matcher(reader.read(wanted.globs)), reader.notes
        paths = list(_kept(paths, skip, matcher, is_cancelled))
    if wanted.languages:
        suffixes = _suffixes(wanted.languages, paths, notes)
        paths = [path for path in paths if suffixes is None or languages.suffix_of(path) in suffixes]
    return Selection(list(paths), tuple(dict.fromkeys(notes)))


def nothing_passes(wanted: Filter, excluded: Sequence[Exclusion], *, name: str) -> ArgumentError:
    """Return the error for a filter that no file matches; it says why matching files are not searched.

    Args:
        wanted: The filter.
        excluded: The files that are not searched, with reasons.
        name: The name of the root.
    """
    asked = [f"path {shorten(', '.join(wanted.globs))}"] if wanted.globs else []
    asked += [f"language {shorten(', '.join(wanted.languages))}"] if wanted.languages else []
    asked += [f"the folder {shorten(wanted.folder)}"] if wanted.folder else []
    left_out = _refused(excluded, wanted) if wanted.globs or wanted.folder else []
    first: dict[str, str] = {}
    for item in left_out:
        first.setdefault(item.reason, item.path)
    if first:
        counts = Counter(item.reason for item in left_out)
        shown = "; ".join(
            f"{shorten(first[reason])}{f' and {count - 1:,} more' if count > 1 else ''}: {reason}"
            for reason, count in counts.most_common(_SHOWN_REASONS)
        )
        return ArgumentError(f"files that match {' and '.join(asked)} are not searched: {shown}")
    return ArgumentError(
        f"no indexed file matches {' and '.join(asked)}",
        remedy=f"patterns are gitignore-style and relative to {name}/, e.g. src/ or *.py or !tests/",
    )


def _refused(excluded: Iterable[Exclusion], wanted: Filter) -> list[Exclusion]:
    """List the excluded paths that match, or that are folders of matching files."""
    skip, above = _skip(wanted), f"{wanted.folder}/"
    items = [(item.path.rstrip("/"), item) for item in excluded]
    if wanted.folder:
        around = [item for path, item in items if above.startswith(f"{path}/")]
        if around or not wanted.globs:
            return around or [item for path, item in items if path.startswith(above)]
        items = [(path, item) for path, item in items if path.startswith(above)]
    inside = [(path[skip:], item) for path, item in items]
    reader = Reader((path for path, _ in inside), root=wanted.root, folder=wanted.folder)
    matcher = _Matcher(reader.read(wanted.globs))
    texts = tuple(text.lstrip("/") for text in reader.texts)
    return [
        item
        for path, item in inside
        if path
        and (
            any(text.startswith(f"{path}/") for text in texts)
            or matcher.passes(path)
            or matcher.passes(f"{path}/-")  # the path may be a folder
        )
    ]


def _skip(wanted: Filter) -> int:
    """Return the length of the folder prefix, with its slash."""
    return len(wanted.folder) + 1 if wanted.folder else 0


def _below(paths: Sequence[str], folder: str) -> Sequence[str]:
    return [path for path in paths if path.startswith(f"{folder}/")] if folder else paths


def _kept(paths: Iterable[str], skip: int, matcher: "_Matcher", is_cancelled: IsCancelled) -> Iterator[str]:
    for number, path in enumerate(paths):
        if number % _CHECKED_EVERY == 0 and is_cancelled():
            raise CancelledError("the caller no longer waits")
        if matcher.passes(path[skip:]):
            yield path


class _Matcher:
    """Patterns of which the last match, of a path or a folder above it, decides."""

    def __init__(self, globs: Sequence[Glob]) -> None:
        self._rules = Rules(globs)
        self._takes_away = all(glob.is_negated for glob in globs)  # starting from all files
        self._folders: dict[str, int] = {"": -1}

    def passes(self, path: str) -> bool:
        """Return whether a file matches."""
        folder = path.rpartition("/")[0]
        last = max(self._last_above(folder), self._rules.last(os.fsencode(path), is_folder=False))
        return self._takes_away if last < 0 else not self._rules.globs[last].is_negated

    def _last_above(self, folder: str) -> int:
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        last = self._folders[folder]
        for below in reversed(unknown):
            last = max(last, self._rules.last(os.fsencode(below), is_folder=True))
            self._folders[below] = last
        return last


def _suffixes(names: Sequence[str], paths: Sequence[str], notes: list[str]) -> frozenset[str] | None:
    """Return the suffixes of the languages; None when every file matches.

    Raises:
        ArgumentError: A language is unknown.
    """
    asked = [part.strip().lower() for name in names for part in name.split(",")]
    if not asked or _ALL & {name for name in asked if name} or not any(asked):
        return None
    found: set[str] = set()
    for name in filter(None, asked):
        try:
            found.update(languages.suffixes(name))
        except KeyError:
            suffixes = _by_suffix(name, paths)
            if not suffixes:
                known = ", ".join(languages.names())
                raise ArgumentError(
                    f"language {shorten(repr(name))} is unknown", remedy=f"known are {known}"
                ) from None
            found |= suffixes
            shown = " and ".join(f"*{suffix}" for suffix in sorted(suffixes))
            notes.append(f"language {shorten(name)} was read as files {shown}")
    return frozenset(found)


def _by_suffix(name: str, paths: Sequence[str]) -> frozenset[str]:
    """Return the suffixes of a language that goldrank cannot parse; empty when unknown."""
    if name in _COMMON:
        return frozenset(_COMMON[name].split(","))
    written = _SUFFIX.fullmatch(name)
    suffix = f".{written[1]}" if written else ""
    return (
        frozenset({suffix}) if any(path.lower().endswith(suffix) for path in paths if suffix) else frozenset()
    )

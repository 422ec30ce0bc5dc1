"""Repositories to measure routing with: real ones from their indexes, and others made of their parts."""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.index.reader import Index
from retrieval.mirrors.source import Source, read_source
from retrieval.routing.profile import Profile, hash_of, levels_of
from retrieval.sync.store import store_folder

Ints = NDArray[np.int64]
NO_COMMIT = "0" * 40
_SEVERAL_PARTS = re.compile(r"[a-z]+(?:_[a-z]+)+|[A-Za-z][a-z]+(?:[A-Z][a-z]+)+")


@dataclass(frozen=True)
class Corpus:
    """One repository's chunks, as hashes of stems.

    Attributes:
        name: `owner/name`.
        stems: The distinct stems of each chunk, one chunk after the other, int64 [n_held].
        sizes: How many of them each chunk has, int64 [n_chunks].
        names: The distinct stems of the names that each chunk defines, int64 [n_defined].
        name_sizes: How many of them each chunk has, int64 [n_chunks].
        files: Which file each chunk is of, int64 [n_chunks].
        paths: The files.
        defines: Every name that is defined, sorted.
    """

    name: str
    stems: Ints
    sizes: Ints
    names: Ints
    name_sizes: Ints
    files: Ints
    paths: Sequence[str]
    defines: Sequence[str]

    @cached_property
    def folders(self) -> list[Ints]:
        """The files by their first two folders."""
        found: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, path in enumerate(self.paths):
            found[tuple(path.split("/")[:-1][:2])].append(number)
        return [np.array(files) for files in found.values()]

    @cached_property
    def readme(self) -> Ints:
        """The stems of the README's chunks."""
        are = [path.lower().startswith("readme") and "/" not in path for path in self.paths]
        return np.asarray(self.stems[np.repeat(np.array(are)[self.files], self.sizes)])

    def of(self, chunks: NDArray[np.bool_]) -> tuple[Ints, Ints, int]:
        """Return the stems and names of some chunks, and how many chunks there are."""
        held = self.stems[np.repeat(chunks, self.sizes)]
        return held, self.names[np.repeat(chunks, self.name_sizes)], int(chunks.sum())


def arguments(doc: str) -> argparse.ArgumentParser:
    """Make the parser of what both programs take: the repositories, their indexes, and the questions."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, action="append")
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--queries", type=Path, required=True)
    return parser


def real(urls: Path, trees: Path | None, caches: Sequence[Path]) -> Iterator[Corpus]:
    """Read the indexes of URLs, or of `OWNER/NAME` below `trees`, from the first cache that has one."""
    for name, store in stores_of(urls, trees, caches):
        if read := _read(name, store):
            yield read


def stores_of(urls: Path, trees: Path | None, caches: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Find these indexes: the name of each repository, and its store."""
    for line in urls.read_text(encoding="utf-8").split():
        source = read_source(line)
        if not isinstance(source, Source):
            continue
        name = "/".join(source.url.removesuffix(".git").split("/")[-2:])
        stores = [store_folder(cache, trees / name) for cache in caches if trees]
        stores += [store_folder(cache, source.root(cache)) for cache in caches]
        if found := next((store for store in stores if (store / "fingerprint").exists()), None):
            yield name, found


def _read(name: str, store: Path) -> Corpus | None:
    held, sizes, names, name_sizes, files = [], [], [], [], []
    paths: dict[str, int] = {}
    defines: set[str] = set()
    for stored in Index(store / "chunks").snapshot().stored():
        body, defined = ({*map(hash_of, terms.split())} for terms in (stored.body, stored.names))
        held.extend(sorted(body))
        names.extend(sorted(defined))
        sizes.append(len(body))
        name_sizes.append(len(defined))
        files.append(paths.setdefault(stored.chunk.path, len(paths)))
        defines.update(stored.chunk.names)
    if not sizes:
        return None
    a, b, c, d, e = (np.array(column, dtype=np.int64) for column in (held, sizes, names, name_sizes, files))
    return Corpus(name, a, b, c, d, e, list(paths), sorted(defines))


def profile(name: str, held: Ints, names: Ints, chunks: int, *, least: int, definitions: int = 1) -> Profile:
    """Make a profile as `make_profile` does, with other limits.

    Args:
        name: The source.
        held: The stems of all chunks, each once a chunk.
        names: The stems of the names that they define, likewise.
        chunks: How many there are.
        least: A stem in fewer chunks is dropped,
        definitions: unless so many define it.
    """
    terms = np.union1d(held, names)
    columns = []
    for stems in (held, names):
        found, counts = np.unique(stems, return_counts=True)
        column = np.zeros(len(terms))
        column[np.searchsorted(terms, found)] = counts
        columns.append(column)
    kept = (columns[0] >= least) | (columns[1] >= definitions)
    levels = (levels_of(column)[kept] for column in columns)
    return Profile(name, NO_COMMIT, chunks, len(held), terms[kept].astype(np.uint32), *levels)


def made_of(corpora: Sequence[Corpus], count: int, *, least: int) -> Iterator[Profile]:
    """Make other repositories of parts of real ones, each by its own seed.

    Each is of two or three repositories. Of each of them it takes a share of the folders (two levels deep),
    drawn evenly from 10 to 60 %, and of each of these folders a share of the files, from 50 to 100 %.
    """
    for number in range(count):
        random = np.random.default_rng(number)
        chosen = random.choice(len(corpora), size=random.integers(2, 4), replace=False)
        parts = [corpora[one].of(_sample(corpora[one], random)) for one in chosen]
        held, names, chunks = zip(*parts, strict=True)
        source = f"made/{number:05}"
        yield profile(source, np.concatenate(held), np.concatenate(names), sum(chunks), least=least)


def _sample(corpus: Corpus, random: np.random.Generator) -> NDArray[np.bool_]:
    share = random.uniform(0.1, 0.6)
    folders = [folder for folder in corpus.folders if random.random() < share] or corpus.folders[:1]
    files = [folder[random.random(len(folder)) < random.uniform(0.5, 1)] for folder in folders]
    return np.isin(corpus.files, np.concatenate(files))


def rare_names(corpora: Iterable[Corpus], each: int, most: int = 3) -> list[tuple[str, str]]:
    """Draw names of several parts that at most `most` repositories define: (repository, name)."""
    known = list(corpora)
    owners: dict[str, int] = defaultdict(int)
    for corpus in known:
        for name in {name.lower() for name in corpus.defines}:
            owners[name] += 1
    random = np.random.default_rng(5)
    drawn = []
    for corpus in known:
        rare = [
            name for name in corpus.defines if owners[name.lower()] <= most and _SEVERAL_PARTS.fullmatch(name)
        ]
        chosen = random.choice(len(rare), min(each, len(rare)), replace=False) if rare else ()
        drawn += [(corpus.name, rare[number]) for number in chosen]
    return drawn

"""Learn which terms of code a word of a question stands for, from histories and comments of public code.

    python -m benchmarks.quality.translation_table --mirrors MIRRORS --out table.json owner/name ...

MIRRORS holds a git directory `owner+name/repo` a repository. A pair is what people wrote and the code beside
it: a commit's subject with the lines of code that it changed, or a comment with the lines below it. IBM
model 1 (Brown et al. 1993), with a word that stands for everything unexplained, gives P(term | word). Only
stems that several repositories know are kept, so that no project's own vocabulary is learned.
"""

import argparse
import json
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from retrieval.chunks import tokenizer
from retrieval.chunks.definition_queries import PATTERNS
from retrieval.files.languages import language_of
from retrieval.paths.file_kinds import is_minor

COMMITS = 4_000
MOST_FILES, MOST_LINES = 5, 80  # of a commit
COMMENTS, LINES_BELOW = 12_000, 7  # comments of a repository, and the lines of code that belong to each
PAIRS = 7_000  # of a repository, so that none dominates
TERMS = 60  # of a pair
ITERATIONS = 5
UNEXPLAINED = 2.0  # how many words the word that stands for the rest counts as
KNOWN_IN = 4  # repositories that must know a word or a term
LEAST_SHARE, LEAST_LIFT, SUPPORT, MOST_TERMS = 0.01, 5.0, 5, 8
CLEARLY = 0.15  # share of a term that a word must explain for its repository to count as support
COMMONEST = 0.05  # share of the pairs; a term in more of them says nothing

Ids = NDArray[np.int64]
Pair = tuple[frozenset[str], frozenset[str]]
"""Stems of what people wrote, and stems of the code."""

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_PREFIX = re.compile(r"\s*(?:\[[^\]]*\]\s*)*(?:\w+(?:\([^)]*\))?!?:\s*)?(?:[\w/.-]+:\s+)?")
_IDLE = re.compile(r"(?i)bump|release|update dep|merge|revert|v?\d")
_COMMENT = re.compile(r"\s*(?:#(?!!|include|define|if|endif|pragma)|//+!?|/?\*+|\"\"\"|--|;+)\s*(.*)")
_LEGAL = re.compile(r"opyright|icense|[{}();=]{2}")


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Every word beside every term of each pair, as parallel columns of length n_occurrences.

    Attributes:
        word: Number of the word, from 1; 0 stands for what no word explains.
        term: Number of the term, from 0.
        slot: Number of the term's occurrence: the words of one slot share the explanation of one term.
        repository: Number of the repository.
    """

    word: Ids
    term: Ids
    slot: Ids
    repository: Ids


def main() -> None:
    """Read the arguments, learn the table, write it and say how large it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirrors", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("repositories", nargs="+", help="owner/name")
    args = parser.parse_args()
    pairs = [
        list(_sampled([*_of_commits(mirror), *_of_comments(mirror)]))
        for name in tqdm(args.repositories, unit="repository", disable=None)
        for mirror in [args.mirrors / name.replace("/", "+") / "repo"]
    ]
    table = learn(pairs)
    args.out.write_text(json.dumps(table), encoding="utf-8")
    size = sum(map(len, table.values()))
    sys.stdout.write(f"{sum(map(len, pairs))} pairs, {len(table)} words, {size} translations\n")


def learn(pairs: Sequence[Sequence[Pair]]) -> dict[str, dict[str, float]]:
    """Return each word's best terms with P(term | word), from the pairs of each repository."""
    words, terms = _known(pairs, 0), _known(pairs, 1)
    seen = _occurrences(pairs, words, terms)
    both, place = np.unique(seen.word * len(terms) + seen.term, return_inverse=True)
    owner, target = both // len(terms), both % len(terms)
    share = 1.0 / np.bincount(owner)[owner]  # float64 [n_both]
    for _ in range(ITERATIONS):
        weight = share[place] * np.where(seen.word == 0, UNEXPLAINED, 1.0)
        blame = weight / np.bincount(seen.slot, weight)[seen.slot]
        counts = np.bincount(place, blame)
        share = counts / np.bincount(owner, counts)[owner]
    clear = np.unique(np.stack([place, seen.repository])[:, blame > CLEARLY], axis=1)
    support = np.bincount(clear[0], minlength=len(both))
    overall = np.bincount(target, counts, len(terms)) / counts.sum()
    rest = np.zeros(len(terms))
    rest[target[owner == 0]] = share[owner == 0]
    lift = share / np.maximum(rest, overall)[target]
    spread = Counter(term for own in pairs for _, code in own for term in code)
    rare = np.array([spread[term] < COMMONEST * sum(map(len, pairs)) for term in terms])
    kept = (owner > 0) & (share >= LEAST_SHARE) & (lift >= LEAST_LIFT) & (support >= SUPPORT) & rare[target]
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for i in sorted(np.flatnonzero(kept), key=lambda i: -share[i]):
        word, term = words[owner[i] - 1], terms[target[i]]
        if word != term and len(table[word]) < MOST_TERMS:
            table[word][term] = round(float(share[i]), 4)
    return dict(sorted((word, own) for word, own in table.items() if own))


def _known(pairs: Sequence[Sequence[Pair]], side: Literal[0, 1]) -> list[str]:
    """Return the stems that enough repositories use on one side of their pairs, sorted."""
    spread = Counter(stem for own in pairs for stem in {stem for pair in own for stem in pair[side]})
    return sorted(stem for stem, repositories in spread.items() if repositories >= KNOWN_IN)


def _occurrences(pairs: Sequence[Sequence[Pair]], words: list[str], terms: list[str]) -> Occurrences:
    word_ids = {word: number for number, word in enumerate(words, 1)}
    term_ids = {term: number for number, term in enumerate(terms)}
    draw = random.Random(0)  # noqa: S311 - a sample, not a secret
    rows: list[list[Ids]] = []
    slots = 0
    for repository, (said, code) in ((number, pair) for number, own in enumerate(pairs) for pair in own):
        ids = [0, *sorted(word_ids[word] for word in said & word_ids.keys())]
        seen = sorted(term_ids[term] for term in code & term_ids.keys())
        seen = draw.sample(seen, TERMS) if len(seen) > TERMS else seen
        slot = np.repeat(np.arange(slots, slots + len(seen)), len(ids))
        rows.append(
            [np.tile(ids, len(seen)), np.repeat(seen, len(ids)), slot, np.full(len(slot), repository)]
        )
        slots += len(seen)
    return Occurrences(*(np.concatenate(column).astype(np.int64) for column in zip(*rows, strict=True)))


def _sampled(pairs: list[Pair]) -> list[Pair]:
    return random.Random(0).sample(pairs, PAIRS) if len(pairs) > PAIRS else pairs  # noqa: S311 - a sample


def _of_commits(mirror: Path) -> Iterator[Pair]:
    """Yield the subject of each commit of few code files, with the lines that it changed."""
    options = ("-p", "-U0", "--no-merges", "--no-renames", "--no-color", "--no-ext-diff", "--diff-filter=AM")
    for commit in _git(mirror, "log", *options, f"-n{COMMITS}", "--format=%x00%s").split("\0")[1:]:
        subject, _, diff = commit.partition("\n")
        files = [file for file in diff.split("\ndiff --git ") if _is_code(_changed_file(file))]
        said = _stems(_PREFIX.sub("", subject, count=1))
        if (
            0 < len(files) <= MOST_FILES
            and len(said) > 1
            and not _IDLE.match(_PREFIX.sub("", subject, count=1))
        ):
            changed = [line[1:] for file in files for line in file.split("\n") if line[:1] in {"+", "-"}]
            names = " ".join(Path(_changed_file(file)).stem for file in files)
            yield said, _stems("\n".join([names, *changed[:MOST_LINES]]))


def _of_comments(mirror: Path) -> Iterator[Pair]:
    """Yield the first comments of a repository, with the code below each."""
    paths = filter(_is_code, _git(mirror, "ls-tree", "-r", "--name-only", "HEAD").splitlines())
    yield from islice(
        (pair for text in _texts(mirror, paths) for pair in _commented(text.split("\n"))), COMMENTS
    )


def _texts(mirror: Path, paths: Iterable[str]) -> Iterator[str]:
    names = "".join(f"HEAD:{path}\n" for path in paths).encode()
    command = ["git", "--git-dir", str(mirror), "cat-file", "--batch"]
    found = subprocess.run(command, input=names, check=True, capture_output=True).stdout
    start = 0
    while start < len(found):
        end = found.index(b"\n", start)
        size = re.search(rb" blob (\d+)$", found[start:end])  # a partial clone lacks some files
        start = end + 1
        if size:
            yield found[start : start + int(size[1])].decode("utf-8", "replace")
            start += int(size[1]) + 1


def _commented(lines: Sequence[str]) -> Iterator[Pair]:
    said: list[str] = []
    for number, line in enumerate(lines):
        if comment := _COMMENT.fullmatch(line):
            said.append(comment[1])
        elif said:
            text, said = " ".join(said[:4]), []
            below = [one for one in lines[number : number + LINES_BELOW] if not _COMMENT.fullmatch(one)]
            words, code = _stems(text), _stems("\n".join(below))
            if len(words) > 2 and len(code) > 2 and not _LEGAL.search(text):  # noqa: PLR2004 - says something
                yield words, code


def _changed_file(diff: str) -> str:
    after = re.search(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE)
    return after[1] if after else ""


def _is_code(path: str) -> bool:
    return language_of(path) in PATTERNS and not is_minor(path)


def _stems(text: str) -> frozenset[str]:
    return frozenset(stem for word in _WORD.findall(text) for stem in _word_stems(word))


@cache
def _word_stems(word: str) -> tuple[str, ...]:
    terms = (term for term in tokenizer.terms(word) if term.isalpha() and len(term) > 2)  # noqa: PLR2004 - words
    return tuple(tokenizer.stems(term for term in terms if term not in tokenizer.QUERY_STOP_WORDS))


def _git(mirror: Path, *arguments: str) -> str:
    command = ["git", "--git-dir", str(mirror), *arguments]
    # git stops at the first file that an incomplete mirror lacks; what lies before it counts.
    return subprocess.run(command, check=False, capture_output=True).stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()

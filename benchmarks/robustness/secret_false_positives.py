"""What is masked in code that holds no secrets, by which rule, and what looking for it costs.

    python -m benchmarks.robustness.secret_false_positives --corpus REPOS --chunks 10000 \
        --out benchmarks/runs/2026-11-24-security

REPOS holds repositories. Chunks are drawn evenly from all of theirs (seeded); each that would be masked is
shown with its line, so that a reader can judge: a key in a test of key parsing is masked rightly. The same
is done with all chunks. Costs are those of the process, on files, against cutting and stemming them.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.chunks import chunker, split_file
from retrieval.files import encoding, secret_masking, walker

MAX_BYTES = 1_000_000
SHOWN = 110  # characters of a line


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is searched.

    Attributes:
        name: Repository and path.
        text: As it is on disk.
        masked: As it is indexed.
        spans: First and last line of each chunk.
    """

    name: str
    text: str
    masked: secret_masking.Masked
    spans: tuple[tuple[int, int], ...]


@dataclass
class Costs:
    """Seconds of the process and bytes of source."""

    masking: float = 0.0
    cutting: float = 0.0
    size: int = 0


def main() -> None:
    """Mask the chunks of all repositories; write what was masked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    secret_masking.prepare()
    costs = Costs()
    sources = [
        source for root in sorted(args.corpus.iterdir()) if root.is_dir() for source in read(root, costs)
    ]
    every = [(source, span) for source in sources for span in source.spans]
    drawn = random.Random(args.seed).sample(every, min(args.chunks, len(every)))  # noqa: S311 - a sample
    lines = [
        f"{secret_masking.fingerprint()}, {len(sources):,} files, {costs.size / 1e6:.1f} MB",
        f"masking {1e6 * costs.masking / len(every):.1f} us a chunk",
        f"cutting and stemming {1e6 * costs.cutting / len(every):.0f} us a chunk",
        *report(f"{len(drawn):,} chunks drawn", drawn),
        *report(f"all {len(every):,} chunks", every),
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "masking.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def read(root: Path, costs: Costs) -> Iterator[Source]:
    """Yield the files of a repository that an index would hold."""
    for path in walker.walk(walker.resolve_root(root), max_bytes=MAX_BYTES).files:
        data = walker.read(root.resolve(), path)
        if walker.refusal(path, data):
            continue
        text = encoding.decode(data).text
        start = time.process_time()
        masked = secret_masking.mask(text)
        middle = time.process_time()
        chunks = [item.chunk for item in split_file.split(path, data).chunks]
        costs.masking += middle - start
        costs.cutting += time.process_time() - middle - (middle - start)  # cutting masks again
        costs.size += len(data)
        yield Source(
            f"{root.name}/{path}",
            text,
            masked,
            tuple((chunk.start_line, chunk.end_line) for chunk in chunks),
        )


def report(title: str, chunks: Sequence[tuple[Source, tuple[int, int]]]) -> Iterator[str]:
    """Say how many chunks are masked, by which kind, and show each line that is."""
    found = [(source, span) for source, span in chunks if source.masked.count(*span)]
    shown = sorted({line for source, span in found for line in changed(source, span)})
    kinds = Counter(kind for _, _, kind, _ in shown)
    named = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "none"
    yield ""
    yield f"{title}: {len(found)} masked; lines by kind: {named}"
    for name, line, kind, text in shown:
        yield f"  {name}:{line}  {kind}  {text}"


def changed(source: Source, span: tuple[int, int]) -> Iterator[tuple[str, int, str, str]]:
    """Yield the lines of a chunk that masking changed."""
    before, after = chunker.lines_of(source.text), chunker.lines_of(source.masked.text)
    for number in range(span[0], span[1] + 1):
        text = after[number - 1]
        if text != before[number - 1]:
            kind = text.partition("[masked: ")[2].partition("]")[0]
            yield source.name, number, kind, text.strip()[:SHOWN]


if __name__ == "__main__":
    main()

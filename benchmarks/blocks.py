"""How large the blocks should be that stored chunks are packed in: time to read one, and bytes on disk.

    python benchmarks/blocks.py --root DIR

DIR is any folder of code; each size gets an index of its own, and chunks are read in random order, as a query
reads them. CPU time of one process; the first size is measured again at the end, to see the noise.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import tantivy
from costs import cut_below
from tantivy import Query

from retrieval import writer
from retrieval.documents import Document
from retrieval.index import schema

SIZES = (16_384, 8_192, 4_096, 2_048, 16_384)
READ = 20_000  # chunks
SEED = 0


def main() -> None:
    """Read the argument, measure each size and print a line of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    cut = list(cut_below(parser.parse_args().root))
    print(f"{sum(len(chunks) for _, chunks in cut):,} chunks of {len(cut):,} files")
    print("block bytes\tCPU us to read a chunk\tMB of stored chunks\tMB of the index")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            make(made, cut, size)
            stored = sum(file.stat().st_size for file in made.glob("*.store"))
            everything = sum(file.stat().st_size for file in made.iterdir())
            print(f"{size}\t{read_us(made):.1f}\t{stored / 1e6:.1f}\t{everything / 1e6:.1f}")


def make(folder: Path, cut: Sequence[tuple[str, Sequence[Document]]], size: int) -> None:
    """Make an index with blocks of a size."""
    writer.make(folder, block_bytes=size)
    with writer.IndexWriter(folder) as made:
        for path, chunks in cut:
            made.add(path, chunks)
        made.commit()


def read_us(folder: Path) -> float:
    """Return the CPU microseconds that reading one stored chunk takes, in the mean."""
    searcher = tantivy.Index(schema(), path=str(folder)).searcher()
    addresses = [address for _, address in searcher.search(Query.all_query(), searcher.num_docs).hits]
    chosen = random.Random(SEED).choices(addresses, k=READ)  # noqa: S311 - to be repeated
    start = time.process_time()
    for address in chosen:
        searcher.doc(address)
    return 1e6 * (time.process_time() - start) / READ


if __name__ == "__main__":
    main()

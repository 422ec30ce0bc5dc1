"""Mine the training data of the embedded model: questions, chunks that answer, and chunks that nearly do.

    python -m embedded_model.mine --work WORK

Each package of packages.txt is fetched and unpacked, and questions are generated from it (asking.py); then
`retrieval.training.pairs.mining` mines it like a user's repository with a golden file: the first stage finds
the chunks that nearly answer. A package without a permissive licence is left out and listed.
WORK keeps every intermediate result, and a second run reuses them; only the list of packages that the model
was trained on is committed: embedded_model/manifest.json.

    WORK/archives/   as downloaded            WORK/golden/NAME.json   questions and answers
    WORK/trees/      unpacked, comments gone  WORK/pairs/NAME.jsonl   labelled pairs, `goldrank mine`'s format
"""

import argparse
import itertools
import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from embedded_model import asking, packages
from embedded_model.asking import Asked
from embedded_model.packages import Package, Source
from retrieval.chunks import chunker
from retrieval.files.languages import language_of
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.text import digest
from retrieval.training.golden import edits, golden_file
from retrieval.training.pairs import labeled_pairs, mining

MANIFEST = Path(__file__).with_name("manifest.json")
SEED = 20261124
LEAST = 8  # with fewer questions a package is not worth indexing


def main() -> None:
    """Mine the packages that are missing and write the manifest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="packages at once [default: a core each]"
    )
    args = parser.parse_args()
    (args.work / "rows").mkdir(parents=True, exist_ok=True)
    listed = packages.listed()
    random.Random(SEED).shuffle(listed)  # noqa: S311 - an interrupted run has packages of all languages
    with ProcessPoolExecutor(args.jobs) as pool:
        jobs = pool.map(_kept, listed, itertools.repeat(args.work))
        rows = list(tqdm(jobs, total=len(listed), unit="package", disable=None))
    MANIFEST.write_text(_manifest(rows), encoding="utf-8")
    used = [row for row in rows if row.get("pairs")]
    print(f"{len(used)} of {len(rows)} packages, {sum(row['pairs'] for row in used):,} pairs")


def _kept(package: Package, work: Path) -> dict[str, Any]:
    made_by = digest(repr((package, chunker.fingerprint(), PAIR_TEXT_VERSION)).encode())
    kept = work / "rows" / f"{package.folder}-{made_by}.json"
    if not kept.exists():
        row = mine(package, work)
        kept.write_text(json.dumps(row), encoding="utf-8")
    told: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return told


def mine(package: Package, work: Path) -> dict[str, Any]:
    """Mine one package and return its outcome."""
    row: dict[str, Any] = {"registry": package.registry, "package": package.name, "version": package.version}
    try:
        archives = packages.fetch(package, work / "archives")
    except subprocess.CalledProcessError:
        return {**row, "left_out": "the registry does not give it"}
    source = packages.lay(package, archives, work / "trees" / package.folder)
    row |= {"version": source.version, "licence": source.licence, "sha256": list(source.sha256)}
    if not packages.is_free(source.licence):
        return {**row, "left_out": "its licence is not one of those that let anybody use it"}
    asked = asking.strip(source.root, seed=f"{SEED} {package.folder}")
    if len(asked) < LEAST:
        return {**row, "left_out": f"it answers {len(asked)} questions"}
    return row | _pairs(package, source, asked, work)


def _pairs(package: Package, source: Source, asked: Sequence[Asked], work: Path) -> dict[str, Any]:
    file = work / "golden" / f"{package.folder}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    edits.add(
        file,
        [
            golden_file.row_of(item.text, [item.answer], id=f"{package.folder}-{number:03}", tags=[item.kind])
            for number, item in enumerate(asked)
        ],
    )
    repository = Repository(source.root, cache=work / "cache", max_bytes=Settings().max_file_bytes)
    repository.refresh()
    mined = mining.mine(golden_file.load(file), repository.view(), seed=SEED)
    out = work / "pairs" / f"{package.folder}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    labeled_pairs.write(mined, out)
    learned = {pair.question_id for pair in mined.pairs}
    kinds = Counter(
        item.kind for number, item in enumerate(asked) if f"{package.folder}-{number:03}" in learned
    )
    languages = Counter(language_of(pair.chunk.path) for pair in mined.pairs if pair.label)
    return {
        "questions": len(learned),
        "pairs": len(mined.pairs),
        "kinds": dict(sorted(kinds.items())),
        "languages": dict(languages.most_common()),
    }


def _manifest(rows: Sequence[dict[str, Any]]) -> str:
    """Write one package per line, so that a changed package is one line of a diff."""
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


if __name__ == "__main__":
    main()

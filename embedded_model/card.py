"""Write the card of the embedded model from what ran: its lessons, its rounds, and what was measured of it.

    python -m embedded_model.card --trained FIRST --trained SECOND --runs benchmarks/runs/DATE-model

Each folder is what one training by train.py made, in order. Of the folder of runs every text file is shown as
it is. The card is README.md beside the model.
"""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedded_model.commits import COMMITS
from embedded_model.written import WRITTEN
from retrieval.files.languages import language_of
from retrieval.rerank import exported_model
from retrieval.training.release.markdown import table

MANIFEST = Path(__file__).with_name("manifest.json")
BASE = Path(__file__).with_name("base.json")
PARTS = 5  # of a round, of which the mean loss is told


def main() -> None:
    """Read the arguments and write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=Path, action="append", required=True, help="what train.py made")
    parser.add_argument("--runs", type=Path, required=True, help="folder of what was measured")
    args = parser.parse_args()
    parts = [
        *_front(),
        *_lessons(json.loads(MANIFEST.read_text(encoding="utf-8"))),
        *_people(),
        *_training(args.trained),
        *_measured(args.runs),
        *_limits(),
    ]
    (exported_model.FOLDER / "README.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


def _front() -> Iterator[str]:
    base = json.loads(BASE.read_text(encoding="utf-8"))
    manifest = exported_model.read_manifest(exported_model.FOLDER)
    size = sum(path.stat().st_size for path in exported_model.FOLDER.iterdir() if path.name != "README.md")
    yield "---\nlicense: apache-2.0\nlibrary_name: sentence-transformers\npipeline_tag: text-ranking\n---\n"
    yield f"# {manifest.name}\n"
    yield (
        "The cross-encoder that comes with goldrank: it reads a question and a chunk of code together and "
        "says how well the one answers the other; a higher logit is more relevant. "
        f"{size / 1e6:.1f} MB of 8-bit weights, cut at {manifest.max_tokens} tokens.\n"
    )
    yield "It reads a chunk as `retrieval.rerank.fusion.pair_text` and `retrieval.rerank.excerpt` write it.\n"
    yield "## Where it began\n"
    yield _table(("", ""), [(key.replace("_", " "), str(value)) for key, value in base.items()])


def _lessons(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    used = [row for row in rows if row.get("pairs")]
    kinds, languages, licences = Counter[str](), Counter[str](), Counter[str]()
    for row in used:
        kinds.update(row["kinds"])
        languages.update(row["languages"])
        licences[row["licence"]] += 1
    yield "\n## Lessons\n"
    yield (
        f"{_sum(used, 'questions')} questions and {_sum(used, 'pairs')} pairs of {len(used)} packages "
        "of PyPI, npm and Debian, all under licences that let anybody use them, none a repository that "
        "search is compared on. embedded_model/manifest.json names package, version, digest and licence, and "
        "what a licence or too few questions left out. Negatives are what goldrank's own first "
        "stage ranked high.\n"
    )
    yield _table(("kind of question", "questions"), _counted(kinds))
    yield _table(("language of the answer", "chunks"), _counted(languages))
    yield _table(("licence", "packages"), _counted(licences))


def _people() -> Iterator[str]:
    rows = [row for row in json.loads(COMMITS.read_text(encoding="utf-8")) if "licence" in row]
    written = [json.loads(line) for line in WRITTEN.read_text(encoding="utf-8").splitlines()]
    languages = Counter(language_of(row["path"]) for row in written)
    licences = Counter(str(row["licence"]) for row in rows)
    yield (
        f"\nThen {_sum(rows, 'lessons')} subjects of commits, asked of the tree before them, and "
        f"{len(written):,} questions that language models wrote while reading code, in plain words and with "
        f"the lines that answer, of {len(rows)} repositories. Those are taught whose answer the first stage "
        "finds among its first 30. embedded_model/commits.json names commit and licence. Of 100 written "
        "questions a second reader found 4 wrong, and 28 whose lines answer in part or not alone.\n"
    )
    yield _table(("language of the written questions", "questions"), _counted(languages))
    yield _table(("licence", "repositories"), _counted(licences))


def _training(trained: Sequence[Path]) -> Iterator[str]:
    yield "\n## Training\n"
    yield (
        "embedded_model/train.py, in rounds, listwise (ListNet), with `retrieval.training.fit.trainer`; one "
        "package or repository in eight was never learned from. Where a row says `narrowed`, "
        "embedded_model/prune.py took layers and neurons away. On questions of those held out, among the "
        "candidates that were mined:\n"
    )
    for folder in trained:
        with (folder / "curve.tsv").open(encoding="utf-8") as file:
            curve = list(csv.DictReader(file, delimiter="\t"))
        yield _table(list(curve[0]), [list(row.values()) for row in curve])
        yield from _losses(folder)


def _losses(trained: Path) -> Iterator[str]:
    rounds = sorted(trained.glob("round-*/trained.json"), key=lambda file: int(file.parent.name[6:]))
    told = [(file.parent.name, json.loads(file.read_text(encoding="utf-8"))) for file in rounds]
    if not told:
        return
    yield "Mean loss of each fifth of a round's steps:\n"
    yield _table(
        ("round", "steps", "minutes", *(f"{number}" for number in range(1, PARTS + 1))),
        [
            (
                name,
                str(len(row["losses"])),
                f"{row['seconds'] / 60:.0f}",
                *(f"{np.mean(part):.3f}" for part in np.array_split(row["losses"], PARTS)),
            )
            for name, row in told
        ],
    )


def _measured(runs: Path) -> Iterator[str]:
    yield "\n## What it is worth\n"
    for file in sorted(runs.glob("*.txt")):
        yield f"{file.stem}:\n\n```\n{file.read_text(encoding='utf-8').strip()}\n```\n"


def _limits() -> Iterator[str]:
    yield "\n## Limits\n"
    yield "- It reads English questions; its vocabulary is that of lower-case English.\n"
    yield (
        "- It learned from comments, error messages, names, commits and questions written for it, not from "
        "what people asked a search.\n"
    )
    yield "- Its logits order the candidates of one question; they are no probabilities.\n"
    yield "\n## Licence\n\nApache-2.0, as goldrank and as the model it began with."


def _sum(rows: Sequence[dict[str, Any]], key: str) -> str:
    return f"{sum(row[key] for row in rows):,}"


def _counted(counts: Counter[str]) -> list[tuple[str, str]]:
    return [(name, f"{count:,}") for name, count in counts.most_common()]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(table(head, rows)) + "\n"


if __name__ == "__main__":
    main()

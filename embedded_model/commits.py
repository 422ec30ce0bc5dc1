"""Mine lessons from the histories of repositories: a commit's subject, asked of the tree before it.

    python -m embedded_model.commits --mirrors MIRRORS --work WORK [--most 50] [--part 1/2]

MIRRORS holds a git directory `owner+name/repo` a repository. The modules that mine the line set of the
benchmarks decide which subjects are fair questions and which lines answer them; no repository may be in both.
A lesson is kept if the first stage finds a positive, a chunk that the commit changed, among its first DEPTH.
Negatives are chunks of the same tree behind the first SKIPPED, which are often right, and never of a file
that the commit touched.

WORK/pairs and WORK/golden receive a file a repository, as `mine` writes them, and WORK/rows what was mined of
each; a repository that has a row is not mined again. The manifest, commits.json beside this module, names the
commit and the licence of each.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.judges.asking import follow
from benchmarks.judges.found import touches
from benchmarks.judges.question_sets import Target
from benchmarks.questions import commits
from retrieval.files.languages import language_of
from retrieval.rank.need import read_need
from retrieval.records import Candidate
from retrieval.rerank.fusion import pair_text
from retrieval.search import first_stage
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.view import View
from retrieval.training.golden import edits, golden_file
from retrieval.training.pairs import labeled_pairs
from retrieval.training.pairs.history_pairs import SKIPPED, ReadPassages, pairs_of
from retrieval.training.pairs.labeled_pairs import LabeledPair, Mined
from retrieval.training.past.followed_clone import FollowedClone
from retrieval.training.past.hermetic_git import git_in

REPOSITORIES = Path(__file__).with_name("repositories.txt")
COMMITS = Path(__file__).with_name("commits.json")
MOST = 50  # lessons of a repository: more of one teach its words, not its language
DEPTH = 30  # what the second stage reads
FREE = frozenset({"MIT", "BSD", "ISC", "Apache-2.0", "Unlicense", "CC0-1.0"})


def main() -> None:
    """Mine the repositories that have no row yet, then write the manifest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirrors", type=Path, required=True)
    parser.add_argument("--list", type=Path, default=REPOSITORIES, help="owner/name, one a line")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--most", type=int, default=MOST, help=f"lessons of a repository [default: {MOST}]")
    parser.add_argument("--part", default="1/1", help="which part of the list, to mine in several processes")
    args = parser.parse_args()
    for folder in ("pairs", "golden", "rows"):
        (args.work / folder).mkdir(parents=True, exist_ok=True)
    part, parts = map(int, args.part.split("/"))
    names = args.list.read_text(encoding="utf-8").split()
    for name in tqdm(names[part - 1 :: parts], unit="repository", disable=None):
        row = args.work / "rows" / f"{name.replace('/', '+')}.json"
        if not row.exists():
            row.write_text(json.dumps(mine(name, args.mirrors, args.work, args.most)), encoding="utf-8")
    rows = [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted((args.work / "rows").glob("*+*.json"))
    ]
    text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    COMMITS.write_text(f"[\n{text}\n]\n", encoding="utf-8")
    used = [row for row in rows if row.get("lessons")]
    print(f"{len(used)} of {len(rows)} repositories, {sum(row['lessons'] for row in used):,} lessons")


def mine(name: str, mirrors: Path, work: Path, most: int) -> dict[str, Any]:
    """Mine one repository, and return what came of it."""
    mirror = mirrors / name.replace("/", "+", 1) / "repo"
    if not mirror.exists():
        return {"repo": name, "left_out": "it was not fetched"}
    git = git_in(mirror)
    head = git("rev-parse", "HEAD").decode().strip()
    licence = commits.licence(git, head)
    if licence not in FREE:
        return {"repo": name, "head": head, "left_out": f"its licence is {licence}"}
    rows = commits.mine(git, name, head, most=most)
    lessons = list(_lessons(name, mirror, work, rows))
    write(name, [pair for lesson in lessons for pair in lesson], work, kind="commit")
    languages = Counter(language_of(pair.chunk.path) for lesson in lessons for pair in lesson if pair.label)
    return {
        "repo": name,
        "head": head,
        "licence": licence,
        "asked": len(rows),
        "lessons": len(lessons),
        "languages": dict(languages.most_common(3)),
    }


def _lessons(
    name: str, mirror: Path, work: Path, rows: Sequence[dict[str, Any]]
) -> Iterator[list[LabeledPair]]:
    clone = FollowedClone(mirror, work / "clones" / name.replace("/", "+", 1))
    repository = None
    for row in rows:
        clone.check_out(row["commit"])
        repository = repository or Repository(
            clone.root, cache=work / "cache", max_bytes=Settings().max_file_bytes
        )
        follow(repository)
        if lesson := _lesson(row, repository):
            yield lesson


def _lesson(row: dict[str, Any], repository: Repository) -> list[LabeledPair]:
    """Return the pairs of a question, positives first; none where the first stage found no positive."""
    view = repository.view()
    targets = [Target(item["path"], item["start"], item["end"]) for item in row["targets"]]
    touched = {target.path for target in targets}
    found = first_stage.candidates_of(view, read_need(row["query"]), limit=DEPTH)
    positives = [one for one in found if any(touches(span_of(one), target) for target in targets)]
    negatives = [one for one in found if one.rank > SKIPPED and one.chunk.path not in touched]
    return pairs_of(row["id"], row["query"], positives, negatives, passages_of(view))


def passages_of(view: View) -> ReadPassages:
    """Return what reads the passages of a view."""
    return lambda chunks: [pair_text(text.chunk, text.text) for text in view.chunk_texts(chunks)]


def span_of(candidate: Candidate) -> tuple[str, int, int]:
    """Return path, first and last line of a candidate."""
    return candidate.chunk.path, candidate.chunk.start_line, candidate.chunk.end_line


def stem_of(name: str) -> str:
    """Return what the files of a repository are called."""
    return re.sub(r"[^\w.+-]", "-", name.replace("/", "+", 1))


def write(name: str, pairs: Sequence[LabeledPair], work: Path, *, kind: str) -> None:
    """Write a repository's lessons as questions of one kind and as pairs."""
    stem = stem_of(name)
    asked = {pair.question_id: pair for pair in pairs if pair.label}
    file = work / "golden" / f"{stem}.json"
    file.unlink(missing_ok=True)
    if asked:
        rows = (
            golden_file.row_of(pair.query, [pair.chunk.path], id=identity, tags=[kind])
            for identity, pair in asked.items()
        )
        edits.add(file, list(rows))
        mined = Mined(tuple(pairs), {identity: identity for identity in asked}, (), {"repo": name})
        labeled_pairs.write(mined, work / "pairs" / f"{stem}.jsonl")


if __name__ == "__main__":
    main()

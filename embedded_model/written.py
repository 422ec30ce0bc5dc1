"""Mine lessons from questions that were written by reading code, with the exact lines that answer them.

    python -m embedded_model.written places --mirrors MIRRORS --work WORK
    python -m embedded_model.written collect --work WORK
    python -m embedded_model.written mine --mirrors MIRRORS --work WORK [--part 1/2]

`places` chooses code of each repository of commits.json and writes it with numbers to
WORK/places/OWNER+NAME.txt: what a writer reads. WORK/answers/OWNER+NAME.txt is what the writer makes of it, a
line a question: the place's number, the lines that answer, and the question in the words of somebody who has
not seen the code. `collect` makes written.jsonl of these, and names the lines that are not of that form.

`mine` asks each question of its repository. A lesson is kept if the first stage finds a chunk of those lines
among its first 30. All other candidates are negatives, the first ones and those of the same file too, because
a written answer is exact.
"""

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.judges.asking import follow
from benchmarks.judges.found import touches
from benchmarks.judges.question_sets import Target
from embedded_model.commits import COMMITS, DEPTH, passages_of, span_of, stem_of, write
from retrieval.chunks import chunker
from retrieval.files.languages import has_grammar
from retrieval.paths import file_kinds
from retrieval.rank.need import read_need
from retrieval.records import Chunk
from retrieval.search import first_stage
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.training.pairs.history_pairs import pairs_of
from retrieval.training.pairs.labeled_pairs import LabeledPair
from retrieval.training.past.followed_clone import FollowedClone
from retrieval.training.past.hermetic_git import Git, git_in

WRITTEN = Path(__file__).with_name("written.jsonl")
SEED = 20261128
PLACES = 26  # of a repository
FEWEST_LINES, MOST_LINES = 8, 70  # of a place
MOST_BYTES = 200_000  # of a file that places are chosen from

_ANSWER = re.compile(r"(\d+) (\d+)-(\d+) (\S.+)")


def main() -> None:
    """Choose the places that are missing, collect what was written, or mine what has no pairs yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=("places", "collect", "mine"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--mirrors", type=Path, help="git directories, owner+name/repo")
    parser.add_argument("--part", default="1/1", help="which part to mine, for several processes")
    args = parser.parse_args()
    if args.step == "places":
        _write_places(args.mirrors, args.work)
    elif args.step == "collect":
        collect(args.work, WRITTEN)
    else:
        part, parts = map(int, args.part.split("/"))
        _mine(args.mirrors, args.work, part, parts)


def _write_places(mirrors: Path, work: Path) -> None:
    (work / "places").mkdir(parents=True, exist_ok=True)
    for name, commit in tqdm(_commits().items(), unit="repository", disable=None):
        file = work / "places" / f"{stem_of(name)}.txt"
        if not file.exists():
            git = git_in(mirrors / name.replace("/", "+", 1) / "repo")
            file.write_text(_shown(name, git, commit), encoding="utf-8")


def _commits() -> dict[str, str]:
    rows = json.loads(COMMITS.read_text(encoding="utf-8"))
    return {row["repo"]: row["head"] for row in rows if "head" in row}


def _shown(name: str, git: Git, commit: str) -> str:
    """Show the places of a repository with their line numbers."""
    blocks = [f"repository {name}"]
    for number, (chunk, lines) in enumerate(_chosen(name, git, commit), 1):
        code = "\n".join(
            f"{row:5} {lines[row - 1][:160]}" for row in range(chunk.start_line, chunk.end_line + 1)
        )
        blocks.append(f"=== {number} · {chunk.path}\n{code}")
    return "\n\n".join(blocks) + "\n"


def _chosen(name: str, git: Git, commit: str) -> Iterator[tuple[Chunk, Sequence[str]]]:
    rng = random.Random(f"{SEED} {name}")  # noqa: S311 - the choice must be repeatable
    files = [
        row.split(None, 4) for row in git("ls-tree", "-r", "-l", commit).decode(errors="replace").splitlines()
    ]
    paths = [
        row[4]
        for row in files
        if row[3].isdigit()
        and int(row[3]) < MOST_BYTES
        and has_grammar(row[4])
        and not file_kinds.is_minor(row[4])
    ]
    rng.shuffle(paths)
    found = 0
    for path in paths * 4:  # a small repository gives several places of a file
        text = git("show", f"{commit}:{path}").decode(errors="replace")
        chunks = [
            chunk
            for chunk in chunker.chunk_file(path, text)
            if chunk.names and FEWEST_LINES <= chunk.end_line - chunk.start_line < MOST_LINES
        ]
        if chunks:
            yield rng.choice(chunks), chunker.lines_of(text)
            found += 1
        if found == PLACES:
            return


def collect(work: Path, out: Path) -> None:
    """Write what was answered as rows, by repository and place, and print the lines that are not taken."""
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    for file in sorted((work / "answers").glob("*.txt")):
        head, *blocks = (work / "places" / file.name).read_text(encoding="utf-8").split("\n\n=== ")
        name = head.split()[1]
        paths = {block.split(" ", 1)[0]: block.partition("\n")[0].partition(" · ")[2] for block in blocks}
        shown = {block.split(" ", 1)[0]: _rows_of(block) for block in blocks}
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = _ANSWER.fullmatch(line.strip())
            own = shown.get(found[1], range(0)) if found else range(0)
            if not found or int(found[2]) not in own or int(found[3]) not in own:
                wrong.append(f"{file.name}:{number}: {line}")
                continue
            rows.append(
                {
                    "repo": name,
                    "path": paths[found[1]],
                    "start": int(found[2]),
                    "end": int(found[3]),
                    "q": found[4],
                }
            )
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows):,} questions")
    print("\n".join(wrong))


def _rows_of(block: str) -> range:
    numbers = [int(line[:5]) for line in block.splitlines()[1:] if line[:5].strip().isdigit()]
    return range(numbers[0], numbers[-1] + 1)


def _mine(mirrors: Path, work: Path, part: int, parts: int) -> None:
    for folder in ("pairs", "golden"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in WRITTEN.read_text(encoding="utf-8").splitlines()]
    by_name = [(name, list(own)) for name, own in groupby(rows, key=lambda row: str(row["repo"]))]
    commits = _commits()
    for name, own in tqdm(by_name[part - 1 :: parts], unit="repository", disable=None):
        folder = name.replace("/", "+", 1)
        if (work / "pairs" / f"{stem_of(name)}.jsonl").exists():
            continue
        clone = FollowedClone(mirrors / folder / "repo", work / "clones" / folder)
        clone.check_out(commits[name])
        repository = Repository(clone.root, cache=work / "cache", max_bytes=Settings().max_file_bytes)
        follow(repository)
        asked = ((f"{folder}-w{number:02}", row) for number, row in enumerate(own, 1))
        lessons = [lesson for identity, row in asked if (lesson := _lesson(identity, row, repository))]
        write(name, [pair for lesson in lessons for pair in lesson], work, kind="written")


def _lesson(identity: str, row: dict[str, Any], repository: Repository) -> list[LabeledPair]:
    """Return the pairs of a question, positives first; none where the first stage found no positive."""
    view = repository.view()
    target = Target(row["path"], row["start"], row["end"])
    found = first_stage.candidates_of(view, read_need(row["q"]), limit=DEPTH)
    positives = [one for one in found if touches(span_of(one), target)]
    negatives = [one for one in found if not touches(span_of(one), target)]
    return pairs_of(identity, row["q"], positives, negatives, passages_of(view))


if __name__ == "__main__":
    main()

"""Mine the questions that are pasted rather than asked, from public facts of the benchmark's repositories.

    python -m benchmarks.questions.mine --mirrors MIRRORS --manifest manifest.json --corpus REPOS \
        --queries queries.jsonl --out questions.jsonl

MIRRORS holds a git directory `owner+name/repo` a repository, with its history; REPOS the same repositories at
their pinned revisions, as plain folders. The kinds of question:

    error      an error message as a user sees it; the answer is the literal that says it
    trace      a stack trace; the answer is the function that threw
    path       part of a path as people remember it; the answer is the only file it can be
    signature  the first line of a function; the answer is the function
    task       what a commit said it does; the answer is the files it changed
    test       the name of a test, as words; the answer is the file it tests
    name       a name that the documentation writes as code; the answer is the line that defines it
    foreign    a question of queries.jsonl, translated by hand (translated.json); its answers are kept

No search is run, so no ranking decides what is asked. What is written holds other people's text: it is not
committed, and anybody who has the repositories makes the same bytes again.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.questions.code_questions import (
    Question,
    Target,
    names,
    signatures,
    spread,
    tasks,
    tests,
    words,
)
from benchmarks.questions.error_dialects import DIALECTS
from benchmarks.questions.error_sites import Source, Throw, enclosing, order, throws, trace
from benchmarks.questions.pinned_repository import Snapshot, snapshots
from retrieval.chunks.definitions import Definition

HERE = Path(__file__).resolve().parent

FIXED_CHARS = 12  # of a message: shorter runs are found anywhere

# An arrow of these opens the body.


def main() -> None:
    """Read the arguments, mine every repository, write the questions and count them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirrors", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=3, help="of a kind, a repository [default: 3]")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for snapshot in tqdm(snapshots(args.manifest, args.mirrors, args.corpus), unit="repo", disable=None):
        for kind, mine in KINDS.items():
            chosen = mine(snapshot, args.most, args.seed)
            rows += [row(snapshot, kind, number, question) for number, question in enumerate(chosen)]
    rows += foreign(args.queries, HERE / "translated.json")
    args.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    for kind, count in Counter(row["category"] for row in rows).items():
        print(f"{kind:10} {count}")


def row(snapshot: Snapshot, kind: str, number: int, question: Question) -> dict[str, Any]:
    """Write a question as a line of the benchmark."""
    targets = [{**asdict(target), "primary": place == 0} for place, target in enumerate(question.targets)]
    return {
        "id": f"{snapshot.name}-{kind}-{number:02}",
        "repo": snapshot.name,
        "language": snapshot.language,
        "category": kind,
        "query": question.query,
        "targets": targets,
    }


def errors(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine messages whose longest fixed part stands once in the whole repository."""
    everything = "\0".join(snapshot.texts.values())
    found = [
        Question(throw.message, (Target(source.path, throw.start, throw.end),))
        for source in speaking(snapshot)
        for throw in throws(source, seed=seed)
        if len(throw.fixed.strip()) >= FIXED_CHARS and everything.count(throw.fixed) == 1
    ]
    return spread(found, most, key=f"{seed}/error")


def traces(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine stack traces, one a function."""
    places: dict[Target, tuple[Throw, Definition, Source]] = {}
    for source in speaking(snapshot):
        for throw in throws(source, seed=seed):
            if throw.fatal and (function := enclosing(source, throw.line)):
                target = Target(source.path, function.start_line, function.end_line)
                places.setdefault(target, (throw, function, source))
    messages = [Question(throw.message, (target,)) for target, (throw, _, _) in places.items()]
    chosen = [question.targets for question in spread(messages, most, key=f"{seed}/trace")]
    return [Question(told_trace(snapshot, *places[targets[0]]), targets) for targets in chosen]


def told_trace(snapshot: Snapshot, throw: Throw, function: Definition, source: Source) -> str:
    """Write a trace; only a function whose name is the only one of its kind is sought in other files."""
    kin = [other for other in speaking(snapshot) if other.language == source.language]
    namesakes = sum(item.name == function.name for other in kin for item in other.definitions)
    return trace(throw, function, source, kin if namesakes == 1 else [], repo=snapshot.name)


def speaking(snapshot: Snapshot) -> Iterator[Source]:
    """Yield the sources whose language's way of throwing is known."""
    return (source for source in snapshot.sources.values() if source.language in DIALECTS)


def paths(snapshot: Snapshot, most: int, seed: int) -> list[Question]:
    """Mine parts of paths whose words follow each other in one path of the repository only."""
    spoken = [f" {' '.join(words(path))} " for path in snapshot.texts]
    found: list[Question] = []
    for path in snapshot.sources:
        clear = [
            form
            for form in remembered(path)
            if sum(f" {' '.join(words(form))} " in other for other in spoken) == 1
        ]
        if clear:
            form = min(clear, key=lambda form: order(f"{seed}/{path}/{form}"))
            found.append(Question(form, (Target(path),)))
    return spread(found, most, key=f"{seed}/path")


def remembered(path: str) -> list[str]:
    """List what people say for a path: parent/stem, name, parent and stem as words, stem as words.

    >>> remembered("src/click/_termui_impl.py")
    ['click/_termui_impl', '_termui_impl.py', 'click termui impl', 'termui impl']
    """
    folder, _, name = path.rpartition("/")
    stem, parent = name.partition(".")[0], folder.rpartition("/")[2]
    spoken = " ".join(words(stem))
    forms = [f"{parent}/{stem}", name, f"{parent.lower()} {spoken}", spoken]
    return [form for form in forms if len(words(form)) > 1 and not form.startswith(("/", " "))]


def foreign(queries: Path, translated: Path) -> list[dict[str, Any]]:
    """Ask questions of the benchmark in another language; the answers stay."""
    asked = {row["id"]: row for row in map(json.loads, queries.read_text(encoding="utf-8").splitlines())}
    texts: Mapping[str, Mapping[str, str]] = json.loads(translated.read_text(encoding="utf-8"))
    return [
        {**asked[name], "id": f"{name}-{text['language']}", "category": "foreign", "query": text["query"]}
        for name, text in texts.items()
    ]


KINDS: dict[str, Callable[[Snapshot, int, int], list[Question]]] = {
    "error": errors,
    "trace": traces,
    "path": paths,
    "signature": signatures,
    "task": tasks,
    "test": tests,
    "name": names,
}

if __name__ == "__main__":
    main()

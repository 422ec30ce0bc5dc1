"""Measure every set of questions with one command: where the files and where the lines of the answers came.

    python -m benchmarks.judges.measure --out OUT --cache CACHE --work WORK \
        --people people-dev.jsonl --trees TREES --lines lines.jsonl --mirrors MIRRORS \
        --written embedded_model/written.jsonl \
        --old queries.jsonl --pasted questions2.jsonl --corpus REPOS [--sets people lines] [--forms call]
    python -m benchmarks.judges.measure --out OUT --people people-dev.jsonl ... --only-score --against OTHER

The sets are `people` (whole repositories, laid out as `owner+name@commit` below TREES), `lines` (what
`benchmarks.questions.commits` mined, asked of clones of the mirrors below WORK that follow the history),
`written` (questions in plain words that were written by reading code, asked of such clones; the embedded
cross-encoder learned from most of them, so they judge the first stage alone), and the benchmarks of the first
release, `old` and `pasted` (folders of REPOS). A set whose file is not given is left out. The forms are
`asked` (a person's words), `agent` (an assistant's query) and `call` (with guesses); a question without a
call is asked in its own words only. No cross-encoder takes part, unless `--rerank` lets the embedded one, as
a server does.

OUT receives, for each set, `ranks-SET.tsv` (a line for each question and form: the ranks of each target file
and of each target's lines, and the characters read to the right line; committed) and `run-SET-FORM.jsonl`
(the results, for other evaluators; not committed), and `table.txt`. `old` and `pasted` count every result, as
before; the other sets count a file once. `--against` reads the ranks of another run, and reports paired gains
with 95 % bootstrap intervals over repositories.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.judges import score_tables
from benchmarks.judges.asking import Places, ask
from benchmarks.judges.found import Found, from_text, to_text
from benchmarks.judges.question_sets import FORMS, READERS, QuestionSet
from benchmarks.judges.scores import score
from mcp_server.serving.model_choice import base_stage
from retrieval.rerank.model_thread import ModelThread
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments, of the command line by default, ask, and print the tables."""
    args = _arguments(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in READERS if name in args.sets and getattr(args, name)]
    if not wanted:
        raise SystemExit(f"no file of questions for {' or '.join(args.sets)}: give --{args.sets[0]} FILE")
    table, compared = [score_tables.heading()], []
    for name in wanted:
        questions = READERS[name](getattr(args, name))
        if not args.only_score:
            second = _second_stage() if args.rerank else None
            measure(questions, args.forms, _places(args), args.out, second)
        scores = scores_of(args.out, name)
        table += score_tables.means(name, questions.questions, scores)
        if args.against:
            other = scores_of(args.against, name)
            compared += score_tables.gains(
                name, questions.questions, scores, other, other_form=args.against_form
            )
    text = "".join(f"{line}\n" for line in [*table, *compared])
    (args.out / "table.txt").write_text(text, encoding="utf-8")
    print(text, end="")


def measure(
    questions: QuestionSet, forms: list[str], places: Places, out: Path, second: SecondStage | None = None
) -> None:
    """Ask a set of questions, and write the results and the ranks of the answers."""
    found: list[tuple[tuple[str, str], Found]] = []
    with ExitStack() as stack:
        runs = {
            form: stack.enter_context(
                (out / f"run-{questions.name}-{form}.jsonl").open("w", encoding="utf-8")
            )
            for form in forms
            if any(form in question.wordings for question in questions.questions)
        }
        for reply in ask(questions, forms, places, second):
            line = {"id": reply.question.id, "results": reply.results}
            runs[reply.form].write(json.dumps(line, ensure_ascii=False) + "\n")
            found.append(((reply.question.id, reply.form), reply.found))
    _ranks(out, questions.name).write_text(to_text(found), encoding="utf-8")


def scores_of(folder: Path, name: str) -> dict[tuple[str, str], dict[str, float]]:
    """Score the ranks that a run wrote of a set; nothing if it did not ask the set."""
    file = _ranks(folder, name)
    found = from_text(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {key: score(item) for key, item in found.items()}


def _ranks(folder: Path, name: str) -> Path:
    return folder / f"ranks-{name}.tsv"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    for name, reader in READERS.items():
        parser.add_argument(f"--{name}", type=Path, help=(reader.__doc__ or "").partition("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--trees", type=Path, help="laid-out trees of the set people")
    parser.add_argument("--corpus", type=Path, help="laid-out trees of the sets old and pasted")
    parser.add_argument(
        "--mirrors", type=Path, help="git directories owner+name/repo of the sets lines and written"
    )
    parser.add_argument("--work", type=Path, help="folder of clones that follow the mirrors")
    parser.add_argument("--cache", type=Path, help="folder of indexes, kept for the next run")
    parser.add_argument("--rerank", action="store_true", help="let the embedded cross-encoder take part")
    parser.add_argument("--only-score", action="store_true", help="ask nothing; score the ranks in --out")
    parser.add_argument("--against", type=Path, help="folder of another run, to compare with")
    parser.add_argument("--against-form", choices=FORMS, help="the other run's form [default: the same]")
    args = parser.parse_args(arguments)
    mirrored, laid_out = ["mirrors", "work"], ["corpus"]
    needed = {
        "people": ["trees"],
        "lines": mirrored,
        "written": mirrored,
        "old": laid_out,
        "pasted": laid_out,
    }
    for name in args.sets:
        for option in [*needed[name], "cache"] if getattr(args, name) and not args.only_score else []:
            if getattr(args, option) is None:
                parser.error(f"the set {name} needs --{option}")
    return args


def _second_stage() -> SecondStage | None:
    """Set up a server's second stage, with its model loaded and a deadline that a busy machine meets."""
    stage = base_stage(Settings(rerank_deadline_s=600.0))
    if stage and isinstance(stage.reader, ModelThread):
        stage.reader.warm_up().result()
    return stage


def _places(args: argparse.Namespace) -> Places:
    trees = {"people": args.trees, "old": args.corpus, "pasted": args.corpus}
    return Places(trees, args.mirrors, args.work, args.cache)


if __name__ == "__main__":
    main()

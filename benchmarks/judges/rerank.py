"""What rag_rerank makes of candidates that an assistant holds: grep's hits, BM25's chunks, a search's.

    python -m benchmarks.judges.rerank --people people-dev.jsonl --trees TREES --mirrors MIRRORS \
        --work WORK --cache CACHE [--every 2]

For each question, as asked and as a call with guesses, three lists of 30 candidates are made: the lines that
hold the question's words, the rarest word first, in the order of files, as `grep -n` writes them; the chunks
that BM25 alone finds; and those of the first stage. rag_rerank orders each without a model and with the
embedded one, as a server does. A list without an answer is left out: no order helps it. Gains are paired,
with 95 % bootstrap intervals over repositories.
"""

import argparse
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.judges.asking import Places, opened_trees
from benchmarks.judges.found import Span, find
from benchmarks.judges.question_sets import Question, Wording, read_people
from benchmarks.judges.score_tables import gain
from benchmarks.judges.scores import score
from mcp_server.serving.candidates import resolve_candidates
from mcp_server.serving.model_choice import base_stage
from retrieval.rank.need import Need, read_need
from retrieval.search import searcher
from retrieval.search.first_stage import candidates_of
from retrieval.search.places import spans_of
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings
from retrieval.sync.view import View

HELD = 30
FORMS = ("asked", "call")
SOURCES = ("grep", "BM25", "first stage")
MEASURES = ("ndcg10", "line_recall10")
GIVEN, PLAIN, READ = "as given", "rag_rerank without a model", "rag_rerank"
LONGEST_LINE = 300  # characters of a hit that a caller passes on

Row = tuple[str, str, str, dict[str, dict[str, float]]]
"""Repository, form, source, and by system the measures of a question."""


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for folder in ("people", "trees", "mirrors", "work", "cache"):
        parser.add_argument(f"--{folder}", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="only every so many questions")
    args = parser.parse_args()
    places = Places({"people": args.trees}, args.mirrors, args.work, args.cache)
    questions = sorted(read_people(args.people).questions[:: args.every], key=lambda item: item.tree)
    second = base_stage(Settings())
    if second is None:
        raise SystemExit("reranking is off")
    rows: list[Row] = []
    with tqdm(total=len(questions), unit="question", disable=None) as bar:
        for tree, group in itertools.groupby(questions, key=lambda item: item.tree):
            for question, repository, _ in opened_trees("people", tree, list(group), places):
                view = repository.view()
                for form in FORMS:
                    if form in question.wordings:
                        rows += asked(question, form, question.wordings[form], view, second)
                bar.update()
    for line in table(rows):
        print(line)


def asked(question: Question, form: str, wording: Wording, view: View, second: SecondStage) -> Iterator[Row]:
    """Order each list of candidates in each way."""
    need = read_need(wording.query, wording.expect)
    for source, held in lists(need, wording, view).items():
        resolved = resolve_candidates(view, need, held)
        ways = {GIVEN: [passage.chunk for passage in resolved.passages]}
        for system, model in ((PLAIN, None), (READ, second)):
            answer = searcher.rerank(need, resolved.passages, model, view=view)
            ways[system] = [result.passage.chunk for result in answer.results]
        found = {system: _scores(question, spans_of(chunks)) for system, chunks in ways.items()}
        if any(found[GIVEN][measure] for measure in ("hit1", "recall10")) or _holds(question, ways[GIVEN]):
            yield question.repo, form, source, found


def lists(need: Need, wording: Wording, view: View) -> dict[str, list[object]]:
    """Make the three lists of what a caller may hold."""
    words = read_need(wording.query)
    chunks = view.snapshot.chunks(view.snapshot.top("body", words.query.stems, HELD)).values()
    searched = [candidate.chunk for candidate in candidates_of(view, need, limit=HELD)]
    return {
        "grep": list(itertools.islice(hits(wording.query, view), HELD)),
        "BM25": [f"{one.path}:{one.start_line}-{one.end_line}" for one in chunks],
        "first stage": [f"{one.path}:{one.start_line}-{one.end_line}" for one in searched],
    }


def hits(query: str, view: View) -> Iterator[object]:
    """Yield the lines that hold a word of the query, those of the word in the fewest lines first."""
    by_word: dict[str, list[str]] = defaultdict(list)
    words = {word.lower() for word in re.findall(r"[^\W\d_]{4,}", query)}
    pattern = re.compile("|".join(map(re.escape, sorted(words))) or r"(?!)", re.IGNORECASE)
    for path in view.paths:
        for number, line in enumerate(view.lines(path) or (), 1):
            for word in {match.lower() for match in pattern.findall(line)}:
                by_word[word].append(f"{path}:{number}:{line[:LONGEST_LINE]}")
    for word in sorted(by_word, key=lambda word: (len(by_word[word]), word)):
        yield from by_word[word]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Print, for each form and source, means and the gain over BM25 alone among the candidates."""
    yield f"form\tcandidates\tquestions\tmeasure\t{GIVEN}\t{PLAIN}\t{READ}\tgain of the model"
    for form, source, measure in itertools.product(FORMS, SOURCES, MEASURES):
        own = [row for row in rows if row[1:3] == (form, source) and measure in row[3][GIVEN]]
        if not own:
            continue
        means = [np.mean([row[3][system][measure] for row in own]) for system in (GIVEN, PLAIN, READ)]
        by_repository: dict[str, list[float]] = defaultdict(list)
        for repo, _, _, found in own:
            by_repository[repo].append(found[READ][measure] - found[PLAIN][measure])
        found_gain = gain(list(by_repository.values()))
        told = f"{found_gain.mean:+.3f} [{found_gain.low:+.3f}, {found_gain.high:+.3f}]"
        yield "\t".join((form, source, str(len(own)), measure, *(f"{mean:.3f}" for mean in means), told))


def _scores(question: Question, results: Sequence[Span]) -> dict[str, float]:
    return score(find(question.targets, tuple(results), counts="files", size=lambda _span: 0))


def _holds(question: Question, chunks: Sequence[object]) -> bool:
    paths = {getattr(chunk, "path", "") for chunk in chunks}
    return any(
        path == target.path or (target.path.endswith("/") and path.startswith(target.path))
        for path in paths
        for target in question.targets
    )


if __name__ == "__main__":
    main()

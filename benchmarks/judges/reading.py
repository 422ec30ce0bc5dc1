"""How long replies are, and whether the lines that answer are in them: what is read before the next look.

    python -m benchmarks.judges.reading --people people-dev.jsonl --trees TREES \
        --lines lines.jsonl --mirrors MIRRORS --work WORK --cache CACHE [--every 5]

For each set and form, over the questions whose answers have lines: the mean characters of a reply of
`rag_search`; the share of questions whose answer a reply names (a place touches it, or a definition that it
names beside one), and shows (it holds half of an answer's lines, or five of them); and the share of an
answer's lines that it holds. First stage only. `--every N` asks every Nth commit subject.
"""

import argparse
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.judges.asking import Places, opened_trees
from benchmarks.judges.found import touches
from benchmarks.judges.question_sets import Question, Target, Wording, read_lines, read_people
from mcp_server.messages import replies
from mcp_server.messages.sections import sections_of
from retrieval.search import searcher
from retrieval.search.searcher import Request
from retrieval.sync.repository import Repository

TOP_K = 8  # of rag_search
ROOMY = 24_000  # of rag_search
ENOUGH_LINES = 5
_HEADING = re.compile(r"\d+\. (?P<path>\S.*?):(?P<start>\d+)-(?P<end>\d+)(?= |$)")
_LINE = re.compile(r" *(?P<number>\d+) \| ")
_ALSO = re.compile(r" *…  also: ")
_SPAN = re.compile(r" (\d+)-(\d+)(?=, |$)")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reply holds of an answer.

    Attributes:
        characters: The length of the reply.
        is_named: Whether a place touches an answer.
        is_shown: Whether half of an answer's lines are shown, or ENOUGH_LINES of them.
        share: The share of an answer's lines that is shown, of the answer that is shown best.
    """

    characters: int
    is_named: bool
    is_shown: bool
    share: float


def main() -> None:
    """Ask both sets, and print a line for each form."""
    args = _arguments()
    places = Places({"people": args.trees}, args.mirrors, args.work, args.cache)
    print("set    form   questions  characters  named  shown  share of lines")
    sets = (
        ("people", read_people(args.people).questions, 1),
        ("lines", read_lines(args.lines).questions, args.every),
    )
    for name, questions, every in sets:
        readings: dict[str, list[Reading]] = {}
        for form, reading in _readings(name, questions, every, places):
            readings.setdefault(form, []).append(reading)
        for form, found in sorted(readings.items()):
            print(
                f"{name:6} {form:6} {len(found):9}  {mean(one.characters for one in found):10.0f}  "
                f"{mean(one.is_named for one in found):5.3f}  {mean(one.is_shown for one in found):5.3f}  "
                f"{mean(one.share for one in found):5.3f}",
                flush=True,
            )


def read(reply: str, targets: Sequence[Target]) -> Reading:
    """Look for answers in a reply; targets without lines are left out."""
    shown: dict[str, set[int]] = {}
    spans, path = [], ""
    for line in reply.split("\n"):
        if heading := _HEADING.match(line):
            path = heading["path"]
            spans.append((path, int(heading["start"]), int(heading["end"])))
        elif _ALSO.match(line):
            spans.extend((path, int(start), int(end)) for start, end in _SPAN.findall(line))
        elif number := _LINE.match(line):
            shown.setdefault(path, set()).add(int(number["number"]))
    answers = [target for target in targets if target.start is not None]
    held = [_held(target, shown) for target in answers]
    return Reading(
        len(reply),
        any(touches(span, target) for span in spans for target in answers),
        any(count >= min(ENOUGH_LINES, (size + 1) // 2) for count, size in held),
        max(count / size for count, size in held),
    )


def _held(target: Target, shown: dict[str, set[int]]) -> tuple[int, int]:
    """Count the lines of a target that are shown, and all of them."""
    lines = range(target.start or 1, (target.end or target.start or 1) + 1)
    return sum(number in shown.get(target.path, ()) for number in lines), len(lines)


def _readings(
    name: str, questions: Sequence[Question], every: int, places: Places
) -> Iterator[tuple[str, Reading]]:
    asked = [item for item in questions if any(target.start for target in item.targets)]
    asked = sorted(asked, key=lambda question: question.tree)[::every]
    for tree, group in itertools.groupby(asked, key=lambda question: question.tree):
        for question, repository, _ in opened_trees(name, tree, list(group), places):
            for form, wording in question.wordings.items():
                yield form, read(_reply(repository, wording), question.targets)


def _reply(repository: Repository, wording: Wording) -> str:
    view = repository.view()
    request = Request(wording.query, TOP_K, rerank="no", expect=wording.expect)
    answer = searcher.search(view, request, None)
    sections = sections_of(answer.results, view)
    source = f"{repository.root.name} ({view.commit})"
    return replies.search_reply(
        answer, sections, request=request, source=source, layout=replies.Layout(ROOMY)
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("people", "trees", "lines", "mirrors", "work", "cache"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="as in benchmarks.judges.measure")
    parser.add_argument("--every", type=int, default=1, help="ask every Nth commit subject [default: 1]")
    return parser.parse_args()


if __name__ == "__main__":
    main()

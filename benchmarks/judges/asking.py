"""How the questions of a set are asked: each tree is opened and indexed once, then every form is searched."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.judges.found import Found, Span, find
from benchmarks.judges.question_sets import Question, QuestionSet, Wording
from benchmarks.judges.work_trees import sizes_below
from benchmarks.quality.ranks import TOP_K
from retrieval.search import searcher
from retrieval.search.places import spans_of
from retrieval.search.searcher import Request
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.training.past.followed_clone import FollowedClone

_TAKES_GUESSES = "expect" in {field.name for field in fields(Request)}


@dataclass(frozen=True, slots=True)
class Places:
    """Where trees are.

    Attributes:
        trees: Laid-out trees by set name.
        mirrors: Git directories `owner+name/repo`, for questions with a commit.
        work: Where clones of the mirrors follow these commits.
        cache: Folder of all indexes, kept for the next run.
    """

    trees: Mapping[str, Path]
    mirrors: Path
    work: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class Reply:
    """The results of one question in one form, and where its answers are among them."""

    question: Question
    form: str
    results: tuple[Span, ...]
    found: Found


def ask(
    questions: QuestionSet, forms: Collection[str], places: Places, second: SecondStage | None = None
) -> Iterator[Reply]:
    """Ask every question in every form that it has, by tree; of both stages if there is a second one."""
    asked = [item for item in questions.questions if not item.wordings.keys().isdisjoint(forms)]
    asked.sort(key=lambda question: question.tree)  # stable: a history stays in order
    with tqdm(total=len(asked), desc=questions.name, unit="question", disable=None) as bar:
        for tree, group in itertools.groupby(asked, key=lambda question: question.tree):
            for question, repository, size in opened_trees(questions.name, tree, list(group), places):
                for form in (form for form in question.wordings if form in forms):
                    results = search(repository, question.wordings[form], second)
                    found = find(question.targets, results, counts=questions.counts, size=size)
                    yield Reply(question, form, results, found)
                bar.update()


def search(repository: Repository, wording: Wording, second: SecondStage | None = None) -> tuple[Span, ...]:
    """Search as `goldrank run` does; guesses are sent if a search takes them."""
    guesses: dict[str, Any] = {"expect": wording.expect} if _TAKES_GUESSES and wording.expect else {}
    request = Request(wording.query, TOP_K, rerank="yes" if second else "no", **guesses)
    answer = searcher.search(repository.view(), request, second)
    return tuple(spans_of([result.passage.chunk for result in answer.results]))


def opened_trees(
    name: str, tree: str, questions: list[Question], places: Places
) -> Iterator[tuple[Question, Repository, Callable[[Span], int]]]:
    """Yield each question with its repository at the question's commit, and the sizes of spans there."""
    if any(question.commit for question in questions):
        clone = FollowedClone(places.mirrors / tree / "repo", places.work / tree)
        clone.check_out(questions[0].commit)
        repository = _repository(clone.root, places)
        for question in questions:
            clone.check_out(question.commit)
            follow(repository)
            yield question, repository, sizes_below(clone.root)
    else:
        repository = _repository(places.trees[name] / tree, places)
        follow(repository)
        size = sizes_below(repository.root)
        for question in questions:
            yield question, repository, size


def follow(repository: Repository) -> None:
    """Bring the index and what is read of commits up to date."""
    repository.refresh()
    if repository.is_past_due:
        repository.read_past()


def _repository(root: Path, places: Places) -> Repository:
    return Repository(root, cache=places.cache, max_bytes=Settings().max_file_bytes)

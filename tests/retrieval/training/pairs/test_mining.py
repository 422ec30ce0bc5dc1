"""Nothing that is tested was learned, and what is learned is written as it will be read."""

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes import repository, searched, write
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_repository import house, rows

from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.records import Chunk
from retrieval.rerank.fusion import Reading
from retrieval.search.searcher import Request
from retrieval.search.second_stage import SecondStage
from retrieval.training.evaluation import systems
from retrieval.training.golden import edits, golden_file, row_faults
from retrieval.training.golden.golden_file import Golden, Question
from retrieval.training.golden.groups import group, is_paraphrase, stems_of
from retrieval.training.pairs import labeled_pairs, mining, splits
from retrieval.training.pairs.content_filter import has_substance
from retrieval.training.pairs.labeled_pairs import LabeledPair, Mined


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Golden, Mined, Path]:
    """Mine a small repository once."""
    folder = tmp_path_factory.mktemp("mined")
    opened = repository(write(folder / "r", house()), folder / "cache")
    edits.add(folder / "golden.json", rows())
    asked = golden_file.load(folder / "golden.json")
    return asked, mining.mine(asked, opened.view(), seed=3), folder


@pytest.mark.parametrize("seed", range(5))
def test_no_question_paraphrase_or_answer_of_a_test_is_learned(
    mined: tuple[Golden, Mined, Path], seed: int
) -> None:
    """A model that saw the answer proves nothing by finding it."""
    asked, found, _ = mined
    texts = {question.question_id: question.text for question in asked.questions}
    folds = splits.folds(found.groups, 5, seed=seed)
    assert Counter(identity for fold in folds for identity in fold.testing) == Counter(list(found.groups))
    for fold in folds:
        lessons = mining.learnable(found.pairs, fold)
        assert lessons
        learned = {pair.question_id for pair in lessons}
        answers = {pair.passage for pair in found.pairs if pair.label and pair.question_id in fold.testing}
        assert learned.isdisjoint(fold.testing)
        assert answers.isdisjoint(pair.passage for pair in lessons)
        for tested in fold.testing:
            stems = stems_of(texts[tested])
            assert not any(is_paraphrase(stems, stems_of(texts[other])) for other in learned)


WORDS = "job lease worker queue retry cancel resume drain".split()
DAYS = st.sampled_from(["", *(f"2026-01-{day:02}" for day in range(1, 9))])
PASSAGES = st.lists(st.sampled_from([f"a.py\ndef {word}(): pass" for word in WORDS]), max_size=3, unique=True)
ASKED = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), PASSAGES, PASSAGES, DAYS)
)


@settings(deadline=None)  # the first call loads scikit-learn
@given(ASKED, st.integers(2, 5), st.integers(0, 9))
def test_whatever_is_asked_nothing_of_a_test_is_learned(
    asked: list[tuple[list[str], list[str], list[str], str]], count: int, seed: int
) -> None:
    """Questions chain: one is like another, which shares an answer with a third, of which feedback speaks."""
    questions = [
        Question(f"q{number}", " ".join(words), (golden_file.Expected("a.py"),))
        for number, (words, _, _, _) in enumerate(asked)
    ]
    answers = {f"q{number}": right for number, (_, right, _, _) in enumerate(asked)}
    groups = group(questions, answers)
    found = [
        LabeledPair(
            item.question_id, groups[item.question_id], item.text, text, label, Chunk("a.py", 1, 1), 1
        )
        for item, (_, right, wrong, _) in zip(questions, asked, strict=True)
        for label, texts in ((1, right), (0, wrong))
        for text in texts
    ]
    found += [dataclasses.replace(pair, question_id=f"{row_faults.WEAK}{pair.question_id}") for pair in found]
    dates = {f"q{number}": date for number, (_, _, _, date) in enumerate(asked)}
    shuffled = splits.folds(groups, count, seed=seed)
    assert Counter(i for fold in shuffled for i in fold.testing) == Counter(list(groups) if shuffled else ())
    by_time = splits.folds_by_time(groups, dates, count)
    for fold in [*shuffled, *by_time]:
        lessons = mining.learnable(found, fold)
        tested = [item for item in questions if item.question_id in fold.testing]
        assert {pair.group for pair in lessons}.isdisjoint(groups[item.question_id] for item in tested)
        assert {text for item in tested for text in answers[item.question_id]}.isdisjoint(
            pair.passage for pair in lessons
        )
        stems = {stems_of(pair.query) for pair in lessons}
        assert not any(is_paraphrase(stems_of(item.text), other) for item in tested for other in stems)
    for fold in by_time:
        newest = {name: max(dates[i] for i in groups if groups[i] == name) for name in groups.values()}
        assert all(newest[groups[i]] <= newest[groups[j]] for i in fold.training for j in fold.testing)


def test_paraphrases_and_questions_with_one_answer_are_one_group(mined: tuple[Golden, Mined, Path]) -> None:
    """The one in training and the other in the test is the same as both in both."""
    _, found, _ = mined
    assert found.groups["paraphrase"] == found.groups["job-retry"]
    assert found.groups["shared"] == found.groups["lease-resume"]
    assert found.groups["worker-drain"] != found.groups["queue-drain"]


def test_no_text_is_both_right_and_wrong_and_none_is_used_up(mined: tuple[Golden, Mined, Path]) -> None:
    """The first system taught that one import block answers a question, and does not answer another."""
    _, found, _ = mined
    labels: dict[tuple[str, str], set[int]] = {}
    uses: Counter[tuple[str, int]] = Counter()
    for pair in found.pairs:
        labels.setdefault((pair.group, pair.passage), set()).add(pair.label)
        uses[pair.passage, pair.label] += 1
    assert all(len(said) == 1 for said in labels.values())
    assert max(uses.values()) <= mining.REUSE


def test_a_question_whose_answer_is_used_up_stays_with_those_that_used_it(tmp_path: Path) -> None:
    """It teaches nothing, but it is tested: alone, by a model that has learned its answer from the others."""
    opened = repository(write(tmp_path / "r", house()), tmp_path / "cache")
    said = ("alpha beta", "gamma delta", "epsilon zeta", "eta theta", "iota kappa", "lambda mu")
    edits.add(
        tmp_path / "golden.json",
        [golden_file.row_of(text, ["src/job_retry.py:10-13"], id=text) for text in said] + rows()[6:9],
    )
    asked = golden_file.load(tmp_path / "golden.json")
    found = mining.mine(asked, opened.view(), seed=0)
    assert len({pair.question_id for pair in found.pairs} & set(said)) == mining.REUSE
    assert "it answers 4 others" in found.notes[0]
    judged = systems.judged(asked, opened.view(), found.groups)
    assert {item.group for item in judged if item.question_id in said} == {"alpha beta"}
    assert mining.grouped(asked, opened.view()) == found.groups


def test_a_copy_of_an_answer_is_the_answer(tmp_path: Path) -> None:
    """Vendored code stands twice in many repositories."""
    code = house()["src/job_retry.py"]
    opened = repository(write(tmp_path / "r", {**house(), "src/copied_retry.py": code}), tmp_path / "cache")
    edits.add(
        tmp_path / "golden.json",
        [
            golden_file.row_of("which one starts over", ["src/job_retry.py:10-13"], id="one"),
            golden_file.row_of("who repeats what failed", ["src/copied_retry.py:10-13"], id="copy"),
            *rows()[6:9],
        ],
    )
    found = mining.mine(golden_file.load(tmp_path / "golden.json"), opened.view(), seed=0)
    assert found.groups["copy"] == "one"
    tested = splits.Fold(tuple(i for i in found.groups if i != "one"), ("one",))
    assert not any(
        pair.chunk.path in {"src/job_retry.py", "src/copied_retry.py"} and "retry_job" in pair.passage
        for pair in mining.learnable(found.pairs, tested)
    )


def test_what_quotes_a_question_is_no_wrong_answer(tmp_path: Path) -> None:
    """An indexed golden file holds every question; taught as wrong, repeating one would be wrong."""
    listed = "\n".join(f"# {number}. {row['q']}?" for number, row in enumerate(rows()))
    files = {**house(), "asked.json": json.dumps(rows(), indent=1), "docs/asked.md": listed}
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    asked = golden_file.load(tmp_path / "r/asked.json")
    found = systems.first_stage(systems.judged(asked, opened.view(), {}), opened.view())
    assert any(
        candidate.chunk.path == "docs/asked.md" for item in found.values() for candidate in item.candidates
    )
    mined = mining.mine(asked, opened.view(), seed=0)
    assert {pair.chunk.path for pair in mined.pairs}.isdisjoint({"asked.json", "docs/asked.md"})


def test_positives_carry_code_and_the_rest_of_their_file_is_neither(
    mined: tuple[Golden, Mined, Path],
) -> None:
    """Nobody said that the other chunks of an expected file are wrong."""
    asked, found, _ = mined
    expected = {question.question_id: question.expected[0].path for question in asked.questions}
    for pair in found.pairs:
        if pair.label:
            assert "def " in pair.passage
            assert not pair.passage.partition("\n")[2].startswith("import")
        else:
            assert pair.chunk.path != expected[pair.question_id]


def test_the_same_seed_mines_the_same_pairs(mined: tuple[Golden, Mined, Path]) -> None:
    """A result that cannot be had again cannot be argued about."""
    asked, found, folder = mined
    opened = repository(folder / "r", folder / "cache")
    assert mining.mine(asked, opened.view(), seed=3) == found
    assert mining.mine(asked, opened.view(), seed=4) != found


def test_pairs_are_read_back_as_they_were_written(mined: tuple[Golden, Mined, Path], tmp_path: Path) -> None:
    """Training may happen on another machine."""
    _, found, _ = mined
    labeled_pairs.write(found, tmp_path / "pairs.jsonl")
    assert labeled_pairs.read(tmp_path / "pairs.jsonl") == found


class Listening:
    """A reader that keeps what it is given."""

    def __init__(self) -> None:
        self.passages: list[str] = []

    def read(
        self,
        query: str,
        passages: Sequence[str],
        *,
        deadline_s: float,
        is_cancelled: IsCancelled,
        progress: Progress = no_progress,
    ) -> Reading:
        """Say nothing of any passage."""
        assert query
        assert deadline_s
        assert not is_cancelled()
        progress(0, len(passages))
        self.passages = list(passages)
        return Reading((None,) * len(passages))


def test_a_chunk_is_written_alike_for_mining_judging_and_serving(mined: tuple[Golden, Mined, Path]) -> None:
    """A model that learned from one text and is given another ranks by chance."""
    asked, found, folder = mined
    opened = repository(folder / "r", folder / "cache")
    question = asked.questions[0]
    reader = Listening()
    stage = SecondStage(reader, "listening", weight=0.5, rerank_tool_weight=0.5, depth=20, deadline_s=9.0)
    searched(opened, Request(question.text, 10), stage)
    judged = systems.first_stage(systems.judged(asked, opened.view(), found.groups), opened.view())[
        question.question_id
    ]
    assert reader.passages == list(judged.passages[:20])
    written = {pair.chunk: pair.passage for pair in found.pairs}
    shown = {
        candidate.chunk: passage
        for candidate, passage in zip(judged.candidates, judged.passages, strict=True)
        if candidate.chunk in written
    }
    assert len(shown) > 3
    assert all(written[chunk] == passage for chunk, passage in shown.items())


def test_what_is_learned_by_time_is_older_than_what_is_tested() -> None:
    """A question of next month is what the model will meet."""
    dates = {f"q{number}": f"2026-01-{number:02}" for number in range(1, 21)} | {
        "old": "",
        "twin": "2026-01-20",
    }
    groups = {identity: identity for identity in dates} | {"twin": "q3"}
    folds = splits.folds_by_time(groups, dates, 4)
    assert len(folds) == 3
    for fold in folds:
        newest = {name: max(dates[i] for i in groups if groups[i] == name) for name in groups.values()}
        assert max(newest[groups[i]] for i in fold.training) <= min(newest[groups[i]] for i in fold.testing)
        assert {groups[i] for i in fold.training}.isdisjoint(groups[i] for i in fold.testing)


def test_the_first_reranker_would_have_had_these_pairs(mined: tuple[Golden, Mined, Path]) -> None:
    """Its card: 70 pairs, mean label 0.2, 500 characters."""
    _, found, _ = mined
    chosen = mining.like_card(found).pairs
    assert len(chosen) == 70
    assert sum(pair.label for pair in chosen) / len(chosen) == pytest.approx(0.2)
    assert max(len(pair.passage) for pair in chosen) <= 500
    wrong = [dataclasses.replace(pair, question_id="feedback-1", label=0) for pair in found.pairs[:9]]
    with_weak = dataclasses.replace(found, pairs=(*wrong, *found.pairs))
    assert mining.like_card(with_weak).pairs == chosen


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "from common.paths import *  # noqa"),
        ("a.py", "import os\nfrom a import (\n    b,\n    c,\n)\n"),
        ("a.py", "# Copyright\n# Licensed under the Apache License\n"),
        ("a.ts", "import { a,\n  b } from './b'\nexport { c } from './c'\nexport * from './d'\n"),
        ("a.js", "'use strict'\nconst a = require('a')\n"),
        ("A.java", "/*\n * Copyright\n */\npackage a.b;\nimport a.c;\nimport a.d;\n"),
        ("a.c", "/* Copyright */\n#include <stdio.h>\n#ifdef X\n#endif\n"),
        ("a.go", '// Copyright\npackage main\nimport (\n\t"fmt"\n\t"os"\n)\n'),
        ("a.rs", "use std::io;\nuse a::{\n    b,\n    c,\n};\npub mod d;\n"),
        ("a.rb", "# frozen_string_literal: true\nrequire 'a'\nrequire_relative 'b'\n"),
        ("a.php", "<?php\nnamespace A\\B;\nuse C\\D;\n"),
        ("a.zig", 'const std = @import("std");\nconst a = @import("a.zig");\n'),
    ],
)  # fmt: skip
def test_imports_licences_and_shims_answer_nothing(path: str, text: str) -> None:
    """They are in every file, and a reranker that likes them likes everything."""
    assert not has_substance(path, text.split("\n"), defines=False)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "x = 1\ny = 2\n"),
        ("a.c", "#define A 1\n#define B 2\n"),
        ("a.rs", "#[derive(Debug)]\nstruct A;\n"),
        ("a.md", "# Title\n\nSome words.\n"),
    ],
)
def test_code_and_prose_are_something(path: str, text: str) -> None:
    """What looks like a comment in one language is code in another."""
    assert has_substance(path, text.split("\n"), defines=False)

"""A recipe is judged on questions its models did not see, goes on where it was cut off, and is not fooled."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_model
from fakes import repository, write
from toy_repository import house, rows

from retrieval.errors import ArgumentError, CancelledError
from retrieval.sync.repository import Repository
from retrieval.training.evaluation import cross_validation
from retrieval.training.evaluation.cross_validation import Plan, Served, Watch
from retrieval.training.fit.identity import identity
from retrieval.training.fit.recipe import PRESETS, Recipe
from retrieval.training.fit.trainer import train
from retrieval.training.golden import edits, golden_file
from retrieval.training.golden.golden_file import Golden
from retrieval.training.pairs import mining
from retrieval.training.pairs.mining import Mined
from retrieval.training.release import draft, gate


@dataclasses.dataclass(frozen=True)
class World:
    """What there is to learn."""

    asked: Golden
    there: Repository
    mined: Mined
    recipe: Recipe


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make a repository, its golden file, its pairs and a small base once."""
    folder = tmp_path_factory.mktemp("world")
    there = repository(write(folder / "r", house()), folder / "cache")
    edits.add(folder / "golden.json", rows())
    asked = golden_file.load(folder / "golden.json")
    base = tiny_model.train(folder / "base", batches=5)
    recipe = dataclasses.replace(
        PRESETS["default"], base=str(base), revision="", epochs=1, validation_share=0, learning_rate=1e-3
    )
    return World(asked, there, mining.mine(asked, there.view(), seed=0), recipe)


class Told:
    """Keeps what it is told of progress, and may stop after so much."""

    def __init__(self, *, stop_at: str = "") -> None:
        self.stages: list[str] = []
        self._stop_at = stop_at

    def watch(self) -> Watch:
        """Make the watch."""
        return Watch(self._progress, lambda: bool(self._stop_at) and self._stop_at in self.stages)

    def _progress(self, what: str, _done: int, _total: int) -> None:
        if what not in self.stages:
            self.stages.append(what)


def test_a_judging_that_was_cut_off_goes_on_and_ends_the_same(world: World, tmp_path: Path) -> None:
    """An hour of training must not be lost to a closed laptop."""
    plan = Plan(world.recipe, folds=3, depth=8)
    with pytest.raises(CancelledError):
        cross_validation.judge(
            world.asked, world.there.view(), world.mined, plan, tmp_path / "a",
            watch=Told(stop_at="fold 2 of 3, learning").watch(),
        )  # fmt: skip
    again = Told()
    resumed = cross_validation.judge(
        world.asked, world.there.view(), world.mined, plan, tmp_path / "a", watch=again.watch()
    )
    assert "fold 1 of 3, learning" not in again.stages
    assert {"fold 2 of 3, learning", "fold 3 of 3, reading"} <= set(again.stages)
    whole = cross_validation.judge(world.asked, world.there.view(), world.mined, plan, tmp_path / "b")
    metric = [
        {i: values["nDCG@10"] for i, values in judged.report.systems[-1].by_question.items()}
        for judged in (resumed, whole)
    ]
    assert metric[0] == metric[1]
    assert resumed.weight == whole.weight
    assert not list(tmp_path.glob("a/model-*")), "a model of a fold is of no further use"


def test_another_model_in_the_same_folder_is_asked_anew(world: World, tmp_path: Path) -> None:
    """What one model said must not be taken for the word of the next that is trained into its folder."""
    base, work = tmp_path / "base", tmp_path / "w"
    plan = Plan(dataclasses.replace(world.recipe, base=str(base)), folds=2, depth=4)
    names: list[set[str]] = []
    for keyword in ("sesame", "sesame", "door"):
        shutil.rmtree(base, ignore_errors=True)
        tiny_model.train(base, batches=1, keyword=keyword)
        cross_validation.judge(world.asked, world.there.view(), world.mined, plan, work)
        names.append({path.name for path in work.glob("*.json")})
    assert names[0] == names[1], "the same model, made again, is known"
    assert len(names[2]) == 2 * len(names[0])
    (work / min(names[0])).write_text("[]", encoding="utf-8")
    cross_validation.judge(world.asked, world.there.view(), world.mined, plan, work)


def test_a_model_is_known_by_its_files_and_not_by_its_path(tmp_path: Path) -> None:
    """A folder may be moved, its card rewritten; another tokenizer makes it another model."""
    base = write(tmp_path / "a", {"config.json": "{}", "model.safetensors": "w", "tokenizer.json": "t"})
    first = identity(str(base))
    moved = base.rename(tmp_path / "b")
    write(moved, {"README.md": "a card"})
    assert identity(str(moved)) == first
    write(moved, {"tokenizer.json": "u"})
    assert identity(str(moved)) != first
    assert identity("somebody/nothing") != identity("somebody/nothing", revision="1")


def test_every_system_is_judged_on_the_same_questions(world: World, tmp_path: Path) -> None:
    """The floor, the first stage, the base and what was learned, side by side."""
    judged = cross_validation.judge(
        world.asked, world.there.view(), world.mined, Plan(world.recipe, folds=2, depth=4), tmp_path / "w"
    )
    names = [scores.name for scores in judged.report.systems if scores.name != "ripgrep"]
    assert names == ["constant list", "first stage", "base", "tuned"]
    asked = {item.question_id for item in judged.report.asked}
    assert all(scores.by_question.keys() == asked for scores in judged.report.systems)
    assert [item.opponent for item in judged.report.comparisons] == ["first stage", "base"]


def test_the_served_model_is_judged_by_what_was_recorded_of_it(world: World, tmp_path: Path) -> None:
    """Asked again, it would know the answers that it learned."""
    folder = tmp_path / "served"
    train(world.mined.pairs, world.recipe, folder)
    recorded = {"job-retry": dict.fromkeys(("hit@1", "nDCG@10", "MRR@10"), 0.125)}
    served = Served("current", "0001-abc", str(folder), "", 0.5, recorded)
    report = cross_validation.measure(world.asked, world.there.view(), [served], depth=4)
    assert report.systems[-1].by_question["job-retry"]["nDCG@10"] == 0.125
    assert report.systems[-1].by_question["job-drain"]["nDCG@10"] != 0.125


def test_one_group_of_questions_cannot_be_judged(world: World, tmp_path: Path) -> None:
    """There is nothing to learn from that is not tested."""
    one = dataclasses.replace(world.asked, questions=world.asked.questions[:1])
    mined = mining.mine(one, world.there.view(), seed=0)
    with pytest.raises(ArgumentError, match="that can be judged: 1, in groups: 1; learning needs 2"):
        cross_validation.judge(one, world.there.view(), mined, Plan(world.recipe), tmp_path / "w")


def test_nothing_to_judge_is_said_and_not_averaged(world: World) -> None:
    """A mean of nothing is no number, and a table of them looks like a result."""
    gone = tuple(
        dataclasses.replace(question, expected=(golden_file.Expected("gone.py"),))
        for question in world.asked.questions
    )
    for questions in ((), gone):
        with pytest.raises(ArgumentError, match="no question that can be judged; `goldrank golden lint`"):
            cross_validation.measure(
                dataclasses.replace(world.asked, questions=questions), world.there.view(), []
            )


def test_measuring_groups_questions_as_learning_does(world: World, tmp_path: Path) -> None:
    """Questions that share an answer are no independent evidence, whoever asks them."""
    measured = cross_validation.measure(world.asked, world.there.view(), [])
    groups = {item.question_id: item.group for item in measured.asked}
    assert groups["shared"] == groups["lease-resume"]
    assert groups == dict(world.mined.groups)
    assert not list(tmp_path.iterdir())


def test_names_that_are_no_unicode_are_learned_like_any_other(world: World, tmp_path: Path) -> None:
    """Tokenizers and the training's tables refuse half a character; one old file must not end it all."""
    files = {path.replace("job", "j\udcf6b"): text for path, text in house().items()}
    there = repository(write(tmp_path / "r", files), tmp_path / "cache")
    edits.add(
        tmp_path / "golden.json",
        [golden_file.row_of("what lets a job retry", ["src/j\udcf6b_retry.py"], id="odd"), *rows()[6:12]],
    )
    asked = golden_file.load(tmp_path / "golden.json")
    mined = mining.mine(asked, there.view(), seed=0)
    mining.write(mined, tmp_path / "pairs.jsonl")
    assert mining.read(tmp_path / "pairs.jsonl") == mined
    plan = Plan(world.recipe, folds=2, depth=4)
    judged = cross_validation.judge(asked, there.view(), mined, plan, tmp_path / "w")
    assert "odd" in judged.report.systems[-1].by_question


@pytest.mark.parametrize("seed", range(3))
def test_what_learned_from_shuffled_labels_is_refused(world: World, tmp_path: Path, seed: int) -> None:
    """Whatever it gains is chance; benchmarks/quality/label_shuffle.py repeats this with a real model."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation([pair.label for pair in world.mined.pairs])
    dealt = tuple(
        dataclasses.replace(pair, label=int(label))
        for pair, label in zip(world.mined.pairs, labels, strict=True)
    )
    mined = dataclasses.replace(world.mined, pairs=dealt)
    recipe = dataclasses.replace(world.recipe, seed=seed)
    judged = cross_validation.judge(
        world.asked, world.there.view(), mined, Plan(recipe, folds=2, depth=8), tmp_path / "w"
    )
    decision = gate.decide(judged.report, weight=judged.weight, questions=len(judged.report.asked))
    assert not decision.promote
    assert not any("too few" in reason for reason in decision.reasons)


def test_by_time_only_newer_questions_are_judged(world: World, tmp_path: Path) -> None:
    """What will be asked next month is what counts."""
    dated = tuple(
        dataclasses.replace(question, date=f"2026-{1 + number // 3:02}-01")
        for number, question in enumerate(world.asked.questions)
    )
    asked = dataclasses.replace(world.asked, questions=dated)
    plan = Plan(world.recipe, folds=2, depth=4, order="by time")
    judged = cross_validation.judge(asked, world.there.view(), world.mined, plan, tmp_path / "w")
    tested = {item.question_id for item in judged.report.asked}
    assert 8 < len(tested) < 20
    assert "job-cancel" not in tested
    assert "queue-drain" in tested


def test_a_draft_records_all_that_serving_and_people_need(world: World, tmp_path: Path) -> None:
    """The card shows before and after; the facts name data, weight and what each question scored unseen."""
    judged = cross_validation.judge(
        world.asked, world.there.view(), world.mined, Plan(world.recipe, folds=2, depth=4), tmp_path / "w"
    )
    trained = train(world.mined.pairs, world.recipe, tmp_path / "tuned")
    decision = gate.decide(judged.report, weight=judged.weight, questions=len(judged.report.asked))
    drafted = draft.draft(draft.Learned("house", world.mined, judged, trained, 20), decision)
    assert drafted.facts.golden_sha256 == world.asked.digest
    assert set(drafted.facts.learned_from) == set(world.mined.groups)
    assert drafted.facts.out_of_fold.keys() == {item.question_id for item in judged.report.asked}
    for shown in ("first stage", "tuned", "did not learn from it", "nDCG@10", draft.LIMITS[0]):
        assert shown in drafted.card
    assert str(tmp_path) not in drafted.card

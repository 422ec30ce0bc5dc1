"""What a model learns must be older than what judges it, and must not give the answers of that away."""

from dataclasses import replace

import numpy as np
from order_factory import ROWS
from past_factory import ANSWER, asked

from retrieval.rank.weights import WEIGHTS
from retrieval.training.order.evidence import answered
from retrieval.training.tuning.first_order import Asked, ordered
from retrieval.training.tuning.past_pairs import lessons_of


def test_the_oldest_teach_and_the_newest_judge() -> None:
    """A model that learned from what judges it gains on paper only."""
    known = asked(50)
    taught = lessons_of(known, WEIGHTS, depth=30)
    assert taught.older == taught.questions == 30
    assert list(taught.later) == known[30:]
    assert {pair.question_id for pair in taught.pairs} == {f"c{number}" for number in range(30)}


def test_a_passage_is_an_answer_if_the_commit_changed_it() -> None:
    """Candidates among the first three are often right, so they are no negatives."""
    for pair in lessons_of(asked(50), WEIGHTS, depth=30).pairs:
        assert pair.label == (ANSWER in pair.passage.split())
        assert pair.label or pair.rank > 3
        assert pair.teacher is not None


def test_no_answer_of_a_newer_question_is_learned_nor_a_copy_of_it() -> None:
    """What was moved to another file since would be recognised, not understood."""
    known = asked(50)
    newest = known[-1]
    right = int(newest.pool.hits[0, 0])
    _, _, text = newest.readings.passages[right].partition("\n")
    oldest = known[0]
    wrong = next(row for row in range(5, ROWS))
    passages = list(oldest.readings.passages)
    passages[wrong] = f"moved/before.py function old\n  {text}"
    known[0] = replace(oldest, readings=replace(oldest.readings, passages=tuple(passages)))
    taught = lessons_of(known, WEIGHTS, depth=30)
    assert taught.questions == 30
    assert not [pair for pair in taught.pairs if text in pair.passage]


def test_a_question_without_an_answer_in_reach_teaches_nothing() -> None:
    """Nobody can learn from a question whose answer is not among the candidates."""
    known = asked(50)
    known[0] = replace(known[0], pool=answered(known[0].pool, [("elsewhere.py", 1, 9)]))
    taught = lessons_of(known, WEIGHTS, depth=30)
    assert (taught.older, taught.questions) == (30, 29)


def test_copies_come_last_as_in_a_search() -> None:
    """A search shows one of them, so the model reads one of them."""
    item = asked(1)[0]
    copies = np.arange(ROWS)
    copies[1] = 0
    some = replace(item, readings=replace(item.readings, copies=copies))
    (order,) = ordered([some], WEIGHTS, depth=30)
    assert order.order.tolist() == [0, *range(2, ROWS), 1]
    assert [one.rank for one in order.candidates] == list(range(1, ROWS))


def test_a_candidate_that_no_model_has_read_keeps_its_place() -> None:
    """An order that was learned since may put a chunk first that was not kept."""
    item = asked(1)[0]
    kept = replace(
        item.readings,
        rows=item.readings.rows[1:],
        chunks=item.readings.chunks[1:],
        passages=item.readings.passages[1:],
        copies=np.arange(ROWS - 1),
        confidence=item.readings.confidence[1:],
    )
    (order,) = ordered([Asked("c", item.text, item.pool, kept)], WEIGHTS, depth=4)
    assert order.passages[0] is None
    assert order.candidates[0].chunk.path == "00.py"
    assert order.confidence == 0.0
    assert len(order.candidates) == 4

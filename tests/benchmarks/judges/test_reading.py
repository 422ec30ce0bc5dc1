"""A reply that seems to show the answer and does not would choose the wrong form of replies."""

from benchmarks.judges.question_sets import Target
from benchmarks.judges.reading import Reading, read

REPLY = """house (abc) | 3 chunks
2 places, best first

1. engine/start.py:10-40  method Engine.ignite  (score 1.000)
 9 | class Engine:
 …
10 |     def ignite(self, key):
11 |         return key.turn()

2. engine/stop.ts:1-30  function stopEngine  (score 0.475)
3. docs/engine.md:1-3  (score 0.363)
"""


def test_lines_are_counted_where_they_are_shown() -> None:
    """The number beside a line is what an assistant cites."""
    assert read(REPLY, [Target("engine/start.py", 10, 12)]) == Reading(len(REPLY), True, True, 2 / 3)


def test_a_place_without_its_lines_is_named_only() -> None:
    """It takes another look to know."""
    assert read(REPLY, [Target("engine/stop.ts", 4, 5)]) == Reading(len(REPLY), True, False, 0)


def test_the_same_lines_of_another_file_are_not_the_answer() -> None:
    """Line 10 is in every file."""
    assert read(REPLY, [Target("docs/engine.md", 10, 12)]) == Reading(len(REPLY), False, False, 0)


def test_the_answer_that_is_shown_best_counts() -> None:
    """A question may have several answers; one that is read ends the search."""
    answers = [Target("engine/stop.ts", 4, 5), Target("engine/start.py", 11, 11), Target("docs/engine.md")]
    assert read(REPLY, answers) == Reading(len(REPLY), True, True, 1)

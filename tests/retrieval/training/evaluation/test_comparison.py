"""Who is better than whom, by how much, and whether that is chance; and how it is shown."""

import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fakes import KeywordScorer, repository, write
from sklearn.metrics import ndcg_score

from retrieval.errors import ArgumentError
from retrieval.records import Chunk
from retrieval.training.evaluation import comparison, metrics, systems, tables
from retrieval.training.evaluation.comparison import Asked, Ranking, Report, Result, Scores
from retrieval.training.evaluation.pages import html_report
from retrieval.training.golden import edits, golden_file
from retrieval.training.golden.golden_file import Expected

QUESTION = Asked("q", "<script>alert(1)</script> | who?", "q", (Expected("a.py"), Expected("b.py", 5, 9)))


def ranking(*chunks: Chunk) -> Ranking:
    """Rank chunks of a hundred characters."""
    return Ranking(tuple(Result(chunk, 100) for chunk in chunks), 2.0)


def asked(count: int, *, groups: int | None = None) -> list[Asked]:
    """Ask numbered questions, each of one file, in so many groups."""
    return [
        Asked(f"q{n}", f"question {n}", f"g{n % (groups or count)}", (Expected(f"f{n}.py"),))
        for n in range(count)
    ]


def scored(name: str, questions: Sequence[Asked], ranks: Sequence[int]) -> Scores:
    """Score a system that finds each question's file at a rank."""
    found = {
        item.question_id: ranking(
            *(Chunk(f"other{n}.py", 1, 2) for n in range(rank - 1)), Chunk(item.targets[0].path, 1, 2)
        )
        for item, rank in zip(questions, ranks, strict=True)
    }
    return comparison.score(name, questions, found)


def full(count: int = 24) -> Report:
    """Report on two systems of which the second is better."""
    questions = [*asked(count - 1), QUESTION]
    ranks = [1 + n % 7 for n in range(count - 1)]
    targets = {item.question_id: item.targets for item in questions}
    found = {
        name: {
            item.question_id: ranking(
                *(Chunk("x.py", n, n) for n in range(1, rank)), Chunk(targets[item.question_id][0].path, 1, 2)
            )
            for item, rank in zip(questions, [*own, 2], strict=True)
        }
        for name, own in {"first stage": ranks, "tuned": [1] * (count - 1)}.items()
    }
    first, tuned = (comparison.score(name, questions, rankings) for name, rankings in found.items())
    sure = {item.question_id: (n + 0.5) / count for n, item in enumerate(questions)}
    compared = comparison.compare(questions, tuned, first)
    return Report(tuple(questions), (first, tuned), (compared,), sure, {"seed": 1})


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [((1,), 1.0), ((2,), 0.63093), ((None,), 0.0), ((11,), 0.0), ((1, 2), 1.0), ((1, 1), 0.61315), ((), 0.0)],
)
def test_ndcg_is_what_it_is_by_hand(ranks: tuple[int | None, ...], expected: float) -> None:
    """1 / log2(rank + 1), as a share of the best order; one result counts once."""
    assert metrics.ndcg(ranks) == pytest.approx(expected, abs=1e-5)


def test_ndcg_with_grades_is_that_of_scikit_learn() -> None:
    """A formula that was written twice by different people is right."""
    grades, ranks = [3.0, 1.0, 2.0], [4, 1, 7]
    gains = np.zeros((1, 10))
    for grade, rank in zip(grades, ranks, strict=True):
        gains[0, rank - 1] = grade
    order = -np.arange(10, dtype=float)[None, :]
    assert metrics.ndcg(ranks, grades) == pytest.approx(ndcg_score(gains, order, k=10))


def test_the_other_measures_are_what_they_are_by_hand() -> None:
    """Two targets, found third and not at all."""
    ranks = (3, None)
    assert [metrics.hit(ranks, cutoff) for cutoff in (1, 3)] == [0, 1]
    assert metrics.reciprocal_rank(ranks) == pytest.approx(1 / 3)
    assert (metrics.recall(ranks), metrics.recall(ranks, 2)) == (0.5, 0.0)


def test_a_target_is_found_where_a_result_touches_its_lines() -> None:
    """The file alone is not enough where lines were named."""
    results = ranking(Chunk("b.py", 1, 4), Chunk("b.py", 9, 20), Chunk("a.py", 1, 2))
    scores = comparison.score("s", [QUESTION], {"q": results})
    assert scores.ranks["q"] == (3, 2)
    assert scores.by_question["q"]["tokens"] == 50  # two results of 100 characters, 4 a token


def test_a_question_that_was_not_answered_counts_as_found_nowhere() -> None:
    """A system must not be better for being silent."""
    scores = comparison.score("s", [QUESTION], {})
    assert scores.mean("nDCG@10") == 0
    assert scores.by_question["q"]["tokens"] == comparison.TOKEN_CAP


def test_no_difference_is_no_gain() -> None:
    """An interval that is a point, and a p of 1."""
    questions = asked(30)
    one = scored("one", questions, [1] * 30)
    compared = comparison.compare(questions, one, replace(one, name="two"))
    assert (compared.gain, compared.low, compared.high, compared.p) == (0, 0, 0, 1)
    assert compared.better == compared.worse == ()


def test_an_average_of_equal_values_is_no_difference() -> None:
    """0.1 + 0.1 + 0.1 is not 0.3 to a computer; a question that did not move is neither better nor worse."""
    questions = asked(30)
    one = scored("one", questions, [2] * 15 + [8] * 15)
    averaged = comparison.average("six", [one] * 6)
    compared = comparison.compare(questions, averaged, one)
    assert (compared.better, compared.worse, compared.p) == ((), (), 1)


def test_a_clear_gain_is_beyond_chance_and_a_coin_is_not() -> None:
    """What the gate asks."""
    questions = asked(30)
    second = scored("second", questions, [2] * 30)
    clear = comparison.compare(questions, scored("first", questions, [1] * 25 + [3] * 5), second)
    assert clear.low > 0
    assert clear.p < 0.01
    heads = scored("heads", questions, [1, 3] * 15)
    coin = comparison.compare(questions, scored("tails", questions, [3, 1] * 15), heads)
    assert coin.p > 0.05
    assert clear.worse == tuple(f"q{n}" for n in range(25, 30))


def test_groups_are_resampled_and_not_their_questions() -> None:
    """Thirty questions of two groups are two, whatever they say."""
    one_group_each, two_groups = asked(30), asked(30, groups=2)
    gains = [
        comparison.compare(questions, scored("a", questions, [1] * 30), scored("b", questions, [1, 4] * 15))
        for questions in (one_group_each, two_groups)
    ]
    assert gains[0].low > 0
    assert gains[1].groups == 2
    assert gains[1].low == 0


def test_the_greatest_loss_comes_first() -> None:
    """Whoever looks into losses begins there."""
    questions = asked(3)
    before = scored("before", questions, [1, 1, 1])
    compared = comparison.compare(questions, scored("after", questions, [2, 9, 4]), before)
    assert compared.worse == ("q1", "q2", "q0")


def test_a_system_is_held_against_itself_on_common_questions() -> None:
    """Questions that are new say nothing of what changed."""
    old, new = asked(20), asked(25)
    before = Report(tuple(old), (scored("first stage", old, [1] * 20),), ())
    after = Report(tuple(new), (scored("first stage", new, [3] * 20 + [1] * 5),), ())
    (compared,) = comparison.since(before, after)
    assert compared.high < 0
    assert compared.groups == 20


def test_confidence_is_held_against_what_happened() -> None:
    """Of those that were sure, so many are right."""
    questions = asked(10)
    scores = scored("s", questions, [1] * 5 + [2] * 5)
    sure = {item.question_id: 0.9 if n < 5 else 0.1 for n, item in enumerate(questions)}
    bins = comparison.reliability(sure, scores)
    assert [(round(c, 6), share, count) for c, share, count in bins] == [(0.1, 0.0, 5), (0.9, 1.0, 5)]


def test_the_constant_list_is_the_floor_a_golden_file_sets(tmp_path: Path) -> None:
    """Five files answer most of the first system's questions, whatever is asked."""
    questions = [Asked(f"q{n}", "x", f"q{n}", (Expected(f"f{n % 6}.py"),)) for n in range(12)]
    found = systems.constant(questions, [f"f{n}.py" for n in range(6)])
    scores = comparison.score("constant", questions, found)
    assert scores.mean("hit@5") == pytest.approx(10 / 12)
    assert not tmp_path.joinpath("f0.py").exists()  # nothing is read


def test_a_reader_moves_questions_and_leaves_names_alone(tmp_path: Path) -> None:
    """A name alone is not reranked when it is served, so neither when it is judged."""
    files = {
        f"src/f{n}.py": f"def Thing{n}(door):\n    open(door)\n    return 'note {n}'\n" for n in range(8)
    }
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    edits.add(
        tmp_path / "golden.json",
        [
            golden_file.row_of("which one opens a door with note 7", ["src/f7.py"], id="question"),
            golden_file.row_of("Thing3", ["src/f3.py"], id="name"),
        ],
    )
    questions = systems.judged(golden_file.load(tmp_path / "golden.json"), opened.view(), {})
    found = systems.first_stage(questions, opened.view())
    said = systems.read(questions, found, KeywordScorer("note 5"), depth=8)
    rankings = systems.fused(found, said, dict.fromkeys(said, 1.0))
    assert rankings["question"].results[0].chunk.path == "src/f5.py"
    assert [r.chunk for r in rankings["name"].results] == [c.chunk for c in found["name"].candidates]


def test_ripgrep_ranks_files_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its absence is no failure; its counts are its ranking."""
    opened = repository(write(tmp_path / "r", {"a.py": "door\n", "b.py": "door\ndoor\n"}), tmp_path / "cache")
    question = Asked("q", "which door", "q", (Expected("b.py"),))
    tools = write(
        tmp_path / "tools", {"rg": "#!/bin/sh\nprintf './a.py\\0001\\n./b.py\\0002\\n./gone.py\\0009\\n'\n"}
    )
    (tools / "rg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert systems.ripgrep([question], opened.view()) is None
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    found = systems.ripgrep([question], opened.view())
    assert found is not None
    assert [result.chunk.path for result in found["q"].results] == ["b.py", "a.py"]
    assert [result.characters for result in found["q"].results] == [10, 5]
    wordless = systems.ripgrep([Asked("w", "???", "w", (Expected("b.py"),))], opened.view())
    assert wordless == {"w": Ranking(())}, "rg without a pattern would look for the folder's name"


def test_a_report_is_read_back_as_it_was_written() -> None:
    """A gate compares with a file of last month."""
    whole = full()
    assert tables.from_json(tables.as_json(whole), source="x") == whole


def test_a_report_names_any_file_and_can_be_written() -> None:
    """Half an evaluation would be lost to one old file name."""
    whole = full()
    odd = replace(whole.asked[0], targets=(Expected("caf\udce9.py"), Expected("t\u00fcr.py")))
    named = replace(whole, asked=(odd, *whole.asked[1:]))
    text = tables.as_json(named).encode("utf-8").decode("utf-8")
    assert tables.from_json(text, source="x") == named


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"asked": 1}', '{"asked": [{"x": 1}]}'])
def test_what_is_no_report_says_how_to_make_one(text: str) -> None:
    """The wrong file, again."""
    with pytest.raises(ArgumentError, match="goldrank eval --json FILE"):
        tables.from_json(text, source="baseline.json")


def test_markdown_keeps_its_columns_whatever_is_asked() -> None:
    """A question may hold a bar or a tag."""
    text = tables.as_markdown(full())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert "tuned against first stage: nDCG@10 +" in text
    assert "<script>" not in text


class Page(HTMLParser):
    """Collects what a page loads and whether it is well formed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and where it points."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]


def test_the_page_needs_no_network_and_runs_no_script() -> None:
    """It is opened from a disk, perhaps by somebody who was sent it."""
    text = html_report.as_html(full(), title="a & b")
    parsed = Page()
    parsed.feed(text)
    assert parsed.tags.count("svg") == 4
    assert "script" not in parsed.tags
    assert all(link.startswith(("#", "data:")) for link in parsed.links)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<title>a &amp; b</title>" in text
    scrolled = text.count('<div class="wide"><table') + text.count('<table class="facts"')
    assert text.count("<table") == scrolled == 3, "a table that is wider than a phone moves the whole page"
    assert text == html_report.as_html(full(), title="a & b")


def test_json_is_json_for_everybody() -> None:
    """NaN is Python's alone."""
    json.loads(tables.as_json(full()), parse_constant=pytest.fail)

"""Weights are fitted on arrays: they must rank as a search ranks, or the fit is of another ranking."""

from pathlib import Path

import pytest
from fakes import write
from history_tree import Tree

from benchmarks.fitting import objective
from benchmarks.fitting.evidence import WRONG, gather
from benchmarks.judges.asking import Places
from benchmarks.judges.question_sets import FORMS, Question, QuestionSet, Target, Wording
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank, weights_for
from retrieval.rank.weights import WEIGHTS
from retrieval.search.first_stage import features_of
from retrieval.training.order.measures import judge
from retrieval.training.order.scoring import order_of

FILES = {
    "src/session.py": (
        "class SessionStore:\n    def renew_session(self, token):\n        return self.sessions[token]\n"
    ),
    "src/render.py": "def render_page(template):\n    # a page of the session\n    return template.fill()\n",
    "tests/test_session.py": "def test_renew_session():\n    assert SessionStore().renew_session(1)\n",
    "src/pages.py": "\n\n\n".join(
        f"def page_{number}(session):\n" + "    session.page += 1\n" * 40 for number in range(6)
    ),
    "docs/guide.md": "# The session\n\nHow a session is renewed.\n",
    **{f"src/f{i}.py": f"def helper_{i}(session):\n    return session.page({i})\n" for i in range(9)},
}
ASKED = {
    "how is a session renewed": ("SessionStore", "renew"),
    "renew_session": (),
    "src/session.py": (),
    "what fills the template of a page": ("render_page", "session.py", "nowhere"),
}


@pytest.fixture
def questions() -> QuestionSet:
    """Ask in every form."""
    target = (Target("src/session.py", 2, 3),)
    return QuestionSet(
        "people",
        "files",
        tuple(
            Question(
                f"q{number}",
                "question",
                "r",
                "r",
                "",
                {"asked": Wording(text), "agent": Wording(text), "call": Wording(text, expect)},
                target,
            )
            for number, (text, expect) in enumerate(ASKED.items())
        ),
    )


@pytest.mark.parametrize("has_past", [False, True], ids=["no history", "history"])
def test_arrays_rank_as_a_search_does(tmp_path: Path, questions: QuestionSet, *, has_past: bool) -> None:
    """Chunk for chunk, for names, paths, questions and guesses, right ones and wrong ones."""
    tree = Tree(write(tmp_path / "r", FILES), tmp_path / "cache")
    if has_past:
        tree.git("init", "-q")
        tree.commit("Begin", {})
        for number in range(4):
            together = {
                path: f"{FILES[path]}# {number}\n" for path in ("src/session.py", "src/f7.py", "src/pages.py")
            }
            tree.commit(f"Session {number}", together)
    opened = tree.opened()
    assert bool(len(opened.view().past)) is has_past
    places = Places({"people": tmp_path}, tmp_path, tmp_path, tmp_path / "indexes")
    gathered = gather([questions], (*FORMS, WRONG), places)
    evidence = gathered.evidence
    order = order_of(evidence, WEIGHTS)
    assert {asked.form for asked in gathered.asked} == {*FORMS, WRONG}
    at, raised = 0, False
    for number, asked in enumerate(gathered.asked):
        count = int((evidence.question == number).sum())
        mine = order[at : at + count] - at
        at += count
        if asked.form == WRONG:
            continue
        wording = asked.question.wordings[asked.form]
        need = read_need(wording.query, wording.expect)
        features = features_of(opened.view(), need)
        theirs = rank(features, weights_for(need), limit=100)
        assert [features.pool.chunks[i] for i in mine] == [item.chunk for item in theirs]
        raised |= any("support" in item.parts and "together" in item.parts for item in theirs)
    assert raised is has_past


def test_the_objective_counts_files_and_lines(tmp_path: Path, questions: QuestionSet) -> None:
    """A fit climbs what is measured."""
    write(tmp_path / "r", FILES)
    places = Places({"people": tmp_path}, tmp_path, tmp_path, tmp_path / "indexes")
    gathered = gather([questions], ("asked",), places)
    judged = judge(gathered.evidence, WEIGHTS)
    assert judged.measures["hit1"][0] == 1
    assert judged.measures["line_hit8"][0] == 1
    assert 0 < objective.objective(gathered, judged.values) <= 1

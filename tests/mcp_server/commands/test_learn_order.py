"""Learning an order through the command: what a person is told, and what is left when it is refused."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import write
from history_tree import Tree
from order_factory import learned

from retrieval.rank import learned_order
from retrieval.training.release import orders
from retrieval.version_log import events

pytestmark = pytest.mark.slow(reason="mines and asks a history of 250 commits through the command")

COUNT = 110
WORDS = (
    "amber birch cedar delta ember flint grove hazel ivory jade kelp lotus maple north ocean pearl".split()
)


def words(number: int) -> str:
    """Give each question words of its own."""
    first, second = divmod(number, len(WORDS))
    return f"{WORDS[first]}{WORDS[second]}"


def text(number: int, value: str) -> str:
    """Write a file of two functions; the second, which the shipped order ranks low, answers."""
    word = words(number)
    return (
        f"def {word}_lantern(shelf):\n    # the {word} lantern of a shelf, which a {word} lantern lights\n"
        f"    return shelf.{word}\n\n\n"
        f"def other_{number}(shelf):\n    # a {word}\n    return {value}\n"
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a history of many questions whose answers the second chunk of a file holds."""
    folder = tmp_path_factory.mktemp("home")
    tree = Tree(folder / "shop", folder / "cache")
    tree.root.mkdir()
    tree.git("init", "-q", "-b", "main")
    files = {f"src/f{n}.py": text(n, "0") for n in range(COUNT)}
    tree.commit("Start the shop", files)
    for number in range(COUNT):
        tree.commit(
            f"Let every {words(number)} lantern hang on hook{words(number)}",
            {f"src/f{number}.py": text(number, "1")},
        )
    return tree


def goldrank(*arguments: str | Path, tree: Tree, code: int = 0) -> str:
    """Run the command; return what it printed, standard error behind standard output."""
    environment = {
        **os.environ,
        "GOLDRANK_CACHE": str(tree.cache),
        "GOLDRANK_MODELS": str(tree.root.parent / "models"),
        "GOLDRANK_MODEL": "",
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "mcp_server", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tree.root, env=environment
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_order_is_learned_without_a_golden_file_and_without_an_extra(shop: Tree) -> None:
    """Hardly anybody writes eighty questions first, or installs torch to try."""
    out = goldrank("learn", "--only", "order", "--force", tree=shop)
    assert f"history: {COUNT} commits looked at, {COUNT} questions" in out
    assert "the oldest 66 teach, the newest 44 judge; they cannot tell a gain below about 0.03" in out
    assert f"asking {COUNT} of them of the trees before their commits, for 8 min at most" in out
    again = goldrank("learn", "--only", "order", tree=shop)
    assert "asking" not in again.replace("asking the past", "")
    assert "nothing has changed:" in again


def test_a_promoted_order_is_listed_explained_and_undone(shop: Tree) -> None:
    """Each of these is where somebody looks who wonders why a ranking changed."""
    where = orders.store(shop.root.parent / "models", shop.root)
    while learned_order.current(where.folder):
        goldrank("rollback", "--order", tree=shop)
    out = goldrank("search", "where does a lantern hang", "--explain", tree=shop)
    assert "learned" not in out
    assert "learned" not in goldrank("status", tree=shop)
    name = orders.promote(where, learned(), commit="c0ffee", now=_now())
    out = goldrank("search", "where does a lantern hang", "--explain", tree=shop)
    assert "order learned from 146 commits" in out
    assert "146 commits of this repository taught the weights" in out
    assert f"{name}, learned from 146 commits" in goldrank("status", tree=shop)
    checked = goldrank("doctor", tree=shop)
    assert re.search(rf"ok\s+order\s+{name}, learned from 146 commits", checked)
    assert "serving: 0 promoted models, 1 learned order" in checked
    listed = goldrank("models", tree=shop)
    assert f"* {name}" in listed
    assert "decay 0.85 -> 1; on 98 later commits: quality +0.030 [+0.010, +0.050]" in listed
    refused = goldrank("rollback", tree=shop, code=2)
    assert "undo the order with: goldrank rollback --order" in refused
    out = goldrank("rollback", "--order", "--reason", "a try", tree=shop)
    assert f"rolled back from order {name} to " in out
    assert "(a try)" in goldrank("models", tree=shop)
    assert events(where.folder)[-1].reason == "a try"
    assert f"bring it back with: goldrank promote --order {name}" in out
    assert f"goldrank promote --order {name}" in goldrank("models", tree=shop)
    assert f"order {name} serves instead of " in goldrank("promote", "--order", tree=shop)
    assert f"* {name}" in goldrank("models", tree=shop)
    assert f"order {name} serves" in goldrank("promote", "--order", name, tree=shop, code=2)
    assert "no model of " in goldrank("promote", tree=shop, code=2)
    assert "x is neither a folder nor a version" in goldrank("promote", "x", tree=shop, code=2)
    goldrank("rollback", "--order", tree=shop)


def test_a_run_of_queries_is_ranked_by_the_order(shop: Tree) -> None:
    """An evaluation must judge what serves."""
    where = orders.store(shop.root.parent / "models", shop.root)
    queries = write(
        shop.root.parent,
        {"q.jsonl": json.dumps({"id": "1", "query": "where does f70 hang the amberlotus lantern"})},
    )

    def ran() -> str:
        options: list[str | Path] = [
            "--repo",
            ".",
            "--queries",
            queries / "q.jsonl",
            "--out",
            queries / "o.jsonl",
        ]
        goldrank("run", *options, tree=shop)
        return (queries / "o.jsonl").read_text(encoding="utf-8")

    before = ran()
    orders.promote(where, learned(body=0.0, title=0.0, path=0.0, past=3.0), commit="c0ffee", now=_now())
    assert ran() != before
    orders.rollback(where, now=_now())
    assert ran() == before


def test_a_history_that_proves_nothing_says_what_is_missing(tmp_path: Path) -> None:
    """A refusal after minutes of work, with no number, helps nobody."""
    tree = Tree(tmp_path / "small", tmp_path / "cache")
    write(tree.root, {"src/a.py": "X = 1\n"})
    assert "has no history to learn from: not a git repository" in goldrank("learn", tree=tree, code=2)
    tree.git("init", "-q", "-b", "main")
    assert "has no commit yet" in goldrank("learn", tree=tree, code=2)
    tree.commit("Start", {})
    tree.commit("Let the number be two at last", {"src/a.py": "X = 2\n"})
    out = goldrank("learn", tree=tree)
    assert "1 question cannot prove that another order is better: 100 are needed" in out
    assert "0 orders; the shipped order serves" in goldrank("models", tree=tree)
    refused = goldrank("learn", "--only", "model", "--from", "golden", tree=tree, code=2)
    assert "golden.json does not exist" in refused


def test_a_shallow_clone_says_what_it_lacks(shop: Tree, tmp_path: Path) -> None:
    """Builds clone one commit, and would watch nothing."""
    tree = Tree(tmp_path / "clone", tmp_path / "cache")
    shop.git("clone", "-q", "--depth", "4", shop.root.as_uri(), str(tree.root))
    out = goldrank("eval", "--past", tree=tree)
    assert "git fetch --unshallow" in out
    assert "3 questions from commits of clone" in out
    shop.git("clone", "-q", "--depth", "1", shop.root.as_uri(), str(tmp_path / "one"))
    out = goldrank("eval", "--past", tree=Tree(tmp_path / "one", tree.cache), code=2)
    assert "git fetch --unshallow" in out
    assert "ask no question" in out


def _now() -> datetime:
    return datetime.now(UTC)


def test_a_build_is_held_against_its_own_history(shop: Tree) -> None:
    """Hardly any repository has golden questions, and every one has a past that must not be found less."""
    where = orders.store(shop.root.parent / "models", shop.root)
    while learned_order.current(where.folder):
        orders.rollback(where, now=_now())
    baseline = shop.root.parent / "past.json"
    out = goldrank("eval", "--past", "60", "--json", baseline, tree=shop)
    assert "60 questions from commits of shop, order: shipped" in out
    assert "commits looked at, 60 questions" in out.partition("asking")[0]
    assert re.search(r"\| quality \| [01]\.\d{3} \| [01]\.\d{3} to [01]\.\d{3} \|", out)
    out = goldrank("eval", "--past", "--gate", baseline, tree=shop)
    assert "100 questions from commits of shop" in out
    assert "since the baseline, on 60 questions of both:" in out
    assert "quality: " in out
    assert "+0.000 [+0.000, +0.000]" in out
    blind = dict.fromkeys(("body", "names", "path", "title", "definition", "whole", "phrase", "past"), 0.0)
    orders.promote(where, learned(**blind), commit="c0ffee", now=_now())
    out = goldrank("eval", "--past", "60", "--gate", baseline, tree=shop, code=1)
    assert "significantly worse than the baseline: quality" in out
    assert "the learning of this order knew 60 of them: on those, it scores too well" in out
    orders.rollback(where, now=_now())


def test_what_commits_cannot_be_asked_is_refused_before_the_work(shop: Tree) -> None:
    """A flag that is silently ignored is believed."""
    golden = write(shop.root.parent, {"golden-report.json": '{"asked": [], "systems": []}'})
    report = golden / "golden-report.json"
    out = goldrank("eval", "--past", "--gate", report, tree=shop, code=2)
    assert "holds an evaluation of golden questions, not of commits" in out
    for option, value in (("--golden", report), ("--model", "m"), ("--html", "page.html")):
        out = goldrank("eval", "--past", "5", option, value, tree=shop, code=2)
        assert f"{option} has no meaning beside --past" in out
    out = goldrank("learn", "--since-last", "--from", "golden", tree=shop, code=2)
    assert "leave out one of --since-last and --from golden" in out
    out = goldrank("learn", "--since-last", "--guard", "../other=golden.json", tree=shop, code=2)
    assert "--guard is for a model that a golden file teaches" in out
    out = goldrank("learn", "--only", "order", "--json", "a.json", tree=shop, code=2)
    assert "--html shows what a learned order or model changes" in out
    out = goldrank("learn", "--html", "nowhere/page.html", tree=shop, code=2)
    assert "the folder nowhere does not exist" in out


def test_a_weekly_job_learns_when_enough_is_new(shop: Tree) -> None:
    """A learning that judges on what an earlier one saw promotes by and by what is chance."""
    page = shop.root.parent / "page.html"
    goldrank("learn", "--only", "order", tree=shop)
    begun = shop.git("rev-parse", "HEAD")
    for number in range(45):
        subject = f"Take the {words(number)} lantern down from {words(number)}peg <b>at dusk"
        shop.commit(subject, {f"src/f{number}.py": text(number, "2")})
        if number == 9:
            out = goldrank("learn", "--since-last", "--only", "order", "--html", page, tree=shop)
            assert "the last learning of the order, of 20" in out
            assert f"began at {begun[:10]}; only newer commits judge" in out
            assert "10 questions since then, in 10 commits: 40 are needed to judge by, about 3" in out
            assert f"nothing was learned from commits to show in {page}" in out
            assert not page.exists()
    out = goldrank("learn", "--since-last", "--only", "order", "--html", page, tree=shop)
    assert f"the oldest {COUNT} teach, the newest 45 judge" in out
    assert f"written: {page}" in out
    told = page.read_text(encoding="utf-8")
    assert "<h2>The order of results</h2>" in told
    assert "<b>" not in told
    assert "<script" not in told
    out = goldrank("learn", "--since-last", "--only", "order", tree=shop)
    assert "0 questions since then, in 0 commits: 40 are needed" in out
    shop.git("reset", "-q", "--hard", f"{begun}~1")
    out = goldrank("learn", "--since-last", "--only", "order", tree=shop)
    assert "which this history no longer holds: this learns as without --since-last" in out
    assert "refused, learned from" in goldrank("models", tree=shop)

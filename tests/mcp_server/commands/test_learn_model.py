"""Learning a model from commits through the command: what a person is told, and what serves afterwards."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_model
from fakes import write
from history_tree import Tree

from retrieval.rerank import model_versions

pytestmark = pytest.mark.slow(reason="asks a history through the command, and trains a small model on it")

COUNT = 24
THINGS = "door window key lock handle".split()


def text(number: int, value: str) -> str:
    """Write a file whose second function the commit changes."""
    thing = THINGS[number % len(THINGS)]
    return (
        f"def open_{thing}_{number}(shelf):\n    # opens a {thing} of shelf{number}\n    return shelf\n\n\n"
        f"def close_{thing}_{number}(shelf):\n    # closes a {thing} of shelf{number}\n    return {value}\n"
    )


def a_house(folder: Path) -> Tree:
    """Make a history of a few questions."""
    tree = Tree(folder / "house", folder / "cache")
    tree.root.mkdir()
    tree.git("init", "-q", "-b", "main")
    tree.commit("Start the house", {f"src/f{n}.py": text(n, "0") for n in range(COUNT)})
    ask(tree, COUNT, "1", "close on time")
    return tree


def ask(tree: Tree, count: int, value: str, wish: str) -> None:
    """Add commits that are questions."""
    for number in range(count):
        subject = f"Let every {THINGS[number % len(THINGS)]} of shelf{number} {wish}{number}"
        tree.commit(subject, {f"src/f{number % COUNT}.py": text(number % COUNT, f"{value} + {number}")})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a history once."""
    return a_house(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a base once."""
    return tiny_model.train(tmp_path_factory.mktemp("base"), batches=5)


def goldrank(*arguments: str | Path, tree: Tree, base: Path | None = None, code: int = 0) -> str:
    """Run the command; return what it printed, standard error behind standard output."""
    environment = {
        **os.environ,
        "GOLDRANK_CACHE": str(tree.cache),
        "GOLDRANK_MODELS": str(tree.root.parent / "models"),
        "GOLDRANK_MODEL": str(base or ""),
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "mcp_server", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tree.root, env=environment
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_few_commits_teach_no_model_and_say_what_is_missing(house: Tree, base: Path) -> None:
    """Minutes of training that can prove nothing are minutes lost."""
    out = goldrank("learn", "--only", "model", tree=house, base=base)
    assert f"history: {COUNT} commits looked at, {COUNT} questions" in out
    assert "lessons of 14 older commits and 10 later questions cannot prove" in out
    assert "40 later ones are needed. The model stays as it is." in out
    assert "0 versions; the base model serves" in goldrank("models", tree=house)


def test_a_model_that_commits_taught_is_promoted_listed_and_undone(house: Tree, base: Path) -> None:
    """The order and the model are learned by one command, and each is undone alone."""
    out = goldrank("learn", "--force", "--epochs", "1", tree=house, base=base)
    assert "the model learns from " in out
    assert "and 10 newer ones judge; that takes about " in out
    assert "promoted 0001-" in out
    listed = goldrank("models", tree=house, base=base)
    assert "* 0001-" in listed
    assert "commits, forced; on 10 later commits: quality " in listed
    where = model_versions.store(house.root.parent / "models", house.root)
    version = model_versions.read_version(where, str(model_versions.current(where)))
    model_versions.verify(version)
    assert version.facts.lessons == len(version.facts.learned_from) > 0
    assert version.decision["questions"] == 10
    card = (version.folder / "README.md").read_text(encoding="utf-8")
    assert "golden" not in card
    assert f"It learned from {version.facts.lessons} commits; 10 later ones judged" in card
    assert version.name in goldrank("search", "where is a window closed", tree=house, base=None)
    assert "to the base model" in goldrank("rollback", "--reason", "a try", tree=house)
    assert "(a try)" in goldrank("models", tree=house)


def test_what_the_embedded_model_learns_serves_as_a_graph(house: Tree) -> None:
    """Only then does it answer as fast as the one that it replaces, and without torch."""
    out = goldrank("learn", "--only", "model", "--force", "--epochs", "1", tree=house)
    assert "promoted 00" in out
    where = model_versions.store(house.root.parent / "models", house.root)
    version = model_versions.read_version(where, str(model_versions.current(where)))
    assert (version.folder / "graph.onnx").is_file()
    assert not (version.folder / "model.safetensors").exists()
    assert version.name in goldrank("search", "where is a window closed", tree=house)
    goldrank("rollback", tree=house)


def test_a_golden_file_judges_what_commits_teach(house: Tree, base: Path) -> None:
    """The file keeps its say when commits teach."""
    rows = [{"q": "what closes the key on the shelf", "expect_paths": ["src/f2.py"]}]
    write(house.root, {"golden.json": json.dumps(rows)})
    try:
        out = goldrank("learn", "--only", "model", "--from", "commits", "--force", tree=house, base=base)
        assert "golden file: 1 question" in out
        assert "golden file, file nDCG@10: " in out
    finally:
        (house.root / "golden.json").unlink()
    goldrank("rollback", tree=house)


def test_an_option_of_golden_questions_is_rejected_where_commits_teach(house: Tree, base: Path) -> None:
    """A guard that is silently left out would let a model through that harms the other repository."""
    out = goldrank("learn", "--guard", "../other=golden.json", tree=house, base=base, code=2)
    assert "--guard is for a model that a golden file teaches" in out
    assert "name --from golden" in out


def test_a_weekly_job_judges_order_and_model_each_on_what_it_has_not_seen(base: Path, tmp_path: Path) -> None:
    """A model that is judged again on what refused it passes by and by, by chance."""
    tree, page = a_house(tmp_path), tmp_path / "page.html"
    goldrank("learn", "--only", "model", "--force", "--html", page, tree=tree, base=base)
    told = page.read_text(encoding="utf-8")
    assert "<h2>The model</h2>" in told
    assert "How it was trained" in told
    assert "The order of results" not in told
    assert "<b>" not in told
    goldrank("rollback", tree=tree)
    begun = tree.git("rev-parse", "HEAD")
    page.unlink()
    out = goldrank("learn", "--since-last", "--html", page, tree=tree, base=base)
    assert "no order was learned here before: this learns as without --since-last" in out
    assert re.search(rf"the last learning of the model, of [\d-]+, began at {begun[:10]}; only newer", out)
    assert "0 questions since then, in 0 commits: 40 are needed" in out
    assert "The order stays as it is." in out
    assert "The model stays as it is." in out
    assert f"nothing was learned from commits to show in {page}" in out
    goldrank("learn", "--only", "order", "--force", tree=tree)
    ask(tree, 41, "2", "<b>open at dusk")
    out = goldrank("learn", "--since-last", "--keep", "0", "--html", page, tree=tree, base=base)
    assert out.count("only newer commits judge") == 1, "both began at one commit"
    assert f"the oldest {COUNT} teach, the newest 41 judge" in out
    assert f"of {COUNT} older commits, and 41 newer ones judge" in out
    assert "the model is not promoted; nothing has changed:" in out
    told = page.read_text(encoding="utf-8")
    assert told.index("<h2>The order of results</h2>") < told.index("<h2>The model</h2>")
    listed = goldrank("models", tree=tree, base=base).partition("orders")[0]
    assert re.search(r"refused, learned from \d+ commits: on 41 later commits: quality \+0\.000", listed)
    again = goldrank("learn", "--since-last", tree=tree, base=base)
    assert again.count("0 questions since then, in 0 commits: 40 are needed") == 1
    assert "The order stays as it is.\nThe model stays as it is, too." in again
    out = goldrank("learn", "--since-last", "--only", "model", tree=tree, base=base)
    assert "0 questions since then, in 0 commits: 40 are needed" in out

"""Learning a model from commits through the command: what a person is told, and what serves afterwards."""

import json
import os
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


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a history of a few questions."""
    folder = tmp_path_factory.mktemp("home")
    tree = Tree(folder / "house", folder / "cache")
    tree.root.mkdir()
    tree.git("init", "-q", "-b", "main")
    tree.commit("Start the house", {f"src/f{n}.py": text(n, "0") for n in range(COUNT)})
    for number in range(COUNT):
        subject = f"Let every {THINGS[number % len(THINGS)]} of shelf{number} close on time{number}"
        tree.commit(subject, {f"src/f{number}.py": text(number, "1")})
    return tree


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

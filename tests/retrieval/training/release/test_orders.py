"""An order that serves must be one that was judged, whatever is killed or damaged."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from order_factory import learned

from retrieval import version_log
from retrieval.errors import ArgumentError, ModelError
from retrieval.rank import learned_order
from retrieval.rank.learned_order import SHIPPED
from retrieval.rank.need import read_need
from retrieval.rank.weights import QUESTION, WEIGHTS
from retrieval.training.release import orders
from retrieval.training.release.orders import OrderStore, promote, rollback
from retrieval.training.release.succession import bring_back

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
KILLS = 20
PROMOTERS = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from order_factory import learned
from retrieval.training.release import orders
where = orders.store(Path(sys.argv[1]), Path(sys.argv[2]))
for _ in sys.stdin:
    child = os.fork()
    decay = 0
    while child == 0:
        decay += 1
        orders.promote(where, learned(decay=1 / decay), commit="c0ffee", now=datetime.now(UTC))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@pytest.fixture
def where(tmp_path: Path) -> OrderStore:
    """Name the store of a root's orders."""
    return orders.store(tmp_path / "models", tmp_path / "root")


def promoted(where: OrderStore, decay: float = 1.0) -> str:
    """Promote an order with a decay."""
    return promote(where, learned(decay=decay), commit="c0ffee", now=NOW)


def serving(where: OrderStore) -> learned_order.Order:
    """Ask which order serves the root, as a search does."""
    return learned_order.serving(where.folder.parents[1], where.root)


def test_a_record_keeps_every_weight() -> None:
    """What is not learned serves as it was judged, too."""
    assert learned_order.from_record(learned_order.to_record(QUESTION)) == QUESTION


def test_a_promoted_order_ranks_questions_and_nothing_else(where: OrderStore) -> None:
    """Commits say nothing of how names and paths are searched."""
    assert serving(where) is SHIPPED
    name = promoted(where)
    order = serving(where)
    assert (order.name, order.lessons, order.note) == (name, 146, "")
    assert order.weights["question"].decay == 1
    assert {kind for kind in WEIGHTS if order.weights[kind] != WEIGHTS[kind]} == {"question"}
    assert order.lessons_for(read_need("how are prices rounded")) == 146
    assert order.lessons_for(read_need("round_price")) == 0


def test_what_was_judged_is_recorded_and_read_only(where: OrderStore) -> None:
    """A surprising ranking must be traceable to what taught it."""
    name = promoted(where)
    version = learned_order.read(where.folder, name)
    assert (version.commit, version.lessons, version.created) == ("c0ffee", 146, NOW.isoformat())
    assert version.moved == {"decay": (0.85, 1.0)}
    assert version.decision["gains"][0]["low"] == 0.01
    assert not version.decision["forced"]
    file = where.folder / "versions" / f"{name}.json"
    assert file.stat().st_mode & 0o222 == 0
    assert str(where.root) not in file.read_text(encoding="utf-8"), "the record may be shown to others"


def test_a_rollback_goes_back_one_order_at_a_time_down_to_the_shipped_one(where: OrderStore) -> None:
    """Two rollbacks in a row must not swing between two orders."""
    names = [promoted(where, decay) for decay in (1.0, 0.9, 0.8)]
    assert [rollback(where, now=NOW).after for _ in names] == [names[1], names[0], None]
    assert serving(where) is SHIPPED
    with pytest.raises(ModelError, match="there is nothing to go back from"):
        rollback(where, now=NOW)
    assert promoted(where).startswith("0004-")
    assert [event.action for event in version_log.events(where.folder)] == ["promote"] * 3 + [
        "rollback"
    ] * 3 + ["promote"]


def test_a_refused_order_is_promoted_by_force_only(where: OrderStore) -> None:
    """Who looks at the order later must see that the gate was against it."""
    refused = learned(False)
    with pytest.raises(ArgumentError, match=r"not promoted: It may be chance\. --force promotes"):
        promote(where, refused, commit="c0ffee", now=NOW)
    assert serving(where) is SHIPPED
    name = promote(where, refused, commit="c0ffee", now=NOW, force="yes")
    assert learned_order.read(where.folder, name).decision["forced"]
    with pytest.raises(ArgumentError, match="not promoted"):
        promote(where, replace(refused, moved={}), commit="c0ffee", now=NOW, force="yes")


def rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[OrderStore, str], None]:
    """Change a version and give it the name of its new content, as somebody who knows the format would."""

    def rewrite(where: OrderStore, name: str) -> None:
        home = where.folder / "versions"
        record = json.loads((home / f"{name}.json").read_text(encoding="utf-8"))
        del record["name"]
        change(record)
        fresh = f"0009-{version_log.fingerprint(record)}"
        (home / f"{fresh}.json").write_text(json.dumps({"name": fresh, **record}), encoding="utf-8")
        (where.folder / "current").write_text(f"{fresh}\n", encoding="utf-8")

    return rewrite


def torn(where: OrderStore, name: str) -> None:
    """Cut a version short, as a full disk does."""
    file = where.folder / "versions" / f"{name}.json"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:200])


def edited(where: OrderStore, name: str) -> None:
    """Change one weight by hand."""
    file = where.folder / "versions" / f"{name}.json"
    file.chmod(0o644)
    file.write_text(
        file.read_text(encoding="utf-8").replace('"decay": 1.0', '"decay": 0.5'), encoding="utf-8"
    )


def gone(where: OrderStore, name: str) -> None:
    """Delete a version."""
    (where.folder / "versions" / f"{name}.json").unlink()


def nonsense(where: OrderStore, _name: str) -> None:
    """Let the pointer name anything."""
    (where.folder / "current").write_text("../../etc\n", encoding="utf-8")


def folder(where: OrderStore, _name: str) -> None:
    """Replace the pointer by a folder."""
    (where.folder / "current").unlink()
    (where.folder / "current").mkdir()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (torn, "is broken: it is not a record of an order"),
        (edited, "is broken: it was changed after it was written"),
        (gone, "is broken: it cannot be read"),
        (nonsense, "names no order"),
        (folder, "cannot be read: Is a directory"),
        (rewritten(lambda row: row.update(format=99)), "is an order of another release"),
        (rewritten(lambda row: row.update(store="other-0123456789abcdef")), "from another repository"),
        (rewritten(lambda row: row["weights"].update(decay=-1)), "is not a record of an order"),
        (rewritten(lambda row: row["weights"].update(decay=1e9)), "is not a record of an order"),
        (rewritten(lambda row: row["weights"]["features"].update(body=None)), "is not a record of an order"),
        (rewritten(lambda row: row["weights"]["features"].update(fresh=1)), "is not a record of an order"),
        (rewritten(lambda row: row["weights"]["kinds"].pop("test")), "is not a record of an order"),
        (rewritten(lambda row: row.update(weights=[])), "is not a record of an order"),
    ],
)
def test_a_damaged_or_foreign_order_leaves_the_shipped_one_serving_and_says_why(
    where: OrderStore, harm: Callable[[OrderStore, str], None], said: str
) -> None:
    """A file that somebody edited must cost a note, not an answer."""
    harm(where, promoted(where))
    os.utime(where.folder / "current", ns=(1, 1))  # as if it had been written at another time
    order = serving(where)
    assert order.weights == WEIGHTS
    assert order.note.startswith("the learned order is not used: ")
    assert said in order.note
    assert order.note_for(read_need("how are prices rounded")) == order.note
    assert order.note_for(read_need("round_price")) == ""
    if harm is not folder:  # only its owner may remove a folder
        assert rollback(where, now=NOW).after is None
        assert serving(where) is SHIPPED


def test_a_rollback_passes_over_an_order_that_is_broken(where: OrderStore) -> None:
    """Whoever rolls back has bad answers already."""
    first, second, _ = (promoted(where, decay) for decay in (1.0, 0.9, 0.8))
    torn(where, second)
    event = rollback(where, now=NOW)
    assert event.after == first
    assert f"Passed over: {second} is broken" in event.reason


def test_an_order_that_was_rolled_back_is_brought_back(where: OrderStore) -> None:
    """A rollback to compare two orders must not cost the better one."""
    first, second, third = (promoted(where, decay) for decay in (1.0, 0.9, 0.8))
    rollback(where, now=NOW)
    rollback(where, now=NOW)
    shelf = orders.shelf(where)
    assert [bring_back(shelf, now=NOW).after for _ in range(2)] == [second, third]
    assert serving(where).name == third
    with pytest.raises(ArgumentError, match=r"no order of .* was rolled back; `goldrank models` lists"):
        bring_back(orders.shelf(orders.store(where.folder.parents[1], where.root / "other")), now=NOW)
    assert bring_back(shelf, "1", now=NOW).after == first
    with pytest.raises(ArgumentError, match=f"order {first} serves .* already"):
        bring_back(shelf, first, now=NOW)
    with pytest.raises(ArgumentError, match=f"'0009' names no order of .*; stored are {first}, {second}"):
        bring_back(shelf, "0009", now=NOW)


def test_a_rollback_undoes_what_was_brought_back_and_ends(where: OrderStore) -> None:
    """Rollbacks go down step by step, also where versions took turns, and never in circles."""
    first, second = promoted(where, 1.0), promoted(where, 0.9)
    bring_back(orders.shelf(where), first, now=NOW)
    bring_back(orders.shelf(where), second, now=NOW)
    assert [rollback(where, now=NOW).after for _ in range(4)] == [first, second, first, None]


def test_a_broken_order_is_not_brought_back(where: OrderStore) -> None:
    """What cannot serve must not be made to."""
    first, second = promoted(where, 1.0), promoted(where, 0.9)
    rollback(where, now=NOW)
    rollback(where, now=NOW)
    torn(where, first)
    with pytest.raises(ModelError, match=f"{first} is broken"):
        bring_back(orders.shelf(where), first, now=NOW)
    event = bring_back(orders.shelf(where), now=NOW)
    assert event.after == second
    assert f"Passed over: {first} is broken" in event.reason
    torn(where, second)
    rollback(where, now=NOW)
    with pytest.raises(ModelError, match="no order can be brought back"):
        bring_back(orders.shelf(where), now=NOW)
    assert serving(where) is SHIPPED


@pytest.mark.slow(reason="promotes in processes that are killed at random moments")
def test_a_promotion_killed_at_any_moment_leaves_a_whole_order_serving(
    where: OrderStore, tmp_path: Path
) -> None:
    """Laptops are closed and processes killed in the middle of everything."""
    helpers = Path(__file__).parents[3] / "support"
    rng = random.Random(20261128)
    seen: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-c", PROMOTERS, tmp_path / "models", tmp_path / "root"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{helpers}:{helpers / 'learning'}:{helpers.parents[1]}"},
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(KILLS):
            print("promote", file=process.stdin, flush=True)
            child = int(process.stdout.readline())
            end = time.monotonic() + rng.uniform(0, 0.1)
            while time.monotonic() < end:
                order = serving(where)
                assert not order.note
                seen.add(order.name)
            os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == "ended\n"
            order = serving(where)
            assert not order.note
            seen.add(order.name)
        process.stdin.close()
    assert len(seen - {""}) > 1
    last = promoted(where)
    assert serving(where).name == last
    assert [path.name for path in (where.folder / "versions").iterdir() if path.name.startswith(".")] == []
    assert {event.after for event in version_log.events(where.folder)} >= seen - {""}

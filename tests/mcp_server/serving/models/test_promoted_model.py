"""Promoted models behind the real server: which one answers, and how one takes over from another."""

import importlib.util
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from fakes import write
from mcp import Client
from promoted_server import (
    FILES,
    PATIENCE_S,
    QUERY,
    ask,
    ask_for_ever,
    break_weights,
    deadline,
    flat,
    note,
    server_of,
    serving,
    until,
    until_said,
)
from version_factory import FACTS, promoted

from mcp_server.commands.check_installation import examine
from mcp_server.commands.check_repository import Diagnosis
from mcp_server.protocol.tools import build_server
from mcp_server.serving.model_choice import ModelChoice
from mcp_server.serving.workspace import Workspace
from retrieval import version_log
from retrieval.rerank import model_versions
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_versions import ModelStore, Version
from retrieval.search.searcher import Request
from retrieval.search.second_stage import ALL_BUT_NAMES, QUESTIONS, SecondStage
from retrieval.settings import Settings, load_settings
from retrieval.training.release.versions import rollback

pytestmark = pytest.mark.slow(reason="servers under load while models are promoted and rolled back")

BASE = "bm25 + goldrank-crossencoder on"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
WHOLE = replace(FACTS, weight=1.0)  # the model alone decides, so the first result tells which one it was


# Through the real server.


@pytest.mark.anyio
async def test_promotion_and_rollback_under_load_change_the_answers_and_fail_none(
    root: Path, where: ModelStore, likes_c: Path, likes_d: Path
) -> None:
    """Nobody restarts a server to get the model that was promoted a minute ago."""
    first = promoted(where, likes_c, facts=WHOLE)
    replies: list[str] = []
    async with (
        Client(server_of(root, where.folder.parents[1])) as client,
        anyio.create_task_group() as askers,
    ):
        await ask(client, replies)
        assert f"bm25 + {first.name} on 4 candidates, weight 1 " in replies[-1]
        for _ in range(3):
            askers.start_soon(ask_for_ever, client, replies)
        second = await anyio.to_thread.run_sync(lambda: promoted(where, likes_d, facts=WHOLE))
        await until_said(replies, f"bm25 + {second.name} on")
        await anyio.to_thread.run_sync(lambda: rollback(where, now=NOW))
        await until_said(replies, f"bm25 + {first.name} on")
        await anyio.to_thread.run_sync(lambda: rollback(where, now=NOW))
        await until_said(replies, BASE)
        askers.cancel_scope.cancel()
    best = {first.name: "1. c.py:1-3", second.name: "1. d.py:1-2"}
    for reply in replies:
        named = [name for name in best if name in reply]
        assert [best[name] in reply for name in named] == [True] * len(named)
        assert named or BASE in reply


@pytest.mark.anyio
async def test_both_tools_say_that_a_broken_promoted_model_is_not_used(
    root: Path, where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage
) -> None:
    """At the start there is no older model than the base."""
    version = promoted(where, likes_c)
    break_weights(version)
    said = f"the promoted model is not used: {version.name} is broken: model.safetensors changed after"
    async with Client(build_server(Workspace((root,), settings, second=base), version="0")) as client:
        found = str((await client.call_tool("rag_search", {"query": QUERY})).content)
        ranked = str((await client.call_tool("rag_rerank", {"query": QUERY, "candidates": [*FILES]})).content)
        named = str((await client.call_tool("rag_search", {"query": "open_door"})).content)
    for reply in (found, ranked):
        assert f"bm25 + base on 4 candidates, weight 0.9 ({said}" in reply
        assert "`goldrank rollback` returns" in reply
        assert "1. b.py" in reply
    assert "not used" not in named


# Who answers.


def test_a_version_answers_with_its_own_weight_and_depth(
    root: Path, where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage
) -> None:
    """It was judged with these."""
    version = promoted(where, likes_c, facts=replace(FACTS, weight=0.35, depth=7))
    with ModelChoice(settings, base=base, wait_s=None).acquire(root) as second:
        assert second is not None
        assert (second.name, second.weight, second.depth) == (version.name, 0.35, 7)
        assert (second.rerank_tool_weight, second.note) == (settings.rerank_tool_weight, "")


def test_what_commits_taught_is_asked_what_commits_judged(
    root: Path, where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage
) -> None:
    """Commits ask plain questions where the first stage is not sure; of pasted text nothing is known."""
    promoted(where, likes_c, facts=replace(FACTS, lessons=120))
    with ModelChoice(settings, base=base, wait_s=None).acquire(root) as second:
        assert second is not None
        assert (second.kinds, second.is_spared) == (QUESTIONS, True)
    promoted(where, likes_c, facts=FACTS)
    with ModelChoice(settings, base=base, wait_s=None).acquire(root) as second:
        assert second is not None
        assert (second.kinds, second.is_spared) == (ALL_BUT_NAMES, False)


def test_what_the_user_named_wins_over_what_was_promoted(
    tmp_path: Path, root: Path, where: ModelStore, likes_c: Path, base: SecondStage
) -> None:
    """Who names a model or a weight wants to see that one."""
    promoted(where, likes_c)

    def chosen(**flags: object) -> SecondStage:
        named = load_settings(
            {"models": tmp_path / "models", **flags}, environment={}, file=tmp_path / "none.toml"
        )
        with ModelChoice(named, base=base, wait_s=None).acquire(root) as second:
            assert second is not None
            return second

    assert chosen(model=Settings().model) is base
    assert chosen(rerank_weight=0.6, rerank_depth=3).weight == 0.6
    assert chosen(rerank_weight=0.6, rerank_depth=3).depth == 3


def test_another_root_is_answered_by_the_base(
    tmp_path: Path, where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage
) -> None:
    """A model that learned one repository says nothing good of another."""
    promoted(where, likes_c)
    assert serving(ModelChoice(settings, base=base, wait_s=None), tmp_path / "other") == "base"


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (Request(QUERY, 5, rerank="no"), "models"),
        (Request("open_door", 5), "models"),
        (Request(QUERY, 5), "rerank_weight"),
    ],
)
def test_a_search_that_asks_no_model_loads_none(
    where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage, request_: Request, named: str
) -> None:
    """Loading takes seconds and a processor."""
    promoted(where, likes_c)
    before = set(threading.enumerate())
    weight = 0.0 if named == "rerank_weight" else 0.5
    asked = replace(settings, rerank_weight=weight, explicit=frozenset({named}))
    with ModelChoice(asked, base=base, wait_s=None).acquire(where.root, request=request_) as second:
        assert second is base
    assert set(threading.enumerate()) == before


# Who takes over.


def test_a_request_in_flight_ends_with_the_model_it_began_with_whose_thread_ends_then(
    where: ModelStore, likes_c: Path, likes_d: Path, models: ModelChoice
) -> None:
    """Two models at once are memory; a model pulled away is a lost answer."""
    before = set(threading.enumerate())
    first = promoted(where, likes_c)
    with models.acquire(where.root) as held:
        assert held is not None
        (thread,) = (one for one in {*threading.enumerate()} - before if one.name == "cross-encoder")
        second = promoted(where, likes_d)
        until(lambda: serving(models, where.root) == second.name)
        read = held.reader.read(QUERY, [*FILES.values()], deadline_s=PATIENCE_S, is_cancelled=lambda: False)
        assert (held.name, max(range(4), key=lambda i: read.logits[i] or 0)) == (first.name, 2)
        assert thread.is_alive()
    until(lambda: not thread.is_alive())


def test_a_rollback_to_the_base_takes_hold_at_once(
    where: ModelStore, likes_c: Path, models: ModelChoice
) -> None:
    """Who rolls back has seen bad answers and wants no more of them."""
    promoted(where, likes_c)
    assert serving(models, where.root) != "base"
    rollback(where, now=NOW)
    assert serving(models, where.root) == "base"


def test_many_changes_under_many_requests_leave_one_thread_a_model_that_answers(
    where: ModelStore, likes_c: Path, likes_d: Path, models: ModelChoice
) -> None:
    """A server runs for weeks; a thread that stays behind each time holds 90 MB."""
    before = set(threading.enumerate())
    is_over = threading.Event()

    def ask(_: int) -> int:
        asked = 0
        while not is_over.is_set():
            with models.acquire(where.root) as second:
                assert second is not None
                passages = [*FILES.values()]
                read = second.reader.read(QUERY, passages, deadline_s=PATIENCE_S, is_cancelled=lambda: False)
                assert None not in read.logits
            asked += 1
        return asked

    def answers(version: Version) -> Callable[[], bool]:
        return lambda: serving(models, where.root) == version.name

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        try:
            for model in (likes_c, likes_d, likes_c, likes_d):
                until(answers(version := promoted(where, model)))
                promoted(where, model)  # and another change before that can have been loaded
                rollback(where, now=NOW)
                until(answers(version))
            while model_versions.current(where) is not None:
                rollback(where, now=NOW)
            assert serving(models, where.root) == "base"
        finally:
            is_over.set()
        assert min(future.result() for future in asking) > 0
    until(lambda: len(set(threading.enumerate()) - before) <= 1)  # the base's


def test_a_version_that_is_named_again_while_it_is_on_trial_keeps_serving(
    where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage
) -> None:
    """Who rolls back and changes their mind within a second must not get a model that is being stopped."""
    version = promoted(where, likes_c)
    models = ModelChoice(settings, base=base, wait_s=0.0)
    with models.acquire(where.root):
        pass  # its trial begins
    rollback(where, now=NOW)
    assert serving(models, where.root) == "base"
    (where.folder / version_log.CURRENT).write_text(f"{version.name}\n", encoding="utf-8")
    until(lambda: serving(models, where.root) == version.name)
    for _ in range(20):
        with models.acquire(where.root) as second:
            assert second is not None
            read = second.reader.read(
                QUERY, [*FILES.values()], deadline_s=PATIENCE_S, is_cancelled=lambda: False
            )
            assert None not in read.logits


def test_a_broken_version_is_refused_once_and_the_old_one_stays(
    where: ModelStore, likes_c: Path, likes_d: Path, models: ModelChoice, caplog: pytest.LogCaptureFixture
) -> None:
    """A torn file must cost nobody the model that works, and the log must not fill with it."""
    first = promoted(where, likes_c)
    assert serving(models, where.root) == first.name
    break_weights(second := promoted(where, likes_d))
    until(lambda: note(models, where.root) != "")
    for _ in range(3):
        assert serving(models, where.root) == first.name
        assert note(models, where.root).startswith(
            f"the promoted model is not used: {second.name} is broken: model.safetensors changed after"
        )
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == ["WARNING"]
    rollback(where, now=NOW)
    assert (serving(models, where.root), note(models, where.root)) == (first.name, "")


@pytest.mark.parametrize("fault", ["pair text", "probe", "record", "pointer", "no file"])
def test_each_fault_of_a_version_keeps_it_from_answering(
    tmp_path: Path, where: ModelStore, likes_c: Path, models: ModelChoice, fault: str
) -> None:
    """A model that loads is not yet a model that ranks."""
    foreign = replace(FACTS, pair_text_version=PAIR_TEXT_VERSION + 1)
    made = flat(likes_c, tmp_path / "flat") if fault == "probe" else likes_c
    version = promoted(where, made, facts=foreign if fault == "pair text" else FACTS)
    if fault == "record":
        (version.folder / model_versions.FACTS_FILE).chmod(0o644)
        (version.folder / model_versions.FACTS_FILE).write_text("{}", encoding="utf-8")
    if fault == "pointer":
        (where.folder / version_log.CURRENT).write_text("nonsense\n", encoding="utf-8")
    if fault == "no file":
        (where.folder / version_log.CURRENT).unlink()
        (where.folder / version_log.CURRENT).mkdir()
    said = {
        "pair text": f"{version.name} was trained with pair text {PAIR_TEXT_VERSION + 1}",
        "probe": f"{version.name} fails its probe: it returns 0.000 for every pair",
        "record": f"{version.name} is broken: goldrank.json is not a record of a version",
        "pointer": "'nonsense' names no version of",
        "no file": f"{where.folder / version_log.CURRENT} cannot be read: Is a directory; "
        "correct or remove it",
    }
    assert serving(models, where.root) == "base"
    assert note(models, where.root).startswith(f"the promoted model is not used: {said[fault]}")


def test_one_who_cannot_wait_is_told_that_the_model_is_loading(
    root: Path, where: ModelStore, likes_c: Path, settings: Settings, base: SecondStage
) -> None:
    """A client gives up after some seconds; the first stage's order is better than nothing."""
    version = promoted(where, likes_c)
    models = ModelChoice(settings, base=base, wait_s=0.0)
    with models.acquire(root) as second:
        assert second is not None
        assert (second.name, second.deadline_s) == (version.name, 0.0)
    until(lambda: deadline(models, root) == PATIENCE_S)


# The doctor.


def test_the_doctor_checks_every_promoted_model_and_names_the_way_back(
    tmp_path: Path, root: Path, where: ModelStore, likes_c: Path, settings: Settings
) -> None:
    """A version that is not used any more is seen in replies only, and those are read by agents."""

    def finding() -> Diagnosis:
        return next(found for found in examine(settings) if found.subject == "promoted models")

    assert finding().detail == f"{tmp_path / 'models'}, serving: 0 promoted models, 0 learned orders"
    version = promoted(where, likes_c)
    promoted(model_versions.store(tmp_path / "models", tmp_path / "other"), likes_c)
    assert (finding().verdict, finding().remedy) == ("ok", "")
    assert finding().detail.endswith("serving: 2 promoted models, 0 learned orders")
    break_weights(version)
    assert finding().verdict == "warning"
    assert f"{root}: {version.name} is broken: model.safetensors" in finding().detail
    assert finding().remedy == f"goldrank rollback --repo {root}"


def test_the_doctor_asks_for_torch_only_where_a_version_needs_it(
    where: ModelStore, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What commits taught the embedded model serves as a graph, as the embedded model does."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))

    def said() -> Diagnosis:
        return next(item for item in examine(settings) if item.subject == "promoted models")

    promoted(
        where, write(tmp_path / "graph", {"config.json": "{}", "manifest.json": "{}", "graph.onnx": "x"})
    )
    assert said().verdict == "ok"
    promoted(where, write(tmp_path / "folder", {"config.json": "{}", "model.safetensors": "x"}))
    assert said().verdict == "warning"
    assert "without goldrank[hub] the base model serves" in said().detail

"""Fixtures of tests with promoted models: a root, its versions, and models that like one word."""

from pathlib import Path

import pytest
from fakes import KeywordScorer, write
from promoted_server import (
    FILES,
    PATIENCE_S,
)
from tiny_model import train

from mcp_server.serving.model_choice import ModelChoice
from retrieval.rerank import model_versions
from retrieval.rerank.model_thread import ModelThread
from retrieval.rerank.model_versions import ModelStore
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings

OTHER_KEYWORD = "lock"


@pytest.fixture(scope="module")
def likes_c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model that puts c.py first."""
    return train(tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="module")
def likes_d(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model that puts d.py first."""
    return train(tmp_path_factory.mktemp("d"), keyword=OTHER_KEYWORD)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make the repository that is served."""
    return write(tmp_path / "house", FILES)


@pytest.fixture
def where(tmp_path: Path, root: Path) -> ModelStore:
    """Name the store of its models."""
    return model_versions.store(tmp_path / "models", root)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Set nothing but folders and patience."""
    return Settings(
        index_wait_s=60,
        cache=tmp_path / "cache",
        models=tmp_path / "models",
        rerank_deadline_s=PATIENCE_S,
        rerank_weight=0.5,
    )


@pytest.fixture
def base() -> SecondStage:
    """Stand in for the base model: it puts b.py first."""
    return SecondStage(ModelThread(lambda: KeywordScorer("window")), "base", 0.9, 0.9, 10, PATIENCE_S)


@pytest.fixture
def models(settings: Settings, base: SecondStage) -> ModelChoice:
    """Set up what answers, with the patience of a person."""
    return ModelChoice(settings, base=base, wait_s=None)

# `make demo` and `make test` are all a fresh machine needs; both may be run again at any time.
PYTHON ?= python3.11
# PyPI's default torch for Linux brings the CUDA libraries (gigabytes); any torch >= 2.13 works.
TORCH ?= torch==2.13.0
BIN = .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The suite waits for other processes most of the time, so that more workers than cores pay.
WORKERS ?= auto

.PHONY: demo test test-fast light lint format rankings snapshots pictures man site manifests clean help

help:  ## say what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'

demo: .venv/run.stamp  ## set up .venv, index this repository, ask the real server the questions of golden.json
	$(BIN)/python -m tools.demo

test: .venv/test.stamp  ## set up what tests need and run the whole suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

test-fast: .venv/test.stamp  ## what most changes need: all but the tests marked slow
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow"

light: .venv/test.stamp  ## install the wheel alone in an empty environment, ask both tools there, measure its size
	$(BIN)/python -m tools.light_install

lint: .venv/lint.stamp  ## formatting, lint, types, who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/lint.stamp  ## write the formatting that `make lint` checks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

rankings: .venv/run.stamp  ## rewrite the committed ranks of golden.json in tests/rankings/
	$(BIN)/python -m tools.rankings

snapshots: .venv/test.stamp  ## rewrite the committed listing and replies in tests/mcp_server/messages/snapshots/
	RENEW_SNAPSHOTS=1 $(BIN)/python -m pytest tests/mcp_server/messages/test_replies.py

pictures: .venv/docs.stamp  ## draw what README and docs show, from real runs
	$(BIN)/python -m tools.picture
	$(BIN)/python -m tools.ranking_picture

man: .venv/run.stamp  ## write the man page from what --help says
	$(BIN)/python -m tools.man_page

site: .venv/docs.stamp  ## make the documentation site; a link that leads nowhere fails
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs site
	@echo "open site/index.html"

manifests:  ## write the version of pyproject.toml into the manifests of registries and bundles
	$(PYTHON) -m tools.manifests

clean:  ## remove the environment and what tools left
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/run.stamp: pyproject.toml
	@echo "setting up .venv with every extra (about 1.6 GB, most of it torch; minutes on a slow line)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) "$(TORCH)"
	$(PIP) --editable ".[all]"
	@touch $@

.venv/test.stamp: .venv/run.stamp
	$(PIP) --group test
	@touch $@

.venv/docs.stamp: .venv/run.stamp
	$(PIP) --group docs
	@touch $@

.venv/lint.stamp: .venv/test.stamp
	$(PIP) --group lint
	@touch $@

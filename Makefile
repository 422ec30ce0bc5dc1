# `make demo` and `make test` are all a fresh machine needs; both may be run again at any time.
PYTHON ?= python3.11
# PyPI's default torch for Linux brings the CUDA libraries (gigabytes); any torch >= 2.13 works.
TORCH ?= torch==2.13.0
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint format rankings snapshots clean help

help:  ## say what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'

demo: .venv/run.stamp  ## set up .venv, index this repository, ask the real server the questions of golden.json
	.venv/bin/python -m tools.demo

test: .venv/test.stamp  ## set up what tests need and run the whole suite
	.venv/bin/python -m pytest

lint: .venv/lint.stamp  ## formatting, lint, types, who may import whom
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .venv/lint.stamp  ## write the formatting that `make lint` checks
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

rankings: .venv/run.stamp  ## rewrite the committed ranks of golden.json in tests/rankings/
	.venv/bin/python -m tools.rankings

snapshots: .venv/test.stamp  ## rewrite the committed listing and replies in tests/mcp_server/messages/snapshots/
	RENEW_SNAPSHOTS=1 .venv/bin/python -m pytest tests/mcp_server/messages/test_replies.py

clean:  ## remove the environment and what tools left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/run.stamp: pyproject.toml
	@echo "setting up .venv (about 1.4 GB, most of it torch; minutes on a slow line)"
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) "$(TORCH)"
	$(PIP) --editable .
	@touch $@

.venv/test.stamp: .venv/run.stamp
	$(PIP) --editable ".[train,export]" --group test
	@touch $@

.venv/lint.stamp: .venv/test.stamp
	$(PIP) --group lint
	@touch $@

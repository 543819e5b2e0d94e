# Everything a person does with the project. `make` alone lists it.
#
#   make demo                   set-up and the main job, serving at its end
#   make demo ARGS=--no-serve   the same, ending after the list
#   make test                   the tests, about a quarter of an hour on 2 cores
#
# PYTHON names the interpreter that .venv is made with (3.11, 3.12 or 3.13), PYTHONS those that
# `make test-pythons` tries.

export PYTHON ?= python3
WORKERS ?= 2
UV ?= uv
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
PYTHONS ?= python3.11 python3.12 python3.13
QUICK = -n $(WORKERS) --dist loadfile -m "not slow"

.PHONY: help demo docs bench soak set-up set-up-dev test test-all test-newest test-oldest test-pythons lint format types check assets pictures lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

demo: set-up ## set-up and the main job; ARGS are given to `precursor demo`
	$(BIN)/precursor demo $(ARGS)

bench: set-up ## everything that has an aim, into docs/benchmarks.md (hours); ARGS are given on
	$(BIN)/precursor bench all --keep docs/benchmarks.md $(ARGS)

soak: set-up ## an hour of steady load on the service; ARGS are given on
	$(BIN)/precursor bench soak $(ARGS)

set-up: ## make .venv as requirements.lock says, unless it stands already
	@.ci/set-up requirements.lock

set-up-dev: ## the same with what tests, lint and types need
	@.ci/set-up requirements-dev.lock

test: set-up-dev ## all tests but the slow ones; ARGS are given to pytest
	$(PYTEST) $(QUICK) $(ARGS)

test-all: set-up-dev ## every test, the slow ones too, then test-pythons (hours)
	$(PYTEST) -n $(WORKERS) --dist loadfile $(ARGS)
	$(MAKE) test-pythons

test-pythons: ## the quick tests on each interpreter of PYTHONS that is here, from the lock
	@for python in $(PYTHONS); do \
	    if $$python -c "" 2>/dev/null; then .ci/test-with locked $$python $(QUICK) $(ARGS) || exit 1; \
	    else echo "test-pythons: $$python is not here and was passed over" >&2; fi; done

test-oldest: ## the quick tests with the oldest dependencies allowed, in build/; needs uv
	UV="$(UV)" .ci/test-with oldest $(PYTHON) $(QUICK) $(ARGS)

test-newest: ## the quick tests with the newest dependencies allowed, in build/; needs uv
	UV="$(UV)" .ci/test-with newest $(PYTHON) $(QUICK) $(ARGS)

docs: set-up-dev ## the documentation as a site in build/site, strictly and offline
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file docs/site/mkdocs.yml $(ARGS)

lint: set-up-dev ## ruff and codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: set-up-dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: set-up-dev ## mypy, strict
	$(BIN)/mypy

check: lint types test ## lint, types and tests

pictures: set-up-dev ## screenshots for README and docs, from a made-up force; needs Chromium
	$(BIN)/python tests/pictures.py docs/pictures

assets: ## compile the style sheet again; needs Node and npm
	serving/static-src/compile

lock: ## resolve requirements*.in anew; needs uv (UV names it)
	@command -v $(UV) >/dev/null || { echo "make lock: $(UV) is not here; install uv, or say UV=/path/to/uv" >&2; exit 2; }
	$(UV) pip compile $(LOCKING) $(UPGRADE) requirements.in -o requirements.lock
	$(UV) pip compile $(LOCKING) $(UPGRADE) -c requirements.lock requirements.in $(LOCKED) -o requirements-dev.lock

# The exporter of `otlp` wants the OpenTelemetry of its own day, which may not be the product's.
LOCKED := $(filter-out requirements-otlp.in,$(wildcard requirements-*.in))

LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

clean: ## remove .venv and what tools left behind; never the state folder
	rm -rf .venv build dist precursor.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

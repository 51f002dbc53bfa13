# One verb each; each does its own set-up. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
SEEDS  ?= 1 10
# Most of a test is waiting for a disk: more at once than there are cores.
WORKERS ?= 6

.PHONY: help demo test check format story hostile paging calls bench docs mutate lock clean

help:
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Ringfence needs Python 3.11 or newer; try: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Could not make a virtual environment; on Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runtime ## gateway + simulated carrier + demo agent (ARGS=--script plays the story and exits)
	@$(BIN)/ringfence demo $(ARGS)

test: $(VENV)/.dev ## run all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(VENV)/.dev ## formatter, linter, strict types, import contracts, docs
	@$(BIN)/ruff format --check src tests bench docs
	@$(BIN)/ruff check src tests bench docs
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/tidy

format: $(VENV)/.dev ## let the formatter write
	@$(BIN)/ruff format src tests bench docs
	@$(BIN)/ruff check --fix src tests bench docs

story: $(VENV)/.dev ## only the stories with phones in hand
	@$(BIN)/python -m pytest tests/stories $(ARGS)

hostile: $(VENV)/.dev ## a million steps of the hostile agent (HOSTILE_SEED, HOSTILE_STEPS, HOSTILE_SHRINK=1)
	@cd tests && ../$(BIN)/python -m hostile.play

paging: $(VENV)/.dev ## seeded histories of the operations channel (SEEDS="first count", and small or large)
	@$(BIN)/python -m ringfence.simulator.paging_run $(SEEDS)

calls: $(VENV)/.dev ## seeded histories of calls with every fault (SEEDS="first count"; 50 seeds are a thousand calls)
	@$(BIN)/python -m ringfence.simulator.calls_run $(SEEDS)

bench: $(VENV)/.dev ## side-by-side measurements; prints tables
	@$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev ## write the generated reference pages
	@$(BIN)/python docs/generate.py

mutate: $(VENV)/.dev ## each rule taken away, turned around, made milder: the tests must notice (nightly)
	@$(BIN)/python tests/mutation/mutate_rules.py $(ARGS)

lock: $(VENV)/bin/python ## pin and hash the dependencies again (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra build pyproject.toml -o requirements.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove what the other verbs made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .artifacts

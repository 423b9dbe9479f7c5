# `make run` and `make test` are all that is needed to begin; README.md describes the rest.

PORT ?= 8000
DATA ?= ./var
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

VENV ?= .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes --requirement
LOCK := $(PY) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

# A container may tell Python to write no bytecode; then each worker and each server under test would compile everything.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(PY) -m pytest
# The whole suite waits more than it computes, so four workers keep two cores busy; with many more, its waits meet their
# bounds. The fast tests compute: a worker a core. Tests of one file, or of one costly server, stay together, in order.
WORKERS ?= 4
GROUPED := --dist loadgroup --no-loadscope-reorder
PARALLEL := --numprocesses $(WORKERS) $(GROUPED)
# The folders are left out by name too: a test that is not wanted need not be collected by each worker.
FAST := --numprocesses auto --maxprocesses 8 $(GROUPED) -m "not browser and not server and not node" \
	--ignore tests/acceptance --ignore tests/abuse --ignore tests/faults --ignore-glob "*_browser.py"

# The canvas of the Build tab and of executions, from frontend/builder.
CANVAS := dist/builder/.vite/manifest.json
CANVAS_SOURCES := $(addprefix frontend/builder/,package-lock.json vite.config.ts) \
	$(shell find frontend/builder/src -type f ! -name "*.test.ts" ! -name api.d.ts)
BUILD_LOG := .venv-node/build.log

.DEFAULT_GOAL := help
.PHONY: help run dev test test-fast check check-canvas format lock screenshots clean

help:
	@echo "make run [PORT=8000] [DATA=./var]   start FlowHub with its demo flows"
	@echo "make dev [PORT=8000] [DATA=./var]   the same for who changes it: debug on, builds and starts again on changes"
	@echo "make test [ARGS=tests/executions]   run all tests, $(WORKERS) at a time; with ARGS some of them, one after the other"
	@echo "make test-fast [ARGS='-k ledger']   those that need neither a browser nor a server process"
	@echo "make check                          lint, formatting, import rules, types, Django's checks"
	@echo "make check-canvas                   types and tests of frontend/builder"
	@echo "make format                         format the code and mend what ruff can mend"
	@echo "make lock                           write constraints*.txt anew from pyproject.toml"
	@echo "make screenshots [ARGS='--only usage']  write a picture of every page into ./screenshots/ (needs Chromium)"
	@echo "make clean                          remove .venv and caches; data is kept"

run dev: export FLOWHUB_DATA := $(DATA)
run dev: export FLOWHUB_PUBLIC_URL := http://127.0.0.1:$(PORT)
# The demo flows call FlowHub's own demo endpoints; every other private address stays refused.
run dev: export FLOWHUB_OUTBOUND_ALLOW := 127.0.0.1:$(PORT)
dev: export FLOWHUB_DEBUG := 1
dev: RELOAD := --reload "--beside=env PYTHON=$(abspath $(PY)) frontend/npm-run watch"
run dev: $(VENV)/.run $(CANVAS)
	@exec $(PY) manage.py serve --migrate --demo --port $(PORT) --banner $(RELOAD)

test: $(VENV)/.dev $(CANVAS)
	@$(PYTEST) $(or $(ARGS),$(PARALLEL))

test-fast: $(VENV)/.dev $(CANVAS)
	@$(PYTEST) $(FAST) $(ARGS)

check: $(VENV)/.dev
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/mypy
	@$(PY) manage.py check
	@$(PY) manage.py makemigrations --check --dry-run

# The types of the REST API and the node types are made anew each time: what the canvas takes them for has to be what
# the server says.
check-canvas: $(VENV)/.dev
	@mkdir -p .venv-node
	@$(PY) manage.py spectacular --file .venv-node/openapi.yaml
	@$(PY) manage.py shell --verbosity 0 --command "import json; from flows.pages.node_catalogue import entries; \
		print(json.dumps([entry.as_json() for entry in entries()]))" >.venv-node/node-types.json
	@frontend/npm-run types
	@frontend/npm-run check

format: $(VENV)/.dev
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

# Existing versions are kept where they still fit; `make lock UPGRADE=--upgrade` takes the newest that the ranges admit.
lock: | $(VENV)/bin/python
	@$(PY) -m pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14"
	@$(LOCK) $(UPGRADE) --extra dev --output-file constraints.txt
	@$(LOCK) --constraint constraints.txt --output-file constraints-run.txt

screenshots: $(VENV)/.dev
	@$(PY) -m tests.screenshots $(ARGS)

clean:
	@rm -rf .venv .venv-* dist frontend/builder/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# The stamps are younger than the lock that they were installed from, so a second start installs nothing.
# The full set contains the runtime set: after it there is nothing left to install for `make run`.
$(VENV)/.run: constraints-run.txt | $(VENV)/bin/python
	@echo "Installing FlowHub's packages into $(VENV) (only now, and when they change) ..."
	@$(INSTALL) constraints-run.txt
	@touch $@

$(VENV)/.dev: constraints.txt | $(VENV)/bin/python
	@echo "Installing FlowHub's packages and the developer's tools into $(VENV) (only now, and when they change) ..."
	@$(INSTALL) constraints.txt
	@touch $(VENV)/.run $@

# Pages do without the canvas, so a start does too: a machine without a network says why, and serves.
$(CANVAS): export PYTHON := $(abspath $(PY))
$(CANVAS): $(CANVAS_SOURCES) | $(VENV)/bin/python
	@echo "Building the canvas of the Build tab (only now, and when it changes) ..."
	@mkdir -p $(dir $(BUILD_LOG))
	@frontend/npm-run build >$(BUILD_LOG) 2>&1 || echo "The canvas is not built, and pages show a plain drawing instead:" \
		"$$(grep -im1 error $(BUILD_LOG) || tail -n1 $(BUILD_LOG))" >&2

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "FlowHub needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

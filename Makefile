# Two commands matter: `make run` and `make test`. Both start from nothing but git, make
# and Python >= 3.11 (Debian's packages are added where root may install them).
#   PYTHON=python3.13    the interpreter that .venv is made of
#   ARGS="-k verdict"    arguments for pytest; ARGS="-n 0" runs one test at a time;
#                        of `make bench`: ARGS="limit rtt --repeat 3 --write"

.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash
python := .venv/bin/python
# Engines mostly wait for the kernel, so three at a time keep two cores busy.
pytest := $(python) -m pytest -n 3
# A root shell made by `su` finds neither dockerd nor iptables.
export PATH := $(PATH):/usr/sbin:/sbin
ifdef PYTHON
export PYTHON
endif

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: bootstrap
bootstrap: ## .venv with every pinned package (the targets below do it themselves)
	@tools/bootstrap

.PHONY: run
run: bootstrap ## the daemon on the engine found, or a demo on a private engine
	@exec tools/run

.PHONY: test
test: bootstrap ## every layer; the older engines a fixed third
	@tools/debian-packages test
	@$(pytest) $(ARGS)

.PHONY: test-all
test-all: bootstrap ## every layer, everything on every engine
	@tools/debian-packages test
	@DOCKERNET_TEST_ALL=1 $(pytest) $(ARGS)

.PHONY: soak
soak: bootstrap ## 200 random topologies, hundreds of restarts, alerts (over an hour)
	@tools/debian-packages test
	@$(pytest) -m soak tests/soak tests/engine/test_alerts.py \
		tests/engine/test_alerts_engine.py $(ARGS)

.PHONY: bench
bench: bootstrap ## CPU per probe beside the limit and other tools (ten minutes, root)
	@tools/debian-packages bench
	@$(python) -m tests.bench $(ARGS)

.PHONY: lint
lint: bootstrap ## style, import contracts, spelling, types
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/codespell
	@for script in tools/* .ci/run; do bash -n "$$script" || exit 1; done
	@$(MAKE) --no-print-directory types

.PHONY: types
types: bootstrap ## mypy --strict over exporter and tests
	@$(python) -m mypy

.PHONY: format
format: bootstrap ## let ruff repair what it can
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .

.PHONY: package
package: bootstrap ## dist/*.whl, proven in a clean environment
	@tools/package

.PHONY: lock
lock: bootstrap ## pin the requirements again (ARGS=--upgrade: the newest of all)
	@tools/lock $(ARGS)

.PHONY: clean
clean: ## remove everything that these targets made in this folder
	rm -rf .venv dist .coverage .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

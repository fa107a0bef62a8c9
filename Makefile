# Everything runs in .venv, which each target makes where it is missing or out of date.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
# $(call stamp,extra): the file that says "this extra is installed"
stamp = $(VENV)/.installed-$(1)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test test-slow lint format bench docs clean

help:  ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

venv: $(call stamp,test)  ## .venv with skae, editable, and what the tests need

demo: venv  ## find anomalies in a real table
	$(BIN)/skae detect

# Threads wait for each other longer than so small networks compute.
test test-slow: export OMP_NUM_THREADS = 1

# What measures time runs alone, before the others keep all cores busy.
test: venv  ## the quick tests, README examples and doctests
	$(BIN)/python -m pytest tests/test_imports.py
	$(BIN)/python -m pytest --numprocesses=2 --dist=worksteal --deselect=tests/test_imports.py

test-slow: venv  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow --numprocesses=2 --dist=worksteal

lint: venv  ## style, import contract, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

format: venv  ## what ruff can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(call stamp,bench)  ## the measured figures, beside the peers
	$(BIN)/python docs/benchmarks/run_all.py

docs: $(call stamp,docs)  ## the documentation, in docs/_build
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

clean:  ## away with all that make made
	rm -rf $(VENV) build dist *.egg-info docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e ".[$*]"
	@touch $@

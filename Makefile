# What a newcomer and a maintainer type. The environment is made once, in .venv/ (another place: make VENV=… test).
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= calcdyn-demo

.DEFAULT_GOAL := help
.PHONY: help demo test lowest lint docs bench release clean libraries

help:
	@echo "make demo    both models on simulated recordings; opens napari where there is a display"
	@echo "make test    every test"
	@echo "make lowest  the tests, most of those with windows left out, with the lowest versions that pyproject.toml allows"
	@echo "make lint    style, types, floors, docstrings, and the manifest of the built wheel"
	@echo "make docs    screenshots, settings reference and the pages, into site/"
	@echo "make bench   the quick form of every benchmark, into benchmarks/results/"
	@echo "make release source and wheel into dist/, checked and tried with both Qt in fresh environments"
	@echo "make clean   remove everything that the targets above made"

$(READY): pyproject.toml constraints.txt scripts/set-up.sh
	@scripts/set-up.sh $(VENV)
	@touch $@

libraries:
	@scripts/system-libraries.sh

# Without a display the demo writes files and needs no system libraries, so missing ones do not stop it.
demo: $(READY)
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then scripts/system-libraries.sh || true; fi
	@$(BIN)/calcdyn demo --out $(DEMO)

test: libraries $(READY)
	@$(BIN)/python -m pytest -n auto --dist worksteal

# torch is the tested one, since the lowest brings gigabytes of CUDA along; for the lowest: make lowest TORCH=
TORCH ?= $(shell grep ^torch== constraints.txt)
lowest: libraries
	@scripts/test-lowest.sh $(VENV)-lowest $(TORCH)

lint: libraries $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python scripts/check_docstrings.py
	@scripts/check-wheel.sh $(BIN)/python

docs: libraries $(READY)
	@scripts/with-display.sh $(BIN)/python docs/screenshots.py
	@$(BIN)/python docs/settings_reference.py
	@$(BIN)/python docs/performance_page.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@scripts/check-site.sh
	@echo "The pages are in site/; open site/index.html"

# Some of them open a window.
SHARED := connections driven_tables gpu_checks gpu_options gpu_steps report resumable window
bench: libraries $(READY)
	@for benchmark in $(filter-out $(SHARED:%=benchmarks/%.py),$(wildcard benchmarks/*.py)); do \
		echo "== $$benchmark --quick"; scripts/with-display.sh $(BIN)/python $$benchmark --quick || exit 1; done

release: libraries $(READY)
	@scripts/release.sh $(BIN)/python

clean:
	rm -rf $(VENV) $(VENV)-lowest $(DEMO) site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests docs benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

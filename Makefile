# `make demo` and `make test` need nothing but a Python >= 3.11; everything else they set up themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# With a GPU the CUDA build of torch, which is what the index gives; without one the small build.
CPU := $(shell nvidia-smi -L >/dev/null 2>&1 || echo -c constraints/cpu.txt)

# sam2's optional CUDA extension is not used. uv does not read pip's configuration.
export SAM2_BUILD_CUDA := 0
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.PHONY: help setup demo test test-slow test-all check format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 11

setup: $(READY) ## a virtual environment in .venv with vosbench and its tools

$(READY): pyproject.toml constraints/cpu.txt constraints/tested.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv "setuptools>=77" wheel
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation \
		-c constraints/tested.txt $(CPU) --group dev --editable .
	touch $@

demo: $(READY) ## fetch, infer and eval on drawn videos: no download, no GPU, no weights
	$(BIN)/vosbench fetch synthetic
	$(BIN)/vosbench run --dataset synthetic --tracker flow --gpus cpu
	$(BIN)/vosbench overlay --results results/synthetic-val/flow

test: check ## all checks, then the quick tests
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(READY) ## the tests that take minutes: kills, Slurm, whole models, benchmarks
	$(BIN)/python -m pytest -m slow

test-all: test test-slow ## all checks and all tests

check: $(READY) ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

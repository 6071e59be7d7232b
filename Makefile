# `make demo` and `make test` need only Python 3.11 or newer; they install everything else into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# On a machine without a GPU, the version of torch whose CPU build was tested. PyPI has only the build for CUDA: where no folder
# of wheels (PIP_FIND_LINKS) has that for the CPU, UV_TORCH_BACKEND=cpu takes it from PyTorch's own index.
CPU := $(shell nvidia-smi -L >/dev/null 2>&1 || echo -c constraints/cpu.txt)

# The optional CUDA extension of sam2 is not used. uv does not read the configuration of pip, so it is passed on here.
export SAM2_BUILD_CUDA := 0
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.PHONY: help setup demo docs release test test-slow test-all check format clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 11

setup: $(READY) ## install vosbench and the tools for tests into .venv

$(READY): pyproject.toml constraints/cpu.txt constraints/tested.txt vosbench/evaluation/_kernel.c vosbench/masks/_decoding.c
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv "setuptools>=77" wheel
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation \
		-c constraints/tested.txt $(CPU) --group dev --editable .
	touch $@

demo: $(READY) ## fetch, track and score drawn videos: no download, no GPU, no weights
	$(BIN)/vosbench fetch synthetic
	$(BIN)/vosbench run --dataset synthetic --tracker flow --gpus cpu
	$(BIN)/vosbench overlay --results results/synthetic-val/flow

docs: $(READY) ## build the documentation site into build/docs; a broken link is an error
	$(BIN)/python docs/site/make_site.py

release: $(READY) ## build and check what would be published, into dist; upload nothing
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/release

test: check ## run all checks, then the quick tests: less than three minutes
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(READY) ## run the slow tests: kills, Slurm, whole models, benchmarks
	$(BIN)/python -m pytest -m "slow and not exhaustive"

test-all: test test-slow ## run all checks and all tests, also those that take minutes each
	$(BIN)/python -m pytest -m exhaustive

check: $(READY) ## check lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

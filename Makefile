# From nothing, each of `make demo` and `make test` does everything, installation
# included. PYTHON names the interpreter: make PYTHON=python3.11 demo
SHELL := bash
VENV := .venv
BIN := $(VENV)/bin
UV := build/uv/bin/uv
BENCH_ARGS ?= --quick
# Two processes; the tests of a file stay together, since they share fixtures. (Groups
# would be finer, but xdist 3.8 does not see them under pytest 9.2.) In the order of
# tests/conftest.py, and not those of most tests first.
TEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types docs bench lock clean $(VENV)

help: ## Lists the targets.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV):
	@bash .ci/venv

demo: $(VENV) ## From MovieLens ratings to a ranked list over gRPC.
	$(BIN)/tfctr demo --output build/demo

test: $(VENV) ## Runs every test. TEST_ARGS is passed to pytest.
	$(BIN)/pytest $(TEST_ARGS)

lint: $(VENV) ## Checks style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV) ## Mends what ruff can mend.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# mypy sees the packages under their installed names: tfctr.pipelines, tfctr.serving.
types: $(VENV) ## Checks types (mypy strict).
	rm -rf build/types && mkdir -p build/types/tfctr
	ln -s $(CURDIR)/tfctr/* $(CURDIR)/pipelines $(CURDIR)/serving build/types/tfctr/
	cd build/types && $(CURDIR)/$(BIN)/mypy --cache-dir $(CURDIR)/.mypy_cache --config-file $(CURDIR)/pyproject.toml -p tfctr

docs: $(VENV) ## Builds the site into build/site.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/site

bench: $(VENV) ## Runs the benchmarks. BENCH_ARGS is passed to each.
	for script in benchmarks/*.py; do $(BIN)/python $$script $(BENCH_ARGS) || exit 1; done

COMPILE = $(UV) pip compile --quiet --no-annotate --custom-compile-command "make lock" \
	$(UPGRADE) requirements.in

lock: $(UV) ## Resolves requirements.in anew; UPGRADE=--upgrade moves every pin.
	$(COMPILE) --overrides requirements.overrides --python-version 3.11 \
		--python-platform x86_64-manylinux_2_35 -o requirements-py311.lock
	for minor in 12 13; do $(COMPILE) --python-version 3.$$minor \
		--python-platform x86_64-manylinux_2_40 -o requirements-py3$$minor.lock \
		|| exit 1; done

$(UV):
	$(or $(PYTHON),python3) -m venv build/uv
	build/uv/bin/pip install --quiet uv

clean: ## Removes what was built; .venv stays.
	rm -rf build site tfctr.egg-info

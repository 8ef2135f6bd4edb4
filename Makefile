# `make` lists the words. Two matter first: `make demo` reconstructs a spine, `make test` checks everything.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# Unit tests share nothing: a file each, side by side.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 8 --dist loadfile
NOT_RUN := $(VENV)/not-run.txt
# Node comes as a wheel: `npm` of the environment, whatever else is installed.
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix page --no-audit --no-fund
CLIENT := PATH="$(abspath $(BIN)):$$PATH" npm --no-audit --no-fund --prefix clients

SHIPPED_UNIT = $(shell grep -rLE '^ *(from|import) (lumbar3d.training|benchmarks)|importorskip' --include='test_*.py' tests/unit)
# The kernel that OpenBLAS does not choose here: results must not hang on it. (An older one runs everywhere.)
OTHER_BLAS := $(shell grep -qs avx512f /proc/cpuinfo && echo Haswell || echo Sandybridge)
NUMERIC_NAMES := geometry* shape_* measurement_* joint_prior cohort_inputs cohort_fit detection_out_of_distribution registration_initialise
NUMERIC = $(shell find tests/unit -false $(patsubst %,-o -name 'test_%.py',$(NUMERIC_NAMES)) | sort)

.DEFAULT_GOAL := help
.PHONY: help demo test check page format unit numeric coverage smoke openapi clients services clean

help:  ## list these words
	@grep -hE '^[a-z]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*  ## /\1\t/' | expand -t 12

$(VENV)/.runtime: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lumbar3d needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cpu,service,worker]'
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cpu,service,worker,bridge,dev,postgres,s3,training]'
	touch $@

$(VENV)/.page: page/package-lock.json $(VENV)/.dev
	$(NPM) ci --loglevel=error
	touch $@

$(VENV)/.client: clients/typescript/package-lock.json clients/csharp/package-lock.json $(VENV)/.dev
	$(CLIENT)/typescript ci --loglevel=error
	$(CLIENT)/csharp ci --loglevel=error
	touch $@

demo: $(VENV)/.runtime  ## reconstruct the demonstration pair and open the way to see it
	$(BIN)/lumbar3d demo $(DEMO_FLAGS)

page: $(VENV)/.page  ## build the page of the service again, into service/web
	$(NPM) run --silent build

format: $(VENV)/.dev $(VENV)/.page  ## format Python and TypeScript, mend what the linters can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run --silent format

check: $(VENV)/.dev $(VENV)/.page  ## format, lint, types, layers, page, OpenAPI drift, container files: all that is not a test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run --silent check
	$(BIN)/python -m lumbar3d.service.openapi --check openapi.yaml
	$(BIN)/hadolint docker/service.Dockerfile docker/worker.Dockerfile
	$(BIN)/python -m benchmarks.pages --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml docker/compose.pacs.yaml

# Tests of whole services mostly wait: three files at a time. Browsers and accelerators are used by one test after the other.
test: check services $(VENV)/.client  ## check, then every test; the last line says what could not run here
	rm -f $(NOT_RUN)
	LUMBAR3D_NOT_RUN=$(NOT_RUN) $(PYTEST) tests/unit $(SIDE_BY_SIDE) $(PYTEST_FLAGS)
	LUMBAR3D_NOT_RUN=$(NOT_RUN) $(PYTEST) tests/integration --numprocesses 3 --dist loadfile $(PYTEST_FLAGS)
	LUMBAR3D_NOT_RUN=$(NOT_RUN) $(PYTEST) tests --ignore tests/unit --ignore tests/integration $(PYTEST_FLAGS)
	@$(BIN)/python -m tests.not_run $(NOT_RUN)

unit: $(VENV)/.dev  ## unit tests of the shipped packages: quick, no services
	$(PYTEST) $(SHIPPED_UNIT) $(SIDE_BY_SIDE) $(PYTEST_FLAGS)

numeric: $(VENV)/.dev  ## unit tests of linear algebra, with another BLAS kernel than this processor's
	OPENBLAS_CORETYPE=$(OTHER_BLAS) $(PYTEST) $(NUMERIC) $(SIDE_BY_SIDE) $(PYTEST_FLAGS)

coverage: $(VENV)/.dev  ## unit tests of the shipped packages with their coverage; fails under the floor
	$(BIN)/coverage run -m pytest $(SHIPPED_UNIT) $(PYTEST_FLAGS)
	$(BIN)/coverage report --skip-covered

smoke: $(VENV)/.dev  ## every benchmark's and every training module's main once, on a tiny case; not part of test
	$(PYTEST) tests/smoke -m smoke --numprocesses logical --maxprocesses 8 --dist loadgroup --durations 10 $(PYTEST_FLAGS)

openapi: $(VENV)/.dev  ## write openapi.yaml again
	$(BIN)/python -m lumbar3d.service.openapi --write openapi.yaml

clients: $(VENV)/.client  ## the typed clients in clients, from openapi.yaml: TypeScript, and C# where Mono is
	$(CLIENT)/typescript run generate
	$(CLIENT)/typescript run check
	if command -v mcs >/dev/null; then $(CLIENT)/csharp run generate && $(CLIENT)/csharp run compile; fi

services: $(VENV)/.dev  ## the browser and the Redis that the tests use, where they can be installed
	sh tests/services.sh $(BIN)/python

clean:  ## remove the environment and what demo wrote
	rm -rf $(VENV) page/node_modules clients/*/node_modules demo-output

# Two commands: `make demo` reconstructs a spine and opens the way to see it, `make test` checks everything.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check benchmarks openapi clean

$(VENV)/.runtime: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lumbar3d needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cpu]'
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cpu,dev,postgres,s3,training]'
	touch $@

demo: $(VENV)/.runtime
	$(BIN)/lumbar3d demo $(DEMO_FLAGS)

# Format, lint, types, layers, OpenAPI drift, container files: everything that is not a test.
check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m service.openapi --check openapi.yaml
	$(BIN)/hadolint docker/service.Dockerfile docker/worker.Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml

test: check
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

openapi: $(VENV)/.dev
	$(BIN)/python -m service.openapi --write openapi.yaml

clean:
	rm -rf $(VENV) demo-output

# The two commands: `make run` opens the dashboard, `make test` runs everything that must hold.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test install chromium lint

run: $(VENV)/.installed
	$(BIN)/bnviz $(ARGS)

# Everything but the browser on two cores; then the browser, which wants both for itself.
test: $(VENV)/.installed-test chromium lint
	$(BIN)/pytest -n 2 --dist loadfile -m "not browser" $(ARGS)
	$(if $(ARGS),,$(BIN)/pytest -m browser)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(VENV)/.installed

# torch first and alone: a range asked for by another package could bring a build with gigabytes of CUDA.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

# Browser tests take any Chromium; where there is none, Debian's is installed if it can be.
chromium: $(VENV)/.installed-test
	$(BIN)/python tests/browser/chromium.py

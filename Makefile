# `make app` and `make test` do everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONPATH := $(CURDIR)
# What is imported is compiled once, also where the environment says otherwise: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: app test tested lint browser strings screenshots bench bench-gpu soak lock sbom advisories clean

app: $(VENV)/.app
	$(PY) -m streamlit run app.py

# What is read (lint) and what is run (tested) go on beside each other: reading takes one core for two minutes.
test: $(VENV)/.dev
	$(MAKE) --jobs 2 lint tested

# Three at a time on two cores, in the order of tests/conftest.py: who drives a browser waits more than it computes.
tested: browser
	$(PY) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/vulture

browser: $(VENV)/.dev
	$(PY) -m tests.e2e.browser

strings: $(VENV)/.dev
	$(PY) -m tests.strings

screenshots: $(VENV)/.dev
	$(PY) -m tests.e2e.screenshots tests/e2e/screenshots

bench: $(VENV)/.dev
	$(PY) -m tests.bench

bench-gpu:
	$(PYTHON) -m tests.bench.gpu

soak: $(VENV)/.dev
	$(PY) -m tests.load.soak
	$(PY) -m tests.load.live
	$(PY) -m tests.load.people
	$(PY) -m tests.load.kills
	$(PY) -m pip install --quiet --upgrade --no-deps --target $(VENV)/fuzz "atheris==3.0.*"
	PYTHONPATH=$(CURDIR):$(VENV)/fuzz $(PY) -m tests.load.fuzz
	FAIRDASH_WALKS=50 $(PY) -m pytest tests/pages/test_walks.py tests/e2e/test_every_page.py tests/e2e/test_access.py \
	    tests/e2e/test_journey.py
	$(PY) -m tests.load.memory

# The locks hold all but torch, in whose place each machine has a build of its own: the second step adds it alone.
$(VENV)/.app: requirements.lock requirements.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet -r requirements.txt
	touch $@

# Nothing is compiled that no test imports: that is half of what is installed.
$(VENV)/.dev: requirements-dev.lock requirements-dev.txt requirements.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --no-compile --no-deps --require-hashes -r requirements-dev.lock
	$(PY) -m pip install --quiet --no-compile -r requirements-dev.txt
	touch $@ $(VENV)/.app

# Tools that look at what is installed, apart from it.
$(VENV)/tools/.made:
	$(PYTHON) -m venv $(VENV)/tools
	$(VENV)/tools/bin/python -m pip install --quiet "uv==0.13.*" "cyclonedx-bom==7.5.*" "pip-audit==2.10.*"
	touch $@

lock: $(VENV)/tools/.made
	$(PYTHON) -m tests.lock $(VENV)/tools/bin/uv

sbom: $(VENV)/tools/.made $(VENV)/.app
	$(VENV)/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	    --output-file sbom.json $(PY)

advisories: $(VENV)/tools/.made
	$(VENV)/tools/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

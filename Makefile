# digitnet's commands. `make app` opens the laboratory, `make check` is for every day, `make test`
# checks everything.
# Each makes what it needs first; a second call starts at once. Works with GNU make 3.81 and later.

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check

# The interpreters tried for a new $(VENV), in this order: `make PYTHONS=/opt/python/bin/python3 app`.
PYTHONS := python3 python3.13 python3.12 python3.11 python
SUITABLE := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# Stamps: newer than the requirements when these are installed.
APP := $(VENV)/app.stamp
DEV := $(VENV)/dev.stamp

# Python keeps what it compiled: processes without number import the same modules.
unexport PYTHONDONTWRITEBYTECODE

# A worker a core; the memory of each (TensorFlow, Chromium, the app) is about 2 GB.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 4 --dist worksteal

# Tests that `make check` does without: they need TensorFlow, whose import takes longer than most of
# them, a browser, or a server to attack.
LEFT_OUT := tests/training tests/serving/test_networks.py tests/browser tests/security

.PHONY: app check test lint format results bench screenshots

app: $(APP)
	$(PYTHON) -m streamlit run app.py

check: lint
	$(PYTHON) -m pytest $(SIDE_BY_SIDE) -m "not slow" $(addprefix --ignore=,$(LEFT_OUT))

test: lint
	$(PYTHON) -m pytest $(SIDE_BY_SIDE)

lint: $(DEV)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports

format: $(DEV)
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

results: $(APP)
	$(PYTHON) -m digitnet results

bench: $(DEV)
	$(PYTHON) -m benchmarks

screenshots: $(DEV)
	$(PYTHON) -m scripts.screenshots

$(APP): requirements.txt requirements-serve.txt requirements-train.txt | $(VENV)/bin/pip
	$(PIP) install -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(APP)
	$(PIP) install -r requirements-dev.txt
	@touch $@

# venv writes bin/pip last, so an environment that was cut short is made anew.
$(VENV)/bin/pip:
	@for python in $(PYTHONS); do \
	    if "$$python" -c '$(SUITABLE)' 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$python" --version)"; \
	        exec "$$python" -m venv --clear $(VENV); \
	    fi; \
	done; \
	echo "digitnet needs Python 3.11, 3.12 or 3.13 with its venv module; none of these has it:" \
	    "$(PYTHONS). Install one (on Debian and Ubuntu: apt-get install python3-venv)," \
	    "or name yours: make app PYTHONS=/path/to/python3" >&2; \
	exit 1

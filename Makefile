# Two commands: `make run` starts the dashboard, `make test` tests it. Both install what they need first.
# `make test-all` adds the slow tests (cross products, large networks), `make faults` runs long tests of faults, `make fidelity` runs
# alone what `make test` has of the publications' formulas.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
# --no-compile: Python compiles what it imports, once; compiling all of PyTorch beforehand takes a minute of every install.
PIP = $(PY) -m pip install --quiet --disable-pip-version-check --no-compile
ARGS ?=

.PHONY: run test test-all fidelity faults check bench presets examples clean

run: $(VENV)/.installed
	@$(PY) -m core.jobs.catalogue & $(PY) -m streamlit run dashboard/app.py $(ARGS)

test: check
	$(PY) -m pytest -n 2 --dist worksteal -m "not slow" $(ARGS)

test-all: check
	$(PY) -m pytest -n 2 --dist worksteal $(ARGS)

fidelity: $(VENV)/.installed-tests
	$(PY) -m pytest tests/fidelity $(ARGS)

faults: $(VENV)/.installed-tests
	@if ls tests/faults/test_*.py >/dev/null 2>&1; then $(PY) -m pytest tests/faults $(ARGS); else echo "tests/faults holds no tests yet."; fi

check: $(VENV)/.installed-tests
	$(PY) -m ruff check .
	$(PY) -m mypy core dashboard

bench: $(VENV)/.installed-tests
	$(PY) -m tests.benchmarks $(ARGS)

# The originals that the default recipes train, on the seeds of tuning: ARGS="digits faces/small_cnn".
presets: $(VENV)/.installed-tests
	PYTHONPATH=. $(PY) tests/benchmarks/presets.py $(ARGS)

# The finished examples that ship in assets/examples, by our own engine. ARGS=HOME: a home that may have their runs already.
examples: $(VENV)/.installed-tests
	PYTHONPATH=. $(PY) tests/benchmarks/examples.py $(ARGS)

# Made anew when the requirements change; an install that broke off leaves no stamp and is taken up again.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Forgetscope needs Python 3.11 or newer; set PYTHON=python3.12, say.")'
	@test -x $(PY) || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing requirements.txt (several GB with PyTorch; minutes the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed tests/requirements.txt requirements-ray.txt
	@echo "Installing the test tools"
	@$(PIP) -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

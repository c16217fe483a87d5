# Two commands: `make run` starts the dashboard, `make test` runs every test. Both install what they need first.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
PIP = $(PY) -m pip install --quiet --disable-pip-version-check
ARGS ?=

.PHONY: run test faults bench clean

run: $(VENV)/.installed
	@$(PY) -m core.catalogue & $(PY) -m streamlit run dashboard/app.py $(ARGS)

test: $(VENV)/.installed-tests
	$(PY) -m ruff check .
	$(PY) -m mypy core dashboard
	$(PY) -m pytest -n 2 --dist worksteal $(ARGS)

# What goes wrong, at length: broken and hostile files, by the hundred.
faults: $(VENV)/.installed-tests
	$(PY) -m pytest tests/faults $(ARGS)

bench: $(VENV)/.installed-tests
	$(PY) -m tests.benchmarks $(ARGS)

# Made anew when the requirements change; an install that broke off leaves no stamp and is taken up again.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Forgetscope needs Python 3.11 or newer; set PYTHON=python3.12, say.")'
	@test -x $(PY) || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing requirements.txt (several GB with PyTorch; minutes the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed tests/requirements.txt
	@echo "Installing the test tools"
	@$(PIP) -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

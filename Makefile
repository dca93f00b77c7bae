PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest

# Constraints in every install keep the torch that was installed first.
INSTALL = $(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt

.NOTPARALLEL:
.PHONY: help demo docs test test-clients test-oldest test-wheel lint clean

help:  ## show this list (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.installed-plot  ## fit, score and plot on scikit-learn's data (1 minute)
	$(VENV)/bin/python docs/demo.py

docs: $(VENV)/.installed-docs  ## build the site into build/docs, with its gallery
	$(VENV)/bin/python -W error:"Unknown section" -m sphinx -q -W --keep-going \
		docs build/docs

test: $(VENV)/.installed-test  ## run the tests and the doctests
	$(VENV)/bin/python -m pytest -n 2

test-clients: $(VENV)/.installed-clients  ## test with shap, MLflow, MAPIE, feature-engine, skore
	$(VENV)/bin/python -m pytest -n 2 tests/clients

test-wheel:  ## build the wheel, and use it alone where there is no compiler
	PYTHON=$(PYTHON) bash tests/try_wheel.sh

test-oldest: $(OLDEST)/.installed  ## test the estimators on the oldest dependencies
	$(OLDEST)/bin/python -m pytest -n 2 -k "not dask and not optuna" \
		tests/test_common.py tests/test_estimators.py tests/test_fixtures.py \
		tests/test_members.py tests/test_search.py

lint: $(VENV)/.installed-lint  ## check style, types and spelling
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/codespell

clean:  ## remove environments, caches and build outputs
	rm -rf $(VENV) $(OLDEST) .cache .mypy_cache .pytest_cache .ruff_cache build dist docs/api docs/gallery \
		docs/sg_execution_times.rst

$(VENV)/.installed-torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) torch
	touch $@

$(VENV)/.installed-%: $(VENV)/.installed-torch pyproject.toml
	$(INSTALL) -e ".[$*]"
	touch $@

$(OLDEST)/.installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check \
		-c constraints-oldest.txt -e . pytest pytest-xdist pandas
	touch $@

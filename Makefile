# Each target makes .venv when there is none, and installs again when pyproject.toml or constraints.txt has changed.
# make test PYTHON=python3.12 uses another interpreter;
# make test ARGS="-k fragments" and make quickstart ARGS=trainer.iterations=50 pass options on.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# extras that are quickly installed; their environment sees what .venv has, and .venv stays without them
EXTRAS := ray,docking,xtb,purchasable,fcd,browser
WITH_EXTRAS := $(VENV)/with-extras

.DEFAULT_GOAL := help
.PHONY: help quickstart test extras lint style types audit docs benchmark objectives clean

help:
	@echo "make quickstart  train, sample and evaluate on the shipped vocabulary; a few minutes on two cores"
	@echo "make test        all tests but the slow ones and those for a GPU"
	@echo "make extras      the tests of the light optional extras ($(EXTRAS)), installed beside .venv"
	@echo "make lint        style and types"
	@echo "make audit       known vulnerabilities of what is installed (asks the Python package index)"
	@echo "make docs        the documentation as a site, in site/; warnings and dead links are errors"
	@echo "make benchmark   speed of sampling and training, where the time goes, what each objective costs"
	@echo "make objectives  every forward objective on three spaces with exact answers, one table; hours on two cores"
	@echo "make clean       remove .venv and everything that was built; runs/ stays"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "molgfn needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: try PYTHON=python3.11 make ..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

# what running needs; the stamps say when it was installed
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "== installing molgfn into $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

# what working on it needs
$(VENV)/.developing: pyproject.toml constraints.txt | $(BIN)/python
	@echo "== installing molgfn with its development tools into $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@ $(VENV)/.installed

quickstart: $(VENV)/.installed
	@echo "== training on the shipped vocabulary (reward: QED and synthetic accessibility)"
	@$(BIN)/molgfn train experiments/quickstart.yaml output=runs $(ARGS)
	@run=$$(ls -td runs/quickstart-*/ | head -n 1) && run=$${run%/} \
	&& echo "== sampling 1,000 molecules" \
	&& $(BIN)/molgfn sample $$run -n 1000 -o $$run/samples.csv \
	&& echo "== evaluating, against the untrained policy too" \
	&& $(BIN)/molgfn evaluate $$run

test: $(VENV)/.developing
	$(BIN)/python -m pytest -n 2 $(ARGS)

$(WITH_EXTRAS)/.installed: $(VENV)/.developing
	@echo "== installing $(EXTRAS) into $(WITH_EXTRAS)"
	$(BIN)/python -m venv $(WITH_EXTRAS)
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(WITH_EXTRAS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
	$(WITH_EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".[$(EXTRAS)]"
	@touch $@

# with MOLGFN_TEST_EXTRAS a package that cannot be imported fails its tests, which would be skipped otherwise
extras: $(WITH_EXTRAS)/.installed
	MOLGFN_TEST_EXTRAS=$(EXTRAS) $(WITH_EXTRAS)/bin/python -m pytest -m "extras and not slow and not gpu" $(ARGS)

lint: style types

style: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/basedpyright

# in an environment of its own: what it needs is not part of what it looks at
AUDIT := $(VENV)/audit
$(AUDIT)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m venv $(AUDIT)
	-$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit>=2.9" && touch $@

audit: $(VENV)/.installed $(AUDIT)/.installed
	$(BIN)/python .ci/audit.py $(AUDIT)/bin/pip-audit $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# the reports of its gallery are kept in build/gallery until a source changes
docs: $(VENV)/.developing
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "site/index.html"

benchmark: $(VENV)/.developing
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/objectives.py

# results that are in the repository are taken up; only what is missing is run
COMPARED := golden hypergrid fragments_exact
objectives: $(VENV)/.developing
	$(BIN)/molgfn study $(COMPARED:%=experiments/objectives/%.study.yaml) -o experiments/objectives/results -j 2

clean:
	rm -rf $(VENV) build dist site .pytest_cache .ruff_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

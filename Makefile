# `make demo` and `make test` need Python 3.11 or newer, make and git; the rest installs itself.
PYTHON ?= python3
BACKEND ?= numba
BIN := .venv/bin
# Tests start hundreds of processes; without bytecode each of them would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# What a backend needs beside the engine.
EXTRA := $(if $(filter cupy,$(BACKEND)),.venv/cupy)

.PHONY: help demo test thorough check format verify docs faults fuzz mutants mutation bench bench-quick bench-peers gpu dist dist-check clean

help:
	@echo "make demo     train on the bundled data set and show what was learned"
	@echo "make test     run all tests"
	@echo "make thorough run those that take longer: wrong kernels at the default, branches, more draws"
	@echo "make check    lint, types, and the backends against their definition"
	@echo "make format   put the code into its standard form"
	@echo "make verify   check a backend thoroughly: make verify BACKEND=numba"
	@echo "make docs     build the site of the documentation in out/site"
	@echo "make faults   kill workers and runs at random moments, and see what is left, or goes on"
	@echo "make fuzz     read changed files and model folders, and see what goes wrong (SECONDS=600 each)"
	@echo "make mutants  try wrong kernels at the default number of examples with ten seeds each"
	@echo "make mutation change the engine at random places, and count who notices (MINUTES=60)"
	@echo "make bench    time everything, and write out/bench/report.md (BACKEND=x, DATA=folder)"
	@echo "make bench-quick  the same at small sizes, in under three minutes"
	@echo "make bench-peers  compare with label trees and PyTorch (see bench/rivals/peers/README.md)"
	@echo "make gpu      verify and bench the cupy backend, and store the report in out/gpu/"
	@echo "make dist     build the source distribution and the wheel, in out/dist/"
	@echo "make dist-check  look into these, and use the wheel in a fresh environment elsewhere"
	@echo "make clean    remove the virtual environment and caches"

demo: .venv/engine $(EXTRA)
	@$(BIN)/slide demo --backend $(BACKEND)

test: .venv/dev
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

thorough: .venv/dev
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m 'slow or hypothesis' \
		--hypothesis-profile thorough

check: .venv/dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/slide verify reference --examples 10
	@$(BIN)/slide verify numba --examples 10

format: .venv/dev
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

verify: .venv/dev $(EXTRA)
	@$(BIN)/slide verify $(BACKEND) --examples 200

# The theme would tell of a MkDocs 2 that does not concern these pages.
docs: .venv/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# KILLS of a run in a row, for each learner and backend: make faults KILLS=200
KILLS ?= 50
faults: .venv/dev
	@SLIDE_FAULTS=20 $(BIN)/python -m pytest tests/backends/test_processes_faults.py
	@$(BIN)/python tests/killing.py $(KILLS) reference numba processes hogwild

# TARGETS are names in tests/fuzzing/targets.py; atheris follows coverage where it can be installed.
SECONDS ?= 600
fuzz: .venv/dev
	@$(PIP) --editable '.[dev,fuzz]' || echo "without atheris: bytes are changed at random"
	@PYTHONPATH=.:tests $(BIN)/python -m fuzzing.run --seconds $(SECONDS) $(TARGETS)

# WORDS are parts of names: make mutants WORDS='sddmm spmm'
mutants: .venv/dev
	@$(BIN)/python tests/mutants/sweep.py $(WORDS)

# MODULES are files or folders to mutate, SAMPLE how many mutations are tried at most.
MINUTES ?= 60
mutation: .venv/dev
	@$(PIP) --editable '.[dev,mutation]'
	@$(BIN)/python -m bench.mutation.survivors --minutes $(MINUTES) $(addprefix --sample ,$(SAMPLE)) $(MODULES)

# DATA is a folder with X_train.npz, Y_train.npz, X_test.npz, Y_test.npz; without it data is drawn.
BENCH = $(BIN)/python -m bench.report $(addprefix --backend ,$(BACKEND)) $(if $(DATA),--data "$(DATA)")

bench: .venv/bench $(EXTRA)
	@$(BENCH)

bench-quick: .venv/bench $(EXTRA)
	@$(BENCH) --quick

# PEERS are options of bench.rivals.peers.compare: make bench-peers PEERS='--data DIR --sets bibtex'
bench-peers: .venv/dev
	@$(PIP) --editable '.[dev,report]'
	@$(BIN)/python -m bench.rivals.peers.install
	@$(BIN)/python -m bench.rivals.peers.compare $(PEERS)

gpu: .venv/bench .venv/cupy
	@$(BIN)/python -m bench.gpu.verify_and_time $(if $(DATA),--data "$(DATA)")

# What isolated builds install is pinned, too.
BUILD = PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build

dist: .venv/dist
	@rm -rf out/dist && mkdir -p out
	@$(BUILD) --outdir out/dist > out/build.log 2>&1 || { cat out/build.log; exit 1; }
	@$(BIN)/python -m twine check --strict out/dist/*

dist-check: dist
	@$(BUILD) --wheel --outdir out/dist/of-clone >> out/build.log 2>&1 || { cat out/build.log; exit 1; }
	@$(BIN)/python tests/shipped.py out/dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "slide needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/engine: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ .venv/engine

.venv/dist: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[dist]'
	@touch $@ .venv/engine

# A build of PyTorch for CPUs is enough, and smaller: install it into .venv before.
.venv/bench: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[dev,bench]'
	@touch $@ .venv/dev .venv/engine

.venv/docs: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[docs]'
	@touch $@ .venv/engine

.venv/cupy: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable '.[cupy]'
	@touch $@ .venv/engine

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

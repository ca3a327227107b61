# Every target works on a fresh machine with make and Python 3.11 or newer: what it needs is installed into .venv first.
# Nothing is installed, and no network needed, while pyproject.toml stays as it is.

PYTHON ?= python3
CONFIG ?= config/chatsrv.yaml

VENV := .venv
RUN := $(VENV)/bin/python -m
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --editable
OFFLINE := the packages could not be installed (see above); the first start needs a network, later ones do not

.DEFAULT_GOAL := help
.PHONY: help run check user test lint format bench stress docs clean
.DELETE_ON_ERROR:

help: ## List all targets
	@echo "make TARGET, where TARGET is"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12
	@echo "Another Python: make run PYTHON=python3.12      Other settings: make run CONFIG=my.yaml"

run: $(VENV)/installed ## Start the chat server on port 61116; Ctrl-C stops it
	@exec $(RUN) chatsrv --config "$(CONFIG)" run

check: $(VENV)/installed ## Tell whether the settings and the accounts are in order
	@exec $(RUN) chatsrv --config "$(CONFIG)" check

user: $(VENV)/installed ## Add an account: make user NAME=alice
	@test -n "$(NAME)" || { echo "Say who: make user NAME=alice" >&2; exit 1; }
	@exec $(RUN) chatsrv --config "$(CONFIG)" user add -- "$(NAME)"

test: $(VENV)/installed-dev ## Run the tests: some three minutes with two cores
	@$(RUN) pytest -q --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

stress: $(VENV)/installed-dev ## Run the long tests that lose, stall and count
	@$(RUN) pytest -q -m stress $(ARGS)

lint: $(VENV)/installed-dev ## Check style and types
	@$(RUN) ruff check chatsrv tests
	@$(RUN) ruff format --check chatsrv tests
	@$(RUN) mypy

format: $(VENV)/installed-dev ## Lay out the code as the linter wants it
	@$(RUN) ruff check --fix chatsrv tests
	@$(RUN) ruff format chatsrv tests

bench: $(VENV)/installed-dev ## Measure speed and memory
	@$(VENV)/bin/python tests/bench $(ARGS)

docs: $(VENV)/installed ## Write docs/settings.md anew from the declarations
	@$(RUN) chatsrv.settings.manual > docs/settings.md.new
	@mv docs/settings.md.new docs/settings.md

clean: ## Remove all that make made, .venv too
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis docs/settings.md.new
	find chatsrv tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment that works is kept; otherwise (none, half made, its Python gone or too old) it is made anew.
USABLE := import sys, pip; sys.exit(sys.version_info < (3, 11))

$(VENV)/installed: pyproject.toml
	@if ! $(VENV)/bin/python -c '$(USABLE)' 2> /dev/null; then \
		command -v "$(PYTHON)" > /dev/null \
			|| { echo "chatsrv needs Python 3.11 or newer, and there is no $(PYTHON): install it," \
				"or name yours: make run PYTHON=/path/to/python3" >&2; exit 1; }; \
		"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
			|| { echo "chatsrv needs Python 3.11 or newer, and $(PYTHON) is $$("$(PYTHON)" --version 2>&1):" \
				"name a newer one: make run PYTHON=python3.12" >&2; exit 1; }; \
		"$(PYTHON)" -c 'import venv, ensurepip' 2> /dev/null \
			|| { echo "$(PYTHON) lacks the module venv: install it (Debian, Ubuntu: apt install python3-venv)" \
				>&2; exit 1; }; \
		echo "Making a virtual environment in $(VENV)"; \
		"$(PYTHON)" -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "Installing what chatsrv needs (once; takes a minute)"
	@$(INSTALL) . || { echo "$(OFFLINE)" >&2; exit 1; }
	@test ! -f config/users.yaml || chmod 600 config/users.yaml  # git cannot keep it from others' eyes
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing the tools for testing (once; takes a minute)"
	@$(INSTALL) '.[dev]' || { echo "$(OFFLINE)" >&2; exit 1; }
	@touch $@

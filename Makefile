# The first two targets do all their own set-up. `make help` lists what there is.

SHELL := /bin/sh
export VENV ?= .venv
PYTHON_IN_VENV = "$(VENV)/bin/python"
FLEXMEASURES = "$(VENV)/bin/flexmeasures"

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | awk -F '\t' '{printf "%-26s %s\n", $$1, $$2}'

.PHONY: quickstart
quickstart: install ## From nothing to a battery schedule: install, set up a database, plan
	@$(FLEXMEASURES) quickstart

# Half of their time, tests wait for other processes: more may run at once, if you do not mind the
# odd one that gives up waiting.
TEST_PROCESSES ?= auto

.PHONY: test
test: install-for-test ## Run the tests (options for pytest: make test ARGS="-k storage")
	@$(PYTHON_IN_VENV) -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

# Running

.PHONY: run-local
run-local: install ## Serve on this machine, in debug mode
	@$(PYTHON_IN_VENV) run-local.py

.PHONY: upgrade-db
upgrade-db: install ## Bring the database to the newest revision
	@$(FLEXMEASURES) db current
	@$(FLEXMEASURES) db upgrade
	@$(FLEXMEASURES) db current

.PHONY: clean-db
clean-db: ## Drop and re-create a database on this machine's server: make clean-db db_name=flexmeasures
	@ci/clean-db "$(db_name)"

.PHONY: show-file-space
show-file-space: ## Tell how much of the disk is in use
	@df -h .
	@du -sh . "$(VENV)" 2>/dev/null || true

# Installing

.PHONY: install
install: ## Virtual environment, pinned requirements and FlexMeasures
	@ci/setup-venv app

.PHONY: install-deps install-flexmeasures
install-deps install-flexmeasures: install

.PHONY: install-for-test
install-for-test: ## As install, and what tests need
	@ci/setup-venv app test

.PHONY: install-for-dev
install-for-dev: ## As install-for-test, and what linting and development need
	@ci/setup-venv app test dev

.PHONY: install-docs-dependencies
install-docs-dependencies: ## As install, and what building the documentation needs
	@ci/setup-venv app docs

.PHONY: freeze-deps
freeze-deps: ## Compile requirements/*.in to pins (needs python3.10 and python3.11)
	@"$$(ci/find-python)" ci/freeze_deps.py

.PHONY: upgrade-deps
upgrade-deps: ## Compile to the newest pins, then test with them
	@"$$(ci/find-python)" ci/freeze_deps.py --upgrade
	@$(MAKE) test

.PHONY: vendor
vendor: ## Fetch the libraries of pages anew, as ci/vendor.json lists them (needs npm)
	@"$$(ci/find-python)" ci/vendor.py

.PHONY: screenshots
screenshots: install-for-test ## Take the pictures of pages for the documentation anew (needs Chromium)
	@$(PYTHON_IN_VENV) documentation/screenshots.py

# Checking

.PHONY: lint
lint: install-for-dev ## Style, format, types and layers
	@$(PYTHON_IN_VENV) -m ruff check .
	@$(PYTHON_IN_VENV) -m ruff format --check .
	@$(PYTHON_IN_VENV) -m mypy
	@"$(VENV)/bin/lint-imports"

.PHONY: fuzz
fuzz: install-for-test ## Try the API as it is described, as each role: make fuzz ARGS="--examples 500"
	@$(PYTHON_IN_VENV) ci/fuzz.py $(ARGS)

.PHONY: days
days: install-for-test ## Ten days of operation in minutes, with random kills: make days ARGS="--days 2"
	@$(PYTHON_IN_VENV) -m ci.days $(ARGS)

.PHONY: try-stack
try-stack: install-for-test ## Run on this machine what docker-compose.yml runs in containers
	@$(PYTHON_IN_VENV) ci/try_stack.py

.PHONY: audit
audit: ## Ask a public database for known vulnerabilities of the pinned packages
	@ci/audit

.PHONY: sbom
sbom: install ## Write a bill of materials to sbom.json (CycloneDX)
	@$(PYTHON_IN_VENV) ci/sbom.py sbom.json

.PHONY: benchmark
benchmark: install-for-test ## Measure speed, as ratios within one run
	@$(PYTHON_IN_VENV) -m pytest benchmarks --benchmark-columns=min,median,max,rounds $(ARGS)

.PHONY: benchmark-forecasting
benchmark-forecasting: install-for-test ## Measure accuracy on a folder of series: make benchmark-forecasting ARGS="--data DIR --models auto"
	@$(PYTHON_IN_VENV) -m benchmarks.forecasting $(ARGS)

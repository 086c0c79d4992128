# Everything a newcomer types. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Tools that the set-up builds go into the repository, and where rustup has just
# installed cargo this shell does not know it yet. Before the others, since a
# cargo from apt would hide it.
export PATH := $(CURDIR)/target/tools:$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

CARGO ?= cargo

# $(call timed,NAME,COMMAND): runs it and says how long it took, also when it fails.
define timed
	@begin=$$(date +%s); status=0; echo "== $(1)"; \
	{ $(2); } || status=$$?; \
	echo "== $(1): $$(( $$(date +%s) - begin )) s$$([ $$status -eq 0 ] || echo ", failed ($$status)")"; \
	exit $$status
endef

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Install what is missing, build, and serve with a private database
	@scripts/setup.sh run
	@clients/dashboard/scripts/run.sh build
	$(CARGO) run --release -- serve

.PHONY: build
build: ## Build the release binary: target/release/livespan
	@clients/dashboard/scripts/run.sh build
	$(CARGO) build --release

.PHONY: test
test: ## Install what is missing and run all tests against a throw-away Postgres
	$(call timed,set-up,scripts/setup.sh test)
	$(call timed,building the dashboard,clients/dashboard/scripts/run.sh build)
	$(call timed,building the tests,$(CARGO) test --workspace --features failpoints --no-run)
	$(call timed,tests,scripts/with-postgres.sh $(CARGO) test --workspace --features failpoints --no-fail-fast)
	@$(MAKE) --no-print-directory test-python test-node test-dashboard test-schemathesis
	@cat target/interop/left-out

.PHONY: test-faults
test-faults: ## Kill, freeze, cut off and starve it 24,400 times, which takes hours
	$(call timed,set-up,scripts/setup.sh test)
	$(call timed,faults,LIVESPAN_FAULTS=nightly scripts/with-postgres.sh $(CARGO) test --features failpoints --test faults -- --nocapture)

PYTHON ?= python3
# The virtual environment of the Python SDK's tests and generated code.
python_venv := target/clients/python
python_sources := clients/python/pyproject.toml clients/python/requirements-dev.txt

$(python_venv)/ready: $(python_sources)
	@mkdir -p $(dir $(python_venv))
	@$(PYTHON) -m venv $(python_venv)
	@$(python_venv)/bin/pip install -q --disable-pip-version-check -r clients/python/requirements-dev.txt
	@$(python_venv)/bin/pip install -q --disable-pip-version-check --no-deps -e clients/python
	@touch $@

.PHONY: test-python
test-python: $(python_venv)/ready ## Test the Python SDK against the debug binary
	$(call timed,types of the Python SDK,cd clients/python && $(CURDIR)/$(python_venv)/bin/mypy)
	$(call timed,tests of the Python SDK,cd clients/python && $(CURDIR)/$(python_venv)/bin/pytest)

.PHONY: clients-python
clients-python: $(python_venv)/ready ## Generate what the Python SDK takes from proto/ and rules/
	@$(python_venv)/bin/python clients/python/scripts/generate.py

# The virtual environment of the tool that tries REST by its own document.
rest_venv := target/rest/python

$(rest_venv)/ready: tests/rest/schemathesis/requirements.txt
	@mkdir -p $(dir $(rest_venv))
	@$(PYTHON) -m venv $(rest_venv)
	@$(rest_venv)/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

.PHONY: test-schemathesis
test-schemathesis: $(rest_venv)/ready ## Hold a debug server's REST to its OpenAPI document
	$(call timed,REST by its document,scripts/with-postgres.sh tests/rest/schemathesis/run)

.PHONY: test-node
test-node: ## Test the Node SDK against the debug binary
	$(call timed,tests of the Node SDK,clients/node/scripts/run.sh test)

.PHONY: clients-node
clients-node: ## Generate what the Node SDK takes from proto/ and rules/
	@clients/node/scripts/run.sh generate

.PHONY: test-dashboard
test-dashboard: ## Test the dashboard in a browser, against the debug binary
	$(call timed,tests of the dashboard,clients/dashboard/scripts/run.sh test)

.PHONY: measure-dashboard
measure-dashboard: build ## Open and scroll a run of 10,000 steps in a browser
	LIVESPAN_BIN=$(CURDIR)/target/release/livespan clients/dashboard/scripts/run.sh measure

.PHONY: clients-dashboard
clients-dashboard: ## Generate the dashboard's types from the debug binary's OpenAPI document
	@clients/dashboard/scripts/run.sh generate

.PHONY: lint
lint: ## Check format, lints and documentation, warnings being errors
	$(call timed,set-up,scripts/setup.sh lint)
	$(call timed,format,$(CARGO) fmt --all --check)
	$(call timed,clippy,$(CARGO) clippy --workspace --all-targets --features failpoints -- -D warnings)
	$(call timed,documentation,RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps)

.PHONY: bench
bench: ## Measure the server beside raw Postgres: a table, and target/bench/results.json
	@scripts/setup.sh run
	$(CARGO) bench --bench collector

.PHONY: clean
clean: ## Remove all that was built
	$(CARGO) clean

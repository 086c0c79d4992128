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
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Install what is missing, build, and serve with a private database
	@scripts/setup.sh run
	$(CARGO) run --release -- serve

.PHONY: build
build: ## Build the release binary: target/release/livespan
	$(CARGO) build --release

.PHONY: test
test: ## Install what is missing and run all tests against a throw-away Postgres
	$(call timed,set-up,scripts/setup.sh test)
	$(call timed,building the tests,$(CARGO) test --workspace --features failpoints --no-run)
	$(call timed,tests,scripts/with-postgres.sh $(CARGO) test --workspace --features failpoints --no-fail-fast)
	@cat target/interop/left-out

.PHONY: test-faults
test-faults: ## Kill, freeze, cut off and starve it 24,400 times, which takes hours
	$(call timed,set-up,scripts/setup.sh test)
	$(call timed,faults,LIVESPAN_FAULTS=nightly scripts/with-postgres.sh $(CARGO) test --features failpoints --test faults -- --nocapture)

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

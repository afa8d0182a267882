# Keyward: one WebAssembly filter for Envoy, and the `keyward` command. Bare `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WASM := $(TARGET_DIR)/wasm32-wasip1/release/keyward.wasm
KEYWARD := $(TARGET_DIR)/release/keyward
WASM_FLAGS := --lib --target wasm32-wasip1 --no-default-features

.PHONY: help check build test bench fuzz run clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

check: ## What CI runs first: format, lints with denies, docs, dependencies, licences
	@bash tests/check.sh

build: ## The filter (wasm, release) and the `keyward` command
	@cargo build --locked --release $(WASM_FLAGS)
	cargo build --locked --release --bin keyward
	printf '%s\n' 'filter:  $(WASM)' 'command: $(KEYWARD)'

test: ## Install what the tests need, then run everything: unit, property, real Envoy, SDKs
	@bash tests/run.sh

bench: ## CPU, latency and memory against a bare Envoy, as a table (also written to target/bench.md)
	@ENVOY=$$(bash envoy/get.sh)
	export ENVOY
	cargo bench --locked --bench gateway

fuzz: ## A minute of fuzzing for each parser that reads what others wrote; needs cargo-fuzz
	@bash fuzz/run.sh

run: build ## The gateway with the built-in demo provider and a demo key; POLICIES=folder TEAM=name for policies of your own; STORE=redis
	@KEYWARD='$(KEYWARD)' KEYWARD_WASM='$(WASM)' POLICIES='$(POLICIES)' TEAM='$(TEAM)' STORE='$(STORE)' bash envoy/run.sh

clean: ## Remove everything that was built or fetched
	@cargo clean
	rm -rf .keyward tests/sdk/node/node_modules benches/hold/target fuzz/target fuzz/corpus fuzz/artifacts

#!/usr/bin/env bash
# What CI runs first. Every step names itself; the first that fails ends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*" >&2; "$@"; }

step cargo fmt --check
step cargo fmt --check --manifest-path benches/hold/Cargo.toml
step cargo fmt --check --manifest-path fuzz/Cargo.toml
step cargo clippy --locked --all-targets -- -D warnings
step cargo clippy --locked --lib --target wasm32-wasip1 --no-default-features -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc --locked --no-deps --document-private-items
if command -v cargo-machete >/dev/null; then
    step cargo machete
else
    echo "cargo-machete is not installed: unused dependencies are not looked for" >&2
fi
if command -v cargo-deny >/dev/null; then
    step cargo deny --log-level error check licenses bans sources
    # Advisories come from a database on GitHub, which not every machine can reach. A finding fails; not reaching it does not.
    if GIT_TERMINAL_PROMPT=0 timeout 60 git ls-remote --quiet https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
        step cargo deny --log-level error check advisories
    else
        echo "the advisory database cannot be reached from here: advisories are not checked" >&2
    fi
else
    echo "cargo-deny is not installed (cargo install --locked cargo-deny): licences and sources are not checked" >&2
    [ -z "${CI:-}" ] || exit 1
fi

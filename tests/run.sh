#!/usr/bin/env bash
# Installs what the tests need and runs everything. Ends with one line: N passed, N failed.
#
# `bash tests/run.sh FILTER…` hands the filter on to the end-to-end tests and runs only them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "$*" >&2; echo "0 passed, 1 failed"; exit 1; }

ENVOY=$(bash envoy/get.sh) || fail "no Envoy"
export ENVOY
bash tests/store.sh || fail "no Redis and Webdis"
bash tests/sdk/install.sh || fail "the SDKs could not be installed"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed_runs=0
run() {
    printf '\n== %s\n' "$*" >&2
    "$@" 2>&1 | tee -a "$log"
    [ "${PIPESTATUS[0]}" -eq 0 ] || failed_runs=$((failed_runs + 1))
}

# The filter is built first, by itself, so that a failing build says so instead of failing every test.
cargo build --locked --release --lib --target wasm32-wasip1 --no-default-features || fail "the filter does not build"
if [ $# -eq 0 ]; then
    run cargo test --locked --lib --bins
    for suite in tests/*.rs; do
        [ -e "$suite" ] && run cargo test --locked --test "$(basename "$suite" .rs)"
    done
    run cargo test --locked --test store
    run cargo test --locked --doc
fi
run cargo test --locked --test e2e -- "$@"

total() { awk -v what="$1;" '/^test result: / { for (i = 2; i <= NF; i++) if ($i == what) sum += $(i - 1) } END { print sum + 0 }' "$log"; }
passed=$(total passed) failed=$(total failed)
if [ "$failed_runs" -gt 0 ] && [ "$failed" -eq 0 ]; then failed=$failed_runs; fi
echo
grep -E '^test .* \.\.\. FAILED$' "$log" || true
echo "$passed passed, $failed failed"
[ "$failed_runs" -eq 0 ]

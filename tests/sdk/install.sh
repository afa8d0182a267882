#!/usr/bin/env bash
# Installs the official SDKs, at pinned versions, into .keyward/sdk and tests/sdk/node/node_modules. Does nothing the second time.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$root/.keyward/sdk

if ! cmp -s "$root/tests/sdk/python/requirements.txt" "$venv/installed"; then
    echo "installing the Python SDKs into .keyward/sdk" >&2
    rm -rf "$venv"
    mkdir -p "$root/.keyward"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/tests/sdk/python/requirements.txt"
    cp "$root/tests/sdk/python/requirements.txt" "$venv/installed"
fi

node=$root/tests/sdk/node
if ! cmp -s "$node/package-lock.json" "$node/node_modules/installed"; then
    echo "installing the Node SDKs into tests/sdk/node/node_modules" >&2
    (cd "$node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp "$node/package-lock.json" "$node/node_modules/installed"
fi

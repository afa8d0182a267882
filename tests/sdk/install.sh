#!/usr/bin/env bash
# Installs the official SDKs and, as a provider that is not ours, LiteLLM, at pinned versions, into .keyward and
# tests/sdk/node/node_modules. Does nothing the second time.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Installs what `$2` lists, at its pinned versions, into `.keyward/$1`.
python_packages() {
    local venv=$root/.keyward/$1 requirements=$root/$2
    cmp -s "$requirements" "$venv/installed" && return
    echo "installing $2 into .keyward/$1" >&2
    rm -rf "$venv"
    mkdir -p "$root/.keyward"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/installed"
}
python_packages sdk tests/sdk/python/requirements.txt
python_packages litellm tests/sdk/litellm/requirements.txt

node=$root/tests/sdk/node
if ! cmp -s "$node/package-lock.json" "$node/node_modules/installed"; then
    echo "installing the Node SDKs into tests/sdk/node/node_modules" >&2
    (cd "$node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp "$node/package-lock.json" "$node/node_modules/installed"
fi

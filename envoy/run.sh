#!/usr/bin/env bash
# The whole gateway on this machine: a fresh demo key, the example policies, Envoy with the built-in demo provider.
# Called by `make run` with KEYWARD (the command) and KEYWARD_WASM (the filter).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${KEYWARD:=target/release/keyward}" "${KEYWARD_WASM:=target/wasm32-wasip1/release/keyward.wasm}"

envoy=$(bash envoy/get.sh)
umask 077
mkdir -p .keyward/policies .keyward/secrets

# A provider's key as Envoy's secret discovery reads it; rename a new file over it to rotate. The file holds the key as JSON
# text, made by python so that no character of it can break out.
secret() { # NAME PREFIX VALUE
    NAME=$1 PREFIX=$2 VALUE=$3 python3 - > ".keyward/secrets/$1.tmp" <<'PYTHON'
import json, os
name, prefix, value = (os.environ[key] for key in ("NAME", "PREFIX", "VALUE"))
secret = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": name,
          "generic_secret": {"secret": {"inline_string": prefix + value}}}
print(json.dumps({"resources": [secret] if value else []}))
PYTHON
    mv ".keyward/secrets/$1.tmp" ".keyward/secrets/$1.yaml"
}
secret openai "Bearer " "${OPENAI_API_KEY:-}"
secret anthropic "" "${ANTHROPIC_API_KEY:-}"

key=$("$KEYWARD" key new --team playground --id demo --force --output-policy .keyward/policies/demo-key.yaml)
"$KEYWARD" bundle policies .keyward/policies --wasm "$KEYWARD_WASM" -o .keyward/gate.json >/dev/null

"$envoy" -c envoy/envoy.yaml --log-level warning "$@" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null' EXIT INT TERM

for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || { wait "$pid"; exit; }
    if [ "$(curl -s http://127.0.0.1:9901/ready || true)" = LIVE ]; then break; fi
    sleep 0.1
done

cat <<TEXT

Keyward is running. A call that works:

  curl -i http://127.0.0.1:10000/v1/chat/completions \\
    -H 'authorization: Bearer $key' \\
    -d '{"model":"demo-small","messages":[{"role":"user","content":"hello"}]}'

Models of this key:  curl -s http://127.0.0.1:10000/v1/models -H 'authorization: Bearer $key'
Metrics:             http://127.0.0.1:9901/stats/prometheus?filter=keyward
Audit records:       below, one JSON object per request
Policies:            policies/ and .keyward/policies/; after a change:
                     $KEYWARD bundle policies .keyward/policies --wasm $KEYWARD_WASM -o .keyward/gate.json
${OPENAI_API_KEY:+OpenAI:              served as well, for instance as gpt-4o
}Stop with Ctrl-C.

TEXT
wait "$pid"

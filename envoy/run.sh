#!/usr/bin/env bash
# The whole gateway on this machine: a fresh demo key, policies, Envoy with the built-in demo provider.
# Called by `make run` with KEYWARD (the command) and KEYWARD_WASM (the filter).
#
# POLICIES: your own files or folders instead of the example organisation. TEAM: the team of them that gets a demo key; without
# it there is none, and you call with a key of yours. STORE=redis: limits in a Redis beside it, see envoy/store/run.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${KEYWARD:=target/release/keyward}" "${KEYWARD_WASM:=target/wasm32-wasip1/release/keyward.wasm}"
if [ -z "${POLICIES:-}" ]; then
    [ -z "${TEAM:-}" ] || { echo "TEAM names a team of your own POLICIES; the example's demo key is of team playground" >&2; exit 1; }
    POLICIES=policies TEAM=playground
fi
case ${STORE:-} in "" | redis) ;; *) echo "STORE is redis, or nothing; not $STORE" >&2; exit 1 ;; esac
read -ra policies <<<"$POLICIES"
TEAM=${TEAM:-}

envoy=$(bash envoy/get.sh)
# Before anything is written: a gateway that runs here would take the new policy, and its callers' keys would be none.
source envoy/ports.sh
need_free 10000 10001 9901
umask 077
mkdir -p .keyward/policies .keyward/secrets

# A provider's key as Envoy's secret discovery reads it; rename a new file over it to rotate. The file holds the key as JSON
# text, made by python so that no character of it can break out. Without a key it holds an empty one: requests go out without
# a credential, and Envoy has nothing to warn of.
secret() { # NAME VALUE
    NAME=$1 VALUE=$2 python3 - > ".keyward/secrets/$1.tmp" <<'PYTHON'
import json, os
name, value = (os.environ[key] for key in ("NAME", "VALUE"))
secret = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": name,
          "generic_secret": {"secret": {"inline_string": value}}}
print(json.dumps({"resources": [secret]}))
PYTHON
    mv ".keyward/secrets/$1.tmp" ".keyward/secrets/$1.yaml"
}
secret openai "${OPENAI_API_KEY:-}"
secret anthropic "${ANTHROPIC_API_KEY:-}"
secret gemini "${GEMINI_API_KEY:-}"
secret openrouter "${OPENROUTER_API_KEY:-}"
secret azure "${AZURE_OPENAI_API_KEY:-}"

# As one types it: $KEY stands for a key of the caller's own.
key='$KEY' model=MODEL
if [ -n "$TEAM" ]; then
    key=$("$KEYWARD" key new --team "$TEAM" --id demo --force --output-policy .keyward/policies/demo-key.yaml)
    policies+=(.keyward/policies)
fi
[ "$POLICIES" != policies ] || model=demo-small
case ${STORE:-} in
"")
    if grep -rqsE '^store:' "${policies[@]}"; then
        echo "The policy keeps its limits in a store, and none is started here: \`make run STORE=redis\` starts one." >&2
    fi
    ;;
redis)
    export REDIS_PORT=${REDIS_PORT:-16379}
    url=redis://127.0.0.1:$REDIS_PORT
    grep -rqsE '^store:' "${policies[@]}" || policies+=(envoy/store/policy.yaml)
    # It ends when the pipe closes, whatever way this script goes.
    coproc store { KEYWARD=$KEYWARD bash envoy/store/run.sh; }
    read -r ready <&"${store[0]}" && [ "$ready" = ready ] || exit 1
    ;;
esac
# Where envoy.yaml has it, for the provider role.
cp "$KEYWARD_WASM" .keyward/keyward.wasm.new && mv .keyward/keyward.wasm.new .keyward/keyward.wasm
"$KEYWARD" bundle "${policies[@]}" --wasm "$KEYWARD_WASM" -o .keyward/gate.json >/dev/null

"$envoy" -c envoy/envoy.yaml --log-level warning "$@" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null' EXIT INT TERM

for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || { wait "$pid"; exit; }
    if [ "$(curl -s http://127.0.0.1:9901/ready || true)" = LIVE ]; then break; fi
    sleep 0.1
done

cat <<TEXT

Keyward is running. Call it${TEAM:+ with the fresh demo key of team $TEAM}:

  curl -i http://127.0.0.1:10000/v1/chat/completions \\
    -H "authorization: Bearer $key" -H "content-type: application/json" \\
    -d '{"model":"$model","messages":[{"role":"user","content":"hello"}]}'

Models of this key:  curl -s http://127.0.0.1:10000/v1/models -H "authorization: Bearer $key"
${STORE:+Store:               $url, behind Webdis at 127.0.0.1:7379
                     $KEYWARD store status --url $url
What was used:       $KEYWARD usage --url $url
A second Envoy:      bash envoy/two-replicas.sh, at port 10010, with the same limits
}Metrics:             http://127.0.0.1:9901/stats/prometheus?filter=keyward
Audit records:       below, one JSON object per request, as Envoy writes them: up to ten seconds later
Policies:            ${policies[*]}; after a change:
                     $KEYWARD bundle ${policies[*]} --wasm $KEYWARD_WASM -o .keyward/gate.json
${OPENAI_API_KEY:+OpenAI:              served as well, by models of the cluster openai
}Stop with Ctrl-C.

TEXT
wait "$pid"

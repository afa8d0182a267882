#!/usr/bin/env bash
# Redis and Webdis beside the gateway, on loopback only, until its input closes or either of them ends. Called by envoy/run.sh for
# `make run STORE=redis`; on a terminal it starts them again beside a gateway that runs. What Redis holds is kept in .keyward/redis.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${KEYWARD:=target/release/keyward}" "${REDIS_PORT:=16379}"

for program in redis-server webdis; do
    command -v "$program" >/dev/null || { echo "$program is needed (Debian: apt-get install redis-server webdis)" >&2; exit 1; }
done
# Whoever listens there already may be somebody else's, with other data.
source envoy/ports.sh
need_free "$REDIS_PORT" 7379
umask 077
mkdir -p .keyward/redis
# Where envoy.yaml has it. Only what Keyward says: whoever finds the port cannot empty Redis by it, nor list what is in it.
cat > .keyward/webdis.json <<JSON
{"redis_host": "127.0.0.1", "redis_port": $REDIS_PORT, "http_host": "127.0.0.1", "http_port": 7379, "threads": 2, "pool_size": 4,
 "daemonize": false, "websockets": false, "database": 0, "http_max_request_size": 16777216, "verbosity": 2, "logfile": "/dev/stderr",
 "acl": [{"disabled": ["*"]}, {"enabled": ["PING", "FCALL", "EVALSHA", "GET"]}]}
JSON

pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait "${pids[@]}" 2>/dev/null' EXIT
trap 'exit 1' INT TERM
redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir .keyward/redis --save '' --appendonly yes --loglevel warning \
    >.keyward/redis.log 2>&1 </dev/null &
pids+=($!)
webdis .keyward/webdis.json >.keyward/webdis.log 2>&1 </dev/null &
pids+=($!)

both_run() { kill -0 "${pids[0]}" 2>/dev/null && kill -0 "${pids[1]}" 2>/dev/null; }
for _ in $(seq 100); do
    both_run || break
    if curl -s --max-time 1 http://127.0.0.1:7379/PING | grep -q PONG; then ready=yes; break; fi
    sleep 0.1
done
if [ -z "${ready:-}" ] || ! both_run; then
    echo "the store did not start; .keyward/redis.log and .keyward/webdis.log:" >&2
    tail -n 5 .keyward/redis.log .keyward/webdis.log >&2
    exit 1
fi
if "$KEYWARD" store --help >/dev/null 2>&1; then
    "$KEYWARD" store init --url "redis://127.0.0.1:$REDIS_PORT" >&2
fi
echo ready
# Said in so many words, for what runs in the background reads from nowhere otherwise.
exec 3<&0
cat <&3 >/dev/null &
reader=$!
wait -n "${pids[@]}" "$reader" || true
if kill -0 "$reader" 2>/dev/null; then
    kill "$reader"
    echo "the store has ended: Redis and Webdis run together. Both again: bash envoy/store/run.sh, on a terminal" >&2
fi

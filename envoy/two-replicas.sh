#!/usr/bin/env bash
# A second Envoy beside the one of `make run STORE=redis`, at port 10010: the same policy, the same store, so the same limits.
#
#     make run STORE=redis            # in one terminal
#     bash envoy/two-replicas.sh      # in another; then call 10000 and 10010 with the key that the first one printed
#
# What differs from the first: the ports, `--base-id` (Envoys of one machine share memory by it), and the node's id.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source envoy/ports.sh
if ! curl -s 'http://127.0.0.1:9901/stats?filter=keyward_store_available' | grep -q keyward_store_available; then
    echo "start the first one, with a store: make run STORE=redis" >&2
    exit 1
fi
need_free 10010 10011 9911
sed -E 's/\b10000\b/10010/; s/\b10001\b/10011/; s/\b9901\b/9911/; s/\bkeyward-1\b/keyward-2/' envoy/envoy.yaml > .keyward/envoy-2.yaml
envoy=$(bash envoy/get.sh)
cat <<TEXT
A second Envoy, at http://127.0.0.1:10010: call it as you call the first one; what either admits counts for both.
Its audit records are below, its metrics at http://127.0.0.1:9911/stats/prometheus?filter=keyward. Stop with Ctrl-C.
TEXT
exec "$envoy" -c .keyward/envoy-2.yaml --base-id 2 --log-level warning "$@"

#!/usr/bin/env bash
# Installs redis-server and webdis, which the tests of the store start by themselves. Does nothing where both are there.
set -euo pipefail

if command -v redis-server >/dev/null && command -v webdis >/dev/null; then exit; fi
sudo=$([ "$(id -u)" -eq 0 ] || echo "sudo -n")
if ! command -v apt-get >/dev/null || ! $sudo true 2>/dev/null; then
    echo "redis-server and webdis are needed (Debian: apt-get install redis-server webdis)" >&2
    exit 1
fi
echo "installing redis-server and webdis" >&2
# The packages would start servers on the default ports: Debian asks this file whether they may.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$sudo rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod +x "$policy"
fi
$sudo apt-get update -qq >&2
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends redis-server webdis >&2

#!/usr/bin/env bash
# Fuzzes each target for a while, from seeds that the tests and examples have already: fuzz/run.sh [SECONDS [TARGET…]]
#
# Needs a C++ compiler and `cargo install --locked cargo-fuzz@0.13.2`. Runs on the pinned stable compiler: `-s none` leaves
# out the sanitizers, which would need a nightly one and have nothing to watch: only the wasm shell has `unsafe`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-60}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(json request meter policy bundle pattern path)
command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install --locked cargo-fuzz@0.13.2" >&2; exit 1; }

# A seed is named by what is in it, so that seeding again adds nothing.
seed() { # TARGET, the seed on stdin
    local file
    mkdir -p "fuzz/corpus/$1"
    file=$(mktemp "fuzz/corpus/$1/.seed.XXXXXX")
    cat >"$file"
    mv "$file" "fuzz/corpus/$1/seed-$(cksum <"$file" | tr ' ' -)"
}
byte() { printf '%b' "\\x$(printf '%02x' "$1")"; }
cuts='\1\0\7\1'

number=0
# JSON in the tests stands in raw strings.
while IFS= read -r text; do
    number=$((number + 1))
    printf "$cuts%s" "$text" | seed json
    { byte $((number % 12)); byte $((number % 4)); printf "$cuts%s" "$text"; } | seed request
    { byte $((4 + number % 4)); printf "$cuts%s" "$text"; } | seed meter
    { byte $((number % 4)); printf "${cuts}data: %s\n\n" "$text"; } | seed meter
done < <(grep -oh 'r#"[^#]*"#' src/request/tests/*.rs src/metering/tests/*.rs | sed -e 's/^r#"//' -e 's/"#$//')

for answer in envoy/demo/*.sse envoy/demo/*.json; do
    [[ $answer == *.sse ]] && kind=0 || kind=4
    for dialect in 0 1 2 3; do
        { byte $((kind + dialect)); printf "$cuts"; cat "$answer"; } | seed meter
    done
    { printf "$cuts"; cat "$answer"; } | seed json
done

part='Content-Disposition: form-data; name='
for endpoint in 8 9; do
    for form in "--b\r\n$part\"model\"\r\n\r\nm\r\n--b\r\n$part\"file\"; filename=\"a.mp3\"\r\n\r\n\r\n-\r\n--b--\r\n" \
        "\r\n--b\r\n$part\"stream\"\r\n\r\ntrue\r\n--b\r\n$part\"prompt\"\r\n\r\nx\r\n--b--" '--b--\r\n'; do
        { byte "$endpoint"; printf '\0'; printf "${cuts}multipart/form-data; boundary=b\n$form"; } | seed request
    done
done

for file in policies/*.yaml tests/policies/*.yaml tests/cli/*/*.yaml; do
    seed policy <"$file"
done
cat policies/*.yaml | seed policy
{ cat policies/models.yaml policies/providers.yaml; printf '\0'; cat policies/playground.yaml policies/tiers.yaml; } | seed policy

printf '\0\0KEYWARD\1' | seed bundle
printf 'openai/*\nopenai/gpt-4o' | seed pattern
printf '*/a*b*\nx/y/abab' | seed pattern
sed -nE 's|.*=> "(/v1/.*)",|\1|p' src/request/endpoint.rs | while IFS= read -r path; do
    printf '%s?model=a%%2Fb&x=1' "$path" | seed path
    printf '/openai/deployments/m%%2F4%s' "${path#/v1}" | seed path
    printf '/v1/engines/m%s' "${path#/v1}" | seed path
done

# The words of policies are those of their schema.
mkdir -p fuzz/corpus
grep -ohE '"[a-z_]+"' docs/policy.schema.json | sort -u >fuzz/corpus/policy.dict

failed=()
for target in "${targets[@]}"; do
    case $target in
        json | request | meter) words=(-dict=fuzz/wire.dict) ;;
        policy) words=(-dict=fuzz/corpus/policy.dict -max_len=8192) ;;
        *) words=() ;;
    esac
    printf '\n== %s\n' "$target" >&2
    cargo fuzz run -s none "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
        -print_final_stats=1 ${words[@]+"${words[@]}"} || failed+=("$target")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }

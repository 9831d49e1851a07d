#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A process limited to 64 MiB under threads that want more: NULL, it goes on, and what is resident
# never grows by more than 64 MiB over what the program has with the C library and no block.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c process_limit -pthread
read -r base refused _ < <("$work/process_limit" none)
[ "$refused" -eq 0 ] || fail "it asks for blocks where it should not"

status=0
KMEM_OPTIONS=limit_bytes:64M with_ours "$work/process_limit" fill >"$work/out" 2>"$work/err" || status=$?
no_signal "$status" "a limited process"
[ "$status" -eq 0 ] || fail "a limited process ends with $status"
[ ! -s "$work/err" ] || fail "malloc's refusals are to be silent: $(head -n 3 "$work/err")"
read -r high refused held <"$work/out"
echo "resident: $base KiB without libkmem and blocks, $high KiB at most under a limit of 65536 KiB"
echo "$refused blocks refused; $((held / 1024)) KiB in blocks at most"
[ "$refused" -ge 800 ] || fail "the limit refuses nothing"
[ $((high - base)) -le 65536 ] || fail "$((high - base)) KiB more, at most 65536 allowed"
[ $((held / 1024)) -ge 40000 ] || fail "of 65536 KiB only $((held / 1024)) KiB can be had"

# Below the least there can be.
KMEM_OPTIONS=limit_bytes:64 with_ours "$work/process_limit" none >/dev/null 2>"$work/err"
grep -q "'limit_bytes' with value '64' is not known" "$work/err" || fail "a limit too small is taken: $(cat "$work/err")"

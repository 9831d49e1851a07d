#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Instructions per malloc and free under callgrind, loop and PLT included, against their bounds.
# The difference between two run lengths is counted, so start-up does not matter.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need valgrind gcc

count() { # COUNT SIZE MODE
	with_ours valgrind --tool=callgrind --callgrind-out-file="$work/out" \
		"$work/pair" "$@" 2>"$work/log" || fail "pair $*: $(tail -n 3 "$work/log")"
	sed -n 's/.*Collected : //p' "$work/log"
}

build_c pair
# Copies without debug information: Debian 12's valgrind gives up on what clang 14 writes.
for library in "$core" "$override"; do
	strip -g -o "$work/$(basename "$(readlink -f "$library")")" "$library"
done
override=$work/$(basename "$(readlink -f "$override")")
bad=0
while read -r size mode bound; do
	short=$(count 100000 "$size" "$mode")
	long=$(count 300000 "$size" "$mode")
	tenths=$(((long - short) / 20000))
	verdict=ok
	[ "$tenths" -le $((bound * 10)) ] || { verdict="too many" && bad=$((bad + 1)); }
	printf '%6d %s %4d.%d instructions, at most %d: %s\n' "$size" "$mode" \
		$((tenths / 10)) $((tenths % 10)) "$bound" "$verdict"
done <<'BOUNDS'
64 pair 52
64 fifo 56
1000 fifo 56
20000 pair 52
BOUNDS
[ "$bad" -eq 0 ] || fail "$bad of 4 bounds do not hold"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Instructions per malloc and free under callgrind, loop and PLT included, against their bounds;
# and of a cache's calls without the loop around them.
# The difference between two run lengths is counted, so start-up does not matter.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need valgrind gcc
# On a busy machine a slow valgrind lets sheaves age between two calls: that is time.
export KMEM_OPTIONS=decay_ms:10000000

count() { # COUNT PROGRAM ARGUMENTS...
	local n=$1 program=$2
	shift 2
	with_ours valgrind --tool=callgrind --callgrind-out-file="$work/out" \
		"$program" "$n" "$@" 2>"$work/log" || fail "$program $*: $(tail -n 3 "$work/log")"
	sed -n 's/.*Collected : //p' "$work/log"
}

tenths() { # PROGRAM ARGUMENTS...
	local short long
	short=$(count 100000 "$@")
	long=$(count 300000 "$@")
	echo $(((long - short) / 20000))
}

judge() { # WHAT TENTHS BOUND
	local verdict=ok
	[ "$2" -le $(($3 * 10)) ] || { verdict="too many" && bad=$((bad + 1)); }
	printf '%12s %4d.%d instructions, at most %d: %s\n' "$1" $(($2 / 10)) $(($2 % 10)) "$3" "$verdict"
}

build_c pair
# Copies without debug information: Debian 12's valgrind gives up on what clang 14 writes.
for library in "$core" "$override"; do
	strip -g -o "$work/$(basename "$(readlink -f "$library")")" "$library"
done
override=$work/$(basename "$(readlink -f "$override")")
bad=0
while read -r size mode bound; do
	judge "$size $mode" "$(tenths "$work/pair" "$size" "$mode")" "$bound"
done <<'BOUNDS'
64 pair 48
64 fifo 50
1000 fifo 50
20000 pair 48
20000 fifo 62
BOUNDS
build_c cache "$core" -Wl,-rpath,"$build/lib"
while read -r mode bound; do
	judge "cache $mode" $(($(tenths "$work/cache" "$mode" kmem) - $(tenths "$work/cache" "$mode" none))) "$bound"
done <<'BOUNDS'
pair 40
bulk 8
BOUNDS
[ "$bad" -eq 0 ] || fail "$bad bounds do not hold"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# heap.sh BUILD [BLOCKS...]: instructions of a private heap's alloc and free with ever more live
# blocks: O(1) if their number does not matter. The difference between two run lengths is counted.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need valgrind gcc
shift
[ $# -gt 0 ] || set -- 1000 10000 100000
bound=210
export KMEM_OPTIONS=decay_ms:10000000

count() { # COUNT BLOCKS
	valgrind --tool=callgrind --callgrind-out-file="$work/out" "$work/heap" "$@" 2>"$work/log" ||
		fail "heap $*: $(tail -n 3 "$work/log")"
	sed -n 's/.*Collected : //p' "$work/log"
}

build_c heap "$core" -Wl,-rpath,"$build/lib"
least=
most=0
for blocks; do
	short=$(count 20000 "$blocks")
	long=$(count 60000 "$blocks")
	each=$(((long - short) / 40000))
	echo "$blocks live blocks: $each instructions for a free and an alloc"
	[ -n "$least" ] || least=$each
	[ "$each" -le "$most" ] || most=$each
done
[ "$most" -le "$bound" ] || fail "$most instructions, where $bound are the bound"
# What differs is how often a free block touches another, and is cut.
[ "$most" -le $((least * 5 / 4)) ] || fail "$least instructions with the fewest blocks, up to $most with more"

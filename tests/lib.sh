# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What the test scripts share: . tests/lib.sh [BUILD-DIRECTORY]
# Exit codes: 0 passed, 77 skipped, else failed; the reason is the last line.
# LD_PRELOAD never goes on the shell or on timeout: timeout 60 env LD_PRELOAD=... PROGRAM

set -eu
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$source_dir/build}" && pwd)
core=$build/lib/libkmem.so
override=$build/lib/libkmem-malloc.so
kmemtop=$build/bin/kmemtop
work=$(mktemp -d)
export TMUX_TMPDIR=$work # tmux leaves its sockets behind
pids=()
trap 'cleanup' EXIT

cleanup() {
	local pid
	undo
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}

# A script that changes something outside its folder defines its own.
undo() { :; }

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

# launch COMMAND...: beside the script, as $pid, until it has said "ready".
launch() {
	: >"$work/ready"
	"$@" >"$work/ready" &
	pid=$!
	pids+=("$pid")
	await ready
}

# await WORD: what was launched has said it, within 20 s.
await() {
	for _ in $(seq 400); do
		! grep -q "$1" "$work/ready" || return 0
		sleep 0.05
	done
	fail "it did not say $1"
}

# build_c NAME ARGUMENTS...: compile NAME.c of the script's folder to $work/NAME.
build_c() {
	local name=$1
	shift
	"${CC:-gcc}" -std=gnu17 -O2 -fno-builtin -Wall -Wextra -I"$source_dir/include" \
		"$here/$name.c" -o "$work/$name" "$@" || fail "$name.c does not compile"
}

# with_ours COMMAND...: run it on libkmem's malloc.
with_ours() {
	timeout 60 env LD_PRELOAD="$override" "$@"
}

# no_signal STATUS WHAT: a status above 128 is a death by signal (124: the time ran out).
no_signal() {
	[ "$1" -le 128 ] || fail "$2 died by signal $(($1 - 128))"
	[ "$1" -ne 124 ] || fail "$2 did not end in time"
}

# average COMMAND...: the mean of the number it prints, over 100 runs. How much of a file the kernel
# maps around a fault depends on where the file lies, which is random: one resident size says little.
average() {
	for _ in $(seq 100); do
		"$@"
	done | awk '{ sum += $1 } END { printf "%d\n", sum / NR }'
}

# active NAME TABLE: objects in use of the caches whose names match the pattern, in kmemtop's table.
active() {
	awk -v name="^${1//\*/.*}[*]?$" '$3 ~ /^[0-9]+%$/ && $8 ~ name { sum += $2 } END { print sum + 0 }' "$2"
}

# same COMMAND...: it succeeds, and says the same, as without libkmem; kmemtop's table of it proves
# that libkmem served it.
same() {
	local ours=0
	timeout 60 "$@" >"$work/theirs.out" 2>&1 </dev/null || fail "$1 fails even without libkmem: exit $?"
	with_ours "$@" >"$work/ours.out" 2>&1 </dev/null || ours=$?
	no_signal "$ours" "$1 with libkmem ($(tail -n 2 "$work/ours.out"))"
	[ "$ours" -eq 0 ] || fail "$1 with libkmem exits with $ours: $(tail -n 2 "$work/ours.out")"
	cmp -s "$work/theirs.out" "$work/ours.out" ||
		fail "$1 says something else: $(diff "$work/theirs.out" "$work/ours.out" | head -n 4)"
	timeout 60 "$kmemtop" -o -- "$@" >"$work/table" 2>&1 </dev/null ||
		fail "kmemtop -o -- $1 exits with $?: $(tail -n 3 "$work/table")"
	[ "$(active 'malloc-*' "$work/table")" -gt 0 ] ||
		fail "kmemtop shows no objects in the malloc- caches: $(tail -n 20 "$work/table")"
	echo "same output, $(active 'malloc-*' "$work/table") objects in the malloc- caches"
}

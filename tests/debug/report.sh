#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A report says how old things were when it began, however long names take, and its stacks begin with
# the program's own frames.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

ulimit -c 0
build_c report
cat >"$work/slow" <<'END'
#!/bin/bash
while read -r _; do
	sleep 0.15
	echo
done
END
chmod +x "$work/slow"

# reported WHAT BEGIN SETTING ARGUMENT...: the report that has BEGIN says so of the stack behind it.
reported() {
	local what=$1 begin=$2 setting=$3 start ages
	shift 3
	start=$(date +%s%N)
	timeout 20 env "LD_PRELOAD=$override" "KMEM_SYMBOLS=$work/slow" "$setting" "$work/report" "$@" >"$work/said" 2>&1 &&
		fail "$what: nothing was caught"
	start=$((($(date +%s%N) - start) / 1000000))
	grep -q "$begin" "$work/said" || fail "$what: no '$begin': $(head -n 30 "$work/said")"
	[ "$start" -ge 300 ] || fail "$what: names took no time: $start ms"
	mapfile -t ages < <(sed -n 's/.*age=\([0-9]*\) ms.*/\1/p' "$work/said")
	[ "${#ages[@]}" -eq 2 ] || fail "$what: ${#ages[@]} ages: $(cat "$work/said")"
	# Each counted when it is printed, what was freed last would be the older.
	[ "${ages[0]}" -ge "${ages[1]}" ] || fail "$what: allocated ${ages[0]} ms ago, freed ${ages[1]} ms ago"
	grep -A 1 "$begin" "$work/said" | tail -n 1 | grep -q $'^\tmain+' ||
		fail "$what: the stack does not begin with main: $(grep -A 3 "$begin" "$work/said")"
	echo "$what: ${ages[*]} ms, reported in $start ms"
}

reported "debugged" "^Call Trace:" KMEM_DEBUG=FZPU
reported "guarded" "^Invalid free of " KMEM_OPTIONS=kfence_sample_interval:1 guarded

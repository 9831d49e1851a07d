#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A process's own statistics, and those of its malloc, are what kmemtop shows of it, and of its core.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need python3
[ -x "$kmemtop" ] || skip "kmemtop is not built"

build_c stats "$core" -Wl,-rpath,"$build/lib" -pthread
mkfifo "$work/input"
timeout 60 "$work/stats" <"$work/input" >"$work/own" &
exec 3>"$work/input"
for _ in $(seq 200); do
	[ "$(wc -l <"$work/own")" -eq 2 ] && break
	sleep 0.05
done
pid=$(sed -n 's/.*"pid":\([0-9]*\),.*/\1/p' "$work/own")
[ -n "$pid" ] || fail "the process printed nothing"
timeout 20 "$kmemtop" -o -p "$pid" >"$work/table" || fail "kmemtop -o -p: exit $?"
others=()
if "$kmemtop" --help 2>&1 | grep -q -- --json; then
	timeout 20 "$kmemtop" --json -p "$pid" >"$work/live" || fail "kmemtop --json -p: exit $?"
	others+=("$work/live")
	if command -v gcore >/dev/null; then
		timeout 50 gcore -o "$work/core" "$pid" >"$work/log" 2>&1 || fail "gcore: $(tail -n 3 "$work/log")"
		timeout 20 "$kmemtop" --json -c "$work/core.$pid" >"$work/dead" || fail "kmemtop --json -c: exit $?"
		others+=("$work/dead")
	fi
fi
exec 3>&-
wait $! || fail "the process exits with $?"
"$here/stats_same.py" "$work/own" "$work/table" "${others[@]}" || fail "the figures differ, see above"

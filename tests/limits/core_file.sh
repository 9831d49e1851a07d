#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A core of a trivial program stays small: reserved address room must not end up in it.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need gdb

build_c once
mkfifo "$work/in" "$work/out"
env LD_PRELOAD="$override" "$work/once" wait <"$work/in" >"$work/out" &
pid=$!
pids+=("$pid")
exec 3>"$work/in" 4<"$work/out"
read -r -t 20 -u 4 || fail "the program does not start"
timeout 60 gcore -o "$work/core" "$pid" >"$work/log" 2>&1 || {
	grep -qi 'ptrace.*not permitted' "$work/log" && skip "ptrace is not permitted here"
	fail "gcore: $(tail -n 3 "$work/log")"
}
bytes=$(stat -c %s "$work/core.$pid")
echo "core file: $((bytes / 1024)) KiB"
[ "$bytes" -le $((20 << 20)) ] || fail "the core file has $((bytes >> 20)) MiB, at most 20 allowed"

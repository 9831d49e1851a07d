#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A process has one core: the program's own caches and malloc's stand in one table of kmemtop,
# whether the core came with a preload, a shared library, an archive, or all of it statically.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

look() { # HOW COMMAND...
	local how=$1 pid
	shift
	mkfifo "$work/in" "$work/out"
	"$@" <"$work/in" >"$work/out" &
	pid=$!
	pids+=("$pid")
	exec 3>"$work/in" 4<"$work/out"
	read -r -t 20 -u 4 || fail "$how: the program does not start"
	timeout 20 "$kmemtop" -o -p "$pid" >"$work/table" || fail "$how: kmemtop exits with $?"
	for name in both-own malloc-64; do
		[ "$(active "$name" "$work/table")" -ge 100 ] ||
			fail "$how: kmemtop shows no 100 objects of $name: $(cat "$work/table")"
	done
	exec 3>&- 4<&-
	wait "$pid" || fail "$how: the program exits with $?"
	rm "$work/in" "$work/out"
	echo "$how: ok"
}

build_c both -L"$build/lib" -lkmem -Wl,-rpath,"$build/lib"
look "shared core, override preloaded" env LD_PRELOAD="$override" "$work/both"
build_c both -L"$build/lib" -lkmem-malloc -lkmem -Wl,-rpath,"$build/lib"
look "shared override" "$work/both"
build_c both "$build/lib/libkmem-malloc.a" -pthread
look "archive in a dynamic program" "$work/both"
strip "$work/both"
look "the same, stripped" "$work/both"
build_c both -static "$build/lib/libkmem-malloc.a" -pthread
look "static program" "$work/both"
strip "$work/both"
look "the same, stripped" "$work/both"

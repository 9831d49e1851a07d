#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kmemtop and gdb on a process that has memory of four nodes (simulated), alive and in a core: slabs by
# node in every form, and each object where it is. figures.sh BUILD
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need gdb python3

"$build/tests/placed" >"$work/said" &
pid=$!
pids+=("$pid")
for _ in $(seq 100); do
	! grep -q ready "$work/said" || break
	sleep 0.1
done
grep -q ready "$work/said" || fail "the process is not ready: $(cat "$work/said")"

# What the process itself knows.
for node in 0 1 2 3; do
	slabs=4
	[ "$node" -ne 2 ] || slabs=5
	grep -qE "^node $node: 1 zones, $slabs of " "$work/said" || fail "node $node: $(cat "$work/said")"
done

# looks WHAT ARGUMENTS...: what kmemtop says of it, alive or dead.
looks() {
	local what=$1
	shift
	timeout 20 "$kmemtop" --slabinfo "$@" >"$work/slabinfo" || fail "$what: kmemtop --slabinfo"
	grep -qE '^spread +[0-9]+ +4096 .* N0=4 N1=4 N2=4 N3=4$' "$work/slabinfo" ||
		fail "$what: no N columns: $(cat "$work/slabinfo")"
	grep -qE '^one +10 .* N2=1$' "$work/slabinfo" || fail "$what: one is not of node 2: $(cat "$work/slabinfo")"
	timeout 20 "$kmemtop" --buddyinfo "$@" >"$work/buddyinfo" || fail "$what: kmemtop --buddyinfo"
	for node in 0 1 2 3; do
		grep -q "^Node $node, zone" "$work/buddyinfo" || fail "$what: no zone of node $node: $(cat "$work/buddyinfo")"
	done
	timeout 20 "$kmemtop" --json "$@" >"$work/json" || fail "$what: kmemtop --json"
	python3 - "$work/json" "$work/said" <<'PYTHON' || fail "$what: $(cat "$work/json")"
import json, sys
d = json.load(open(sys.argv[1]))
spread = next(c for c in d["caches"] if c["name"] == "spread")
assert spread["nodes"] == [{"node": n, "slabs": 4} for n in range(4)], spread
assert spread["active"] == 3500, spread
own = json.loads(next(line for line in open(sys.argv[2]) if line.startswith("{")))
assert own["caches"] == d["caches"] and own["zones"] == d["zones"], own
assert sorted(z["node"] for z in d["zones"]) == [0, 1, 2, 3], d["zones"]
PYTHON
}
looks live -p "$pid"

timeout 60 gdb -nx -batch -iex "source $build/lib/libkmem.so.0.1-gdb.py" -ex 'kmem validate' \
	-ex "gcore $work/core" -p "$pid" >"$work/gdb" 2>&1 || fail "gdb: $(tail -n 5 "$work/gdb")"
! grep -qE 'Traceback|damaged|S2:' "$work/gdb" || fail "gdb: $(cat "$work/gdb")"
grep -q 'all is sound' "$work/gdb" || fail "kmem validate: $(cat "$work/gdb")"
looks "a core" -c "$work/core"
echo "kmemtop and gdb see four nodes, alive and in a core"

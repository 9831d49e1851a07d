#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What kmemtop shows of objects and slabs that wait for a grace period of RCU: in JSON, in the
# line of totals on its screen, and on the page of a type-stable cache.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need python3 tmux
[ -e "$build/lib/libkmem-rcu.so" ] || skip "libkmem-rcu is not built"

socket=kmemtop-waiting-$$
undo() {
	tmux -L "$socket" kill-server 2>/dev/null || true
}

build_c waiting -L"$build/lib" -l:libkmem-rcu.so -l:libkmem.so -Wl,-rpath,"$build/lib"
launch "$work/waiting"

waits() { # OBJECTS BYTES SLABS SLAB-BYTES
	timeout 20 "$kmemtop" --json -p "$pid" >"$work/out"
	python3 - "$work/out" "$@" <<'PY' || fail "not $*: $(cat "$work/out")"
import json, sys
d = json.load(open(sys.argv[1]))
names = "waiting_objects", "waiting_bytes", "waiting_slabs", "waiting_slab_bytes"
found = [d[name] for name in names]
sys.exit(found != [int(word) for word in sys.argv[2:]])
PY
	echo "ok: JSON: $*"
}

shows() { # PATTERN
	for _ in $(seq 100); do
		if tmux -L "$socket" capture-pane -p | grep -Eq -e "$1"; then
			echo "ok: $1"
			return
		fi
		sleep 0.1
	done
	fail "no '$1' in:
$(tmux -L "$socket" capture-pane -p)"
}

waits 1000 104000 4 262144
tmux -L "$socket" -f /dev/null new-session -d -x 160 -y 40 "$kmemtop -d 1 -p $pid"
shows "$pid: [^ ]+ wait \(1000 objects, 4 slabs\), "
tmux -L "$socket" send-keys / stable Enter Enter
shows 'Waiting +4 more slabs, empty, for a grace period of RCU'
kill -HUP "$pid"
await told
waits 0 0 0 0

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kmemtop's batch forms, each read by those who know it: JSON by python3 and against what the
# program itself says, slabinfo by slabtop, OpenMetrics by promtool, buddyinfo against the sums of
# free pages. And which options go together.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need python3

fake=$build/tests/fake_target
build_c viewed -L"$build/lib" -l:libkmem.so -Wl,-rpath,"$build/lib"

form() { # FORM: $work/out, of $pid
	timeout 20 "$kmemtop" "$@" -p "$pid" >"$work/out" 2>"$work/err" || fail "kmemtop $*: $(cat "$work/err")"
}

# --- JSON ------------------------------------------------------------------------------

cat >"$work/check.py" <<'PY'
import json, sys

def strict(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)

text = open(sys.argv[1]).read()
assert text.endswith("}\n") and text.count("\n") == 1
d = json.loads(text, object_pairs_hook=strict)
assert list(d) == ["format", "release", "pid", "threads", "mapped_bytes", "meta_bytes", "waiting_objects",
                   "waiting_bytes", "waiting_slabs", "waiting_slab_bytes", "caches", "zones", "heaps"], list(d)
assert d["format"] == 1 and d["pid"] == int(sys.argv[2])
counted = sys.argv[3] == "counted"
cache = ("id name flags object_size stride align slab_bytes slab_objects slabs slabs_empty objects active parked "
         "taken given" + (" allocs frees" if counted else "")).split()
for c in d["caches"]:
    assert list(c) == cache, c
    assert c["objects"] == c["slabs"] * c["slab_objects"] and c["active"] + c["parked"] <= c["objects"], c
assert [c["id"] for c in d["caches"]] == sorted({c["id"] for c in d["caches"]})
for z in d["zones"]:
    assert list(z) == "base reserved_bytes committed_bytes dirty_bytes clean_bytes".split(), z
for h in d["heaps"]:
    assert list(h) == "name spans span_bytes live_blocks live_bytes".split(), h
for part in d["caches"] + d["zones"] + d["heaps"]:
    assert all(type(v) is int for k, v in part.items() if k != "name"), part
print("ok: JSON:", ", ".join(c["name"] for c in d["caches"][:9]))
PY

test_json() {
	launch "$fake" plain
	form --json
	python3 "$work/check.py" "$work/out" "$pid" plain
	grep -q '"name":"alpha","flags":0,"object_size":24,"stride":32,"align":8,"slab_bytes":4096,"slab_objects":128,"slabs":10,"slabs_empty":1,"objects":1280,"active":879,"parked":61,"taken":1250,"given":310}' "$work/out" ||
		fail "JSON: alpha: $(cat "$work/out")"
	launch "$fake" bad-names
	form --json
	python3 "$work/check.py" "$work/out" "$pid" plain
	launch "$fake" quoted-names
	form --json
	python3 "$work/check.py" "$work/out" "$pid" plain
	grep -qF '"name":"a\"b\\c d"' "$work/out" || fail "JSON: quotes: $(cat "$work/out")"
}

# The same bytes as the program's own; it has to be asked first, since asking may take memory.
test_own() { # WORD: in its environment
	launch env KMEM_OPTIONS="$1" "$work/viewed" "$work/own"
	kill -HUP "$pid"
	await told
	form --json
	python3 "$work/check.py" "$work/out" "$pid" "$2"
	cmp "$work/own" "$work/out" || fail "JSON: not as kmem_stats_print has it:
$(cat "$work/own" "$work/out")"
	echo "ok: JSON: as the program's own, $2"
}

# --- the kernel's files -------------------------------------------------------------------

line='^[^ #]+ +([0-9]+ +){4}[0-9]+ : tunables +0 +0 +0 : slabdata +[0-9]+ +[0-9]+ +0$'

test_slabinfo() { # MODE
	launch "$fake" "$1"
	form --slabinfo
	[ "$(head -n 1 "$work/out")" = "slabinfo - version: 2.1" ] || fail "slabinfo: $(head -n 1 "$work/out")"
	[ "$(sed -n 2p "$work/out")" = "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>" ] ||
		fail "slabinfo: $(sed -n 2p "$work/out")"
	[ "$(sed 1,2d "$work/out" | grep -Ec "$line")" = 7 ] || fail "slabinfo: $(cat "$work/out")"
	echo "ok: slabinfo of $1"
}

# slabtop, told that this is the kernel's, prints kmemtop's own table.
test_slabtop() {
	command -v slabtop >/dev/null && unshare -m true 2>/dev/null && [ -e /proc/slabinfo ] || {
		echo "not tried: slabtop reads it (needs root, procps and /proc/slabinfo)"
		return
	}
	launch "$fake" plain
	form --slabinfo
	chmod 444 "$work/out"
	timeout 20 unshare -m sh -c 'mount --bind "$1" /proc/slabinfo && slabtop -o' - "$work/out" >"$work/theirs" ||
		fail "slabtop cannot read it"
	timeout 20 "$kmemtop" -o -p "$pid" >"$work/ours"
	cmp "$work/theirs" "$work/ours" || fail "slabtop: $(diff "$work/theirs" "$work/ours")"
	rm -f "$work/out"
	echo "ok: slabtop reads it and prints kmemtop's table"
}

test_buddyinfo() {
	local free pages
	launch "$work/viewed"
	form --buddyinfo
	[ "$(grep -Evc '^Node 0, zone +kmem[0-9]+ ( *[0-9]+ ){11}$' "$work/out")" = 0 ] || fail "buddyinfo: $(cat "$work/out")"
	pages=$(awk '{ for (i = 0; i < 11; i++) sum += $(i + 5) * 2 ^ i } END { print sum }' "$work/out")
	form --json
	free=$(python3 -c 'import json, sys
print(sum(z["dirty_bytes"] + z["clean_bytes"] for z in json.load(open(sys.argv[1]))["zones"]) // 4096)' "$work/out")
	[ "$pages" -gt 0 ] && [ "$pages" = "$free" ] || fail "buddyinfo: $pages pages, the zones have $free free"
	echo "ok: buddyinfo: $pages free pages, as the zones say"
}

# --- OpenMetrics ----------------------------------------------------------------------

# Debian's package starts a server where there is systemd: only the one program is taken out of it.
find_promtool() {
	promtool=$(command -v promtool || echo "$build/promtool/usr/bin/promtool")
	[ ! -x "$promtool" ] || return 0
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
	(cd "$work" && timeout 100 apt-get -qq download prometheus >/dev/null 2>&1) || return 1
	mkdir -p "$build/promtool"
	dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$build/promtool" ./usr/bin/promtool
}

accepted() { # WHAT
	if [ -x "${promtool:-}" ]; then
		timeout 20 "$promtool" check metrics <"$work/out" >"$work/said" 2>&1 || fail "$1: $(cat "$work/said")"
		[ ! -s "$work/said" ] || fail "$1: $(cat "$work/said")"
		echo "ok: promtool accepts $1"
	fi
	[ "$(tail -n 1 "$work/out")" = "# EOF" ] || fail "$1: no end"
	[ -z "$(grep -v '^#' "$work/out" | sed 's/ [^ ]*$//' | LC_ALL=C sort | uniq -d)" ] || fail "$1: a sample comes twice"
	# Each family stands together.
	[ -z "$(grep -v '^#' "$work/out" | sed 's/{.*//' | uniq | LC_ALL=C sort | uniq -d)" ] || fail "$1: a family in pieces"
}

test_openmetrics() {
	find_promtool || echo "not tried: promtool (neither there nor to be had)"
	for mode in plain bad-names quoted-names; do
		launch "$fake" "$mode"
		form --openmetrics
		accepted "$mode"
	done
	grep -qF 'cache="a\"b\\c d"' "$work/out" || fail "OpenMetrics: quotes: $(cat "$work/out")"
	launch "$fake" plain
	form --openmetrics
	grep -q "^kmem_cache_active_objects{pid=\"$pid\",command=\"fake_target\",cache=\"alpha\",id=\"1\"} 879$" "$work/out" ||
		fail "OpenMetrics: alpha: $(grep alpha "$work/out")"
	launch env KMEM_OPTIONS=stats:true "$work/viewed"
	form --openmetrics
	accepted "a real process"
	grep -q '^kmem_cache_allocations_total{.*cache="viewed-small",id="[0-9]*"} 1000$' "$work/out" ||
		fail "OpenMetrics: allocations: $(grep viewed-small "$work/out")"
	timeout 60 "$kmemtop" --openmetrics >"$work/out" || fail "OpenMetrics of all processes"
	accepted "all processes"
	grep -q "^kmem_threads{pid=\"$pid\",command=\"viewed\"} 1$" "$work/out" || fail "OpenMetrics: viewed is missing"
	timeout 60 "$kmemtop" -o >"$work/out" || fail "the list of processes"
	grep -Eq "^ *$pid .* viewed$" "$work/out" || fail "the list: $(cat "$work/out")"
	launch "$fake" plain
	timeout 60 "$kmemtop" -o >"$work/out" || fail "the list of processes"
	grep -Eq "^ *$pid +2048 +1342 +65% +63 .* fake_target$" "$work/out" || fail "the list: $(cat "$work/out")"
	echo "ok: of all processes"
}

test_command() {
	local status=0 of
	# The made-up process brings its own root: any library will do.
	KMEM_MALLOC_LIBRARY=$(ldd "$fake" | awk '/libc\./ { print $3; exit }')
	export KMEM_MALLOC_LIBRARY
	for of in --json --slabinfo --openmetrics; do
		timeout 20 "$kmemtop" $of -- "$fake" exit 3 >"$work/out" || status=$?
		[ "$status" = 3 ] || fail "$of of a command: $status"
		grep -q alpha "$work/out" || fail "$of of a command: $(cat "$work/out")"
		status=0
	done
	grep -q 'kmem_threads{.*command="fake_target"} 2' "$work/out" || fail "of a command: its name: $(cat "$work/out")"
	echo "ok: of a command, as it stands at its end"
}

# --- options ------------------------------------------------------------------------------

test_options() {
	local pattern args status
	while IFS='|' read -r pattern args; do
		status=0
		# shellcheck disable=SC2086
		timeout 20 "$kmemtop" $args >"$work/out" 2>"$work/err" </dev/null || status=$?
		[ "$status" = 2 ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] || fail "$args: $status, $(cat "$work/out" "$work/err")"
		grep -q -e "$pattern" "$work/err" || fail "$args: '$(cat "$work/err")' does not say '$pattern'"
	done <<'END'
at a time|-o --json -p 1
at a time|--slabinfo --openmetrics -p 1
say which process|--json
say which process|--slabinfo
say which process|--buddyinfo
screen and the table|--json -s n -p 1
screen and the table|--openmetrics --human
screen and the table|--slabinfo -d 3 -p 1
tells no rate|-o -s g -p 1
tells no rate|-o -s R -p 1
not of a command|--buddyinfo -- true
-e goes with -c|-e /bin/true -p 1
either|-c core -p 1
doesn't allow an argument|--json=x -p 1
END
	echo "ok: options that do not go together"
}

test_json
test_own "" plain
test_own stats:true counted
test_slabinfo plain
test_slabinfo quoted-names
test_slabtop
test_buddyinfo
test_openmetrics
test_command
test_options

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kmemtop's screen in a terminal, key by key, at 80x24 and at 200x60, and resized to less: every
# view, the columns, the filter, freezing, rates and growth, a cache's page with its slabs by fill
# and who allocated, help, the list of processes, nodes on a machine with several.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need tmux
unset KMEM_SYMBOLS # stacks are shown with lines here

socket=kmemtop-screen-$$
undo() {
	tmux -L "$socket" kill-server 2>/dev/null || true
}

build_c viewed -L"$build/lib" -l:libkmem.so -Wl,-rpath,"$build/lib"

nscreens=0
screen() { # WIDTH HEIGHT COMMAND: in a terminal of its own, with its status shown after
	undo
	nscreens=$((nscreens + 1)) socket=kmemtop-screen-$$-$nscreens
	tmux -L "$socket" -f /dev/null new-session -d -x "$1" -y "$2" "$3; echo status=\$?; sleep 60"
}

press() {
	tmux -L "$socket" send-keys "$@"
}

resize() {
	tmux -L "$socket" resize-window -x "$1" -y "$2"
}

capture() {
	tmux -L "$socket" capture-pane -p "$@"
}

shows() { # WHAT PATTERN [COMMAND...]: within 20 s some line matches; before each look the command runs
	local what=$1 pattern=$2
	shift 2
	for _ in $(seq 200); do
		"$@"
		if capture | grep -Eq -e "$pattern"; then
			echo "ok: $what"
			return
		fi
		sleep 0.1
	done
	fail "$what: no '$pattern' in:
$(capture)"
}

hides() { # WHAT PATTERN: within 20 s no line matches
	for _ in $(seq 200); do
		if ! capture | grep -Eq -e "$2"; then
			echo "ok: $1"
			return
		fi
		sleep 0.1
	done
	fail "$1: still '$2' in:
$(capture)"
}

fits() { # WHAT: the titles are where they belong
	capture | sed -n 7p | grep -Eq 'NAME|BASE|NODE' || fail "$1: titles: $(capture | sed -n 7p)"
}

# What a column of the rows reads, largest first.
in_order() { # COLUMN [SORT-OPTION]
	capture | sed -n '8,$p' | awk -v c="$1" 'NF { print c ? $c : $NF }' | tr -d 'K%+' >"$work/column"
	[ -s "$work/column" ] && LC_ALL=C sort -c "${2--rg}" "$work/column" 2>/dev/null
}

sorts() { # KEY COLUMN [SORT-OPTION]: by that column, 0 for the last
	press "$1"
	for _ in $(seq 200); do
		if in_order "$2" "${3--rg}"; then
			echo "ok: key $1 sorts by column $2"
			return
		fi
		sleep 0.1
	done
	fail "key $1: column $2 reads $(xargs <"$work/column")"
}

# --- one process ------------------------------------------------------------------------

test_keys() { # WIDTH HEIGHT
	local size=$1x$2 pair
	screen "$1" "$2" "'$kmemtop' -d 1000 -p $pid"
	shows "$size: a row" '^ *1[0-9]+ +1000 .*viewed-small'
	fits "$size"
	for pair in o:1 a:2 u:3 s:4 l:5 b:6 c:7; do
		sorts "${pair%:*}" "${pair#*:}"
	done
	sorts n 0 -d
	press v p
	shows "$size: keys v and p" 'viewed-small'
	press x
	shows "$size: what moves" 'PARKED +GROWTH TRADED/S ALLOCS/S +FREES/S'
	sorts k 3
	press w r g e x
	shows "$size: where the memory is" 'LIVE ROUNDING +PARKED +FREE +WASTED'
	press x o
	shows "$size: slabtop's columns again" 'OBJ SIZE +SLABS OBJ/SLAB CACHE SIZE'
	press /
	shows "$size: the filter is asked for" '^ /_'
	press h o l
	shows "$size: as it is typed" '^ /hol_'
	hides "$size: it filters" viewed-small
	press BSpace BSpace BSpace 'v*ll' Enter
	shows "$size: a pattern" 'viewed-small'
	hides "$size: that others do not match" viewed-holes
	press Escape
	shows "$size: Esc drops it" viewed-holes
	press / q x Escape q
	shows "$size: while typing, letters are text; q quits" '^status=0'
}

test_views() { # WIDTH HEIGHT
	local size=$1x$2
	screen "$1" "$2" "'$kmemtop' -d 1000 -p $pid"
	shows "$size: caches" 'caches +\?: help'
	press Tab
	shows "$size: Tab: heaps" '^ +SPANS +SPAN SIZE +BLOCKS +LIVE SIZE +USE NAME'
	fits "$size heaps"
	press Tab
	shows "$size: Tab: zones" '^ +BASE RESERVED COMMITTED +DIRTY +CLEAN +USE'
	shows "$size: a zone's bar" '[0-9a-f]{8} .*[0-9]+% +\[#'
	press Tab
	shows "$size: Tab: caches" 'viewed-small'
	press 3
	shows "$size: 3: zones" 'COMMITTED'
	press 2
	shows "$size: 2: heaps" 'LIVE SIZE'
	press 1
	shows "$size: 1: caches" 'viewed-small'
	press '?'
	shows "$size: help" '^kmemtop: keys'
	shows "$size: to its end" 'made or destroyed meanwhile'
	press '?'
	shows "$size: and back" 'viewed-small'
}

test_detail() { # WIDTH HEIGHT
	local size=$1x$2
	screen "$1" "$2" "'$kmemtop' -d 1000 -p $pid"
	shows "$size: before the page" viewed-holes
	press / holes Enter
	hides "$size: one row" viewed-small
	press Enter
	shows "$size: a cache's page" "^ viewed-holes, cache [0-9]+ of process $pid"
	shows "$size: its size" '200 bytes asked for, 256 from one to the next, aligned to 64'
	shows "$size: its flags" 'Flags +HWCACHE_ALIGN'
	shows "$size: its objects" '^ Objects +[0-9]+: 320 active'
	shows "$size: a bar" '^ \[#+%+\+*\.*x*\]'
	[ "$2" -gt 40 ] || press NPage
	shows "$size: half of each slab is in use" "^ +to [456]0% +[1-9][0-9]* \[#+"
	shows "$size: nobody is recorded" 'Not tracked'
	kill -USR2 "$pid"
	shows "$size: it is refreshed" '^ +none +[1-9]' press Space
	press '?'
	shows "$size: help over it" '^kmemtop: keys'
	press x
	shows "$size: back on the page" 'Slabs by objects in use'
	press Escape
	shows "$size: and on the table" 'CACHE SIZE'
}

test_motion() {
	screen 200 60 "'$kmemtop' -d 1 -p $pid"
	shows "growth: none" '^ .* 0 +0 +[-0-9]+ +- +- viewed-small'
	kill -USR1 "$pid"
	shows "growth: 100 objects" ' \+100 .*viewed-small'
	press z
	hides "growth: counts anew" '\+100 '
	press f
	shows "frozen" FROZEN
	kill -USR1 "$pid"
	sleep 1.5
	capture | grep -q '+100 ' && fail "a frozen screen moves"
	shows "frozen: space refreshes once" ' \+100 .*viewed-small' press Space
	press f
	hides "thawed" FROZEN
	press q
	shows "quits" '^status=0'
}

test_sizes() {
	screen 80 24 "'$kmemtop' -d 1000 -p $pid"
	shows "80x24" viewed-small
	resize 40 12
	shows "40x12: the name has its place" '^ +[0-9]+ +[0-9]+ +[0-9]+% +[0-9.]+K viewed'
	resize 20 6
	shows "20x6: without totals" '^ +OBJS NAME'
	resize 3 1
	sleep 0.3
	press Down Down Enter
	sleep 0.3
	resize 200 60
	shows "200x60: a cache's page, opened blind" '^ viewed-|, cache [0-9]+ of process'
	press Escape
	shows "200x60: wide columns" 'CACHE SIZE +PARKED +WASTED +GROWTH TRADED/S +BARN/S'
}

# Seven caches in five rows.
test_scrolling() {
	launch "$build/tests/fake_target" plain
	screen 80 12 "'$kmemtop' -d 1000 -p $pid"
	shows "scrolling: the first" alpha
	hides "scrolling: not the last" zeta
	press End
	shows "End: the last" zeta
	hides "End: not the first" alpha
	press PPage Up
	shows "PgUp, Up" alpha
	press Down Down Down Down Down
	shows "Down: the next comes in" over
	hides "Down: the first goes out" alpha
	press Home
	shows "Home" alpha
	[ "$(capture | sed -n 8,12p | grep -c .)" = 5 ] || fail "Home: not five rows"
	press NPage Enter
	shows "PgDn, Enter: the fifth and last" "over, cache 9|delta, cache 8"
}

test_colour() {
	screen 80 24 "TERM=screen-256color '$kmemtop' -d 1000 -p $pid"
	shows "colour: rows" viewed-small
	capture -e | grep -q $'\033\[3[123]m' || fail "colour: none"
	screen 80 24 "NO_COLOR=1 '$kmemtop' -d 1000 -p $pid"
	shows "NO_COLOR: rows" viewed-small
	! capture -e | grep -q $'\033\[3[123]m' || fail "NO_COLOR: colours"
	screen 80 24 "TERM=vt100 '$kmemtop' -d 1000 -p $pid"
	shows "vt100: rows" viewed-small
	echo "ok: colour where the terminal has it"
}

test_list() {
	local key name
	name=$(printf 'v%012d' $$) # 13 characters fit, and no other run of this test has them
	cp "$work/viewed" "$work/$name"
	launch "$work/$name"
	screen "$1" "$2" "'$kmemtop' -d 1000"
	shows "list: titles" 'PID +OBJS ACTIVE +USE +SLABS IN SLABS +ZONES +HEAPS +MAPPED NAME'
	press / "$name" Enter
	shows "list: the process" "^ +$pid .* $name"
	press Enter
	shows "list: Enter opens it" "^ $pid: .* parked"
	shows "list: its caches" 'viewed-small'
	press Escape
	shows "list: Esc leads back" 'PID +OBJS'
	for key in a c k l n u o; do press $key; done
	press / "$name" Enter
	shows "list: again" "^ +$pid .* $name"
	press Enter
	shows "list: opened again" 'viewed-small'
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	press Space
	shows "list: a process that ends leads back" "process $pid: "
	press q
	shows "list: q quits" '^status=0'
}

# What a stranger makes up is shown as text, and no key on it does harm.
test_lies() {
	local mode
	for mode in bad-names huge-counters huge-zone huge-spare huge-empty odd-seq; do
		launch "$build/tests/fake_target" "$mode"
		screen 80 24 "'$kmemtop' -d 1000 -p $pid"
		shows "lie: $mode" 'OBJS ACTIVE'
		press x x x 2 3 1 End Enter NPage Escape Home Enter '?' Escape Escape / z Enter Escape w r g
		shows "lie: $mode: after every key" 'malloc-96|caf\?\?\?%s%n'
		press q
		shows "lie: $mode: quits" '^status=0'
		kill "$pid"
	done
}

# Two nodes, as a machine with them says it.
test_nodes() {
	local base
	unshare -m true 2>/dev/null || {
		echo "not tried: nodes (needs root)"
		return
	}
	[ -e "/proc/$pid/numa_maps" ] && [ -e /sys/devices/system/node/online ] || {
		echo "not tried: nodes (the kernel has none)"
		return
	}
	base=$("$kmemtop" --json -p "$pid" | grep -o '"base":[0-9]*' | head -n 1 | cut -d: -f2)
	printf '%x default anon=9 dirty=9 N0=3 N1=9 kernelpagesize_kB=4\n1000 default N0=77\n' "$base" >"$work/numa_maps"
	echo 0-1 >"$work/online"
	screen 80 24 "unshare -m sh -c 'mount --bind $work/numa_maps /proc/$pid/numa_maps &&
		mount --bind $work/online /sys/devices/system/node/online && exec $kmemtop -d 1000 -p $pid'"
	shows "nodes: caches" viewed-small
	press 4
	shows "nodes: the first" '^ +0 +12.0K +25%'
	shows "nodes: the second" '^ +1 +36.0K +75%'
	press Tab
	shows "nodes: and back" viewed-small
}

# A process that has zones by node, whatever the machine has.
test_placed() {
	launch "$build/tests/placed"
	screen 80 24 "'$kmemtop' -d 1000 -p $pid"
	shows "placed: caches" spread
	press 4
	shows "placed: titles" 'NODE RESIDENT  USE COMMITTED    SLABS'
	shows "placed: the first" '^ +0 .* +[0-9.]+K +4$'
	shows "placed: one with two caches" '^ +2 .* +[0-9.]+K +5$'
	press q
	shows "placed: quits" '^status=0'
}

# What does not change is not sent again: three refreshes of a quiet process are next to nothing.
test_flicker() {
	command -v python3 >/dev/null || {
		echo "not tried: flicker (python3 is not installed)"
		return
	}
	cat >"$work/sent.py" <<'PY'
import os, pty, select, sys, time

pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm-256color"
    os.execv(sys.argv[1], sys.argv[1:])

def drain(seconds):
    n, end = 0, time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.05)[0]:
            n += len(os.read(fd, 65536))
    return n

first = 0
while first < 500:
    first += drain(0.5)
first += drain(0.5)
later = drain(3.2)
os.write(fd, b"q")
print(first, later)
sys.exit(later >= 100)
PY
	timeout 20 python3 "$work/sent.py" "$kmemtop" -d 1 -p "$pid" >"$work/sent" || fail "flicker: bytes sent at first, in three refreshes: $(cat "$work/sent")"
	echo "ok: bytes sent at first, and in three refreshes: $(cat "$work/sent")"
}

test_core() {
	command -v gcore >/dev/null || {
		echo "not tried: a core (gdb is not installed)"
		return
	}
	timeout 60 gcore -o "$work/core" "$pid" >"$work/log" 2>&1 || {
		echo "not tried: a core ($(tail -n 1 "$work/log"))"
		return
	}
	screen 80 24 "'$kmemtop' -d 1 -c '$work/core.$pid'"
	shows "core: rows" '^ *[0-9]+ +1000 .* viewed-small'
	press Space
	shows "core: its process" "^ $pid: 1 threads"
	press / holes Enter Enter
	shows "core: a cache's page" '^ Objects +[0-9]+: 320 active'
	press Escape q
	shows "core: q quits" '^status=0'
}

launch "$work/viewed"
test_flicker
test_core
test_keys 80 24
test_keys 200 60
test_views 80 24
test_views 200 60
test_sizes
test_colour
test_motion
test_nodes
test_detail 80 24
launch "$work/viewed"
test_detail 200 60
test_placed
launch env KMEM_DEBUG=U,viewed-small "$work/viewed"
screen 200 60 "'$kmemtop' -d 1000 -p $pid"
shows "tracked: rows" viewed-small
press / small Enter Enter
shows "tracked: who allocated" '^ +1000 +.*take_small'
launch env KMEM_OPTIONS=stats:true "$work/viewed"
screen 200 60 "'$kmemtop' -d 1 -p $pid"
shows "counted: rows" viewed-small
press / small Enter
# Again and again: a rate is on the screen for one refresh.
shows "counted: allocations a second" ' +[1-9][0-9.k]* +0 viewed-small' kill -USR1 "$pid"
test_list 80 24
test_lies
test_scrolling

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kmemtop against made-up processes: the exact table, the lines for what cannot
# be shown, lies told by the target, commands and their ends, the screen.
#
#	test_kmemtop.sh KMEMTOP FAKE_TARGET
#
# Prints "ok - name" or "not ok - name: why" for each check. What the machine
# lacks (tmux, root, a compiler) is skipped and said so.

kmemtop=$(realpath "$1") && fake=$(realpath "$2") || {
	echo "usage: $0 KMEMTOP FAKE_TARGET" >&2
	exit 2
}
here=$(dirname "$(realpath "$0")")
tmp=$(mktemp -d) || exit 2
export TMUX_TMPDIR="$tmp" # tmux leaves its sockets behind
passed=0 failed=0 screens=0 pids='' tmux_socket=''

cleanup() {
	for p in $pids; do kill -9 "$p"; done 2>/dev/null
	[ -n "$tmux_socket" ] && tmux -L "$tmux_socket" kill-server 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 2' INT TERM

# --- checks --------------------------------------------------------------------

ok() {
	echo "ok - $1"
	passed=$((passed + 1))
}

not_ok() {
	echo "not ok - $1: $2"
	failed=$((failed + 1))
}

skip() {
	echo "ok - $1 # SKIP $2"
}

# is NAME GOT EXPECTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', expected '$3'"; fi
}

# run COMMAND...: its $out, $err, $code; 124 means it hung
run() {
	timeout -k 1 20 "$@" >"$tmp/out" 2>"$tmp/err"
	code=$?
	out=$(cat "$tmp/out") err=$(cat "$tmp/err")
}

# fails_with NAME CODE PATTERN: the last run printed one matching line on stderr only
fails_with() {
	if [ "$code" != "$2" ]; then
		not_ok "$1" "exit $code, expected $2 ($err)"
	elif [ -n "$out" ]; then
		not_ok "$1" "something on stdout: $out"
	elif [ "$(wc -l <"$tmp/err")" != 1 ]; then
		not_ok "$1" "not one line: $err"
	elif ! printf '%s\n' "$err" | grep -Eq -e "$3"; then
		not_ok "$1" "'$err' does not say '$3'"
	else
		ok "$1"
	fi
}

# start PROGRAM ARG...: $pid of a target that said it was ready
start() {
	: >"$tmp/ready"
	"$@" >"$tmp/ready" &
	pid=$!
	pids="$pids $pid"
	for _ in $(seq 100); do
		grep -q ready "$tmp/ready" && return
		sleep 0.05
	done
	echo "# $* did not get ready"
}

stop() {
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

# until_true CONDITION: within 20 s; what comes of it is checked by who asked
until_true() {
	for _ in $(seq 200); do
		if eval "$1"; then return; fi
		sleep 0.1
	done
}

names() {
	printf '%s\n' "$out" | awk 'NR > 7 { printf "%s%s", s, $8; s = " " } END { print "" }'
}

# row NAME: the columns of a cache, single spaced
row() {
	printf '%s\n' "$out" | awk -v n="$1" 'NR > 7 && $8 == n { $1 = $1; print }'
}

expected=$(
	cat <<'END'
 Active / Total Objects (% used)    : 1342 / 2048 (65.5%)
 Active / Total Slabs (% used)      : 31 / 63 (49.2%)
 Active / Total Caches (% used)     : 6 / 7 (85.7%)
 Active / Total Size (% used)       : 827.00K / 2763.62K (29.9%)
 Minimum / Average / Maximum Object : 0.03K / 1.35K / 8.00K

  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   
  1280    879  68%    0.03K     10      128        40K alpha                  
   320     80  25%    8.00K     40        8      2560K Gamma                  
   252    251  99%    0.09K      6       42        24K malloc-96              
   128    128 100%    1.00K      4       32       128K beta_cache             
    64      0   0%    0.06K      1       64         4K delta                  
     4      4 100%    2.00K      2        2         8K over                   
     0      0   0%    0.20K      0       40         0K zeta                   
END
)

# --- one table -----------------------------------------------------------------

test_table() {
	start "$fake" plain
	run "$kmemtop" -o -p "$pid"
	is "table: all of it" "$out" "$expected"
	is "table: exit 0, nothing on stderr" "$code$err" 0
	run "$kmemtop" --once --pid="$pid" --sort=o
	is "table: long options" "$out" "$expected"
	state=$(awk '/^State/ { print $2 }' "/proc/$pid/status")
	tracer=$(awk '/^TracerPid/ { print $2 }' "/proc/$pid/status")
	is "table: the target sleeps on, untraced" "$state $tracer" "S 0"
	kill -STOP "$pid"
	run "$kmemtop" -o -p "$pid"
	is "table: of a stopped process" "$out" "$expected"
	is "table: which stays stopped" "$(awk '/^State/ { print $2 }' "/proc/$pid/status")" T
	kill -CONT "$pid"
	run "$kmemtop" -o --human -p "$pid"
	is "human: a row" "$(row Gamma)" "320 80 25% 8.0K 40 8 2.5M Gamma"
	is "human: the total" "$(printf '%s\n' "$out" | sed -n 4p)" \
		" Active / Total Size (% used)       : 827.0K / 2.7M (29.9%)"
	run sh -c '"$1" -o -p "$2" >/dev/full' - "$kmemtop" "$pid"
	fails_with "table: a full disk is noticed" 1 "standard output"
	kill -USR1 "$pid"
	until_true 'run "$kmemtop" -o -p "$pid"; [ -n "$(row alpha | grep "^2560")" ]'
	is "table: follows the process" "$(row alpha)" "2560 879 34% 0.03K 20 128 80K alpha"
	stop
}

test_sort() {
	start "$fake" plain
	while read -r key order; do
		run "$kmemtop" -o -s "$key" -p "$pid"
		is "sort $key" "$(names)" "$order"
	done <<'END'
a alpha malloc-96 beta_cache Gamma over delta zeta
b alpha delta malloc-96 zeta beta_cache Gamma over
c Gamma beta_cache alpha malloc-96 over delta zeta
l Gamma alpha malloc-96 beta_cache over delta zeta
v Gamma alpha malloc-96 beta_cache over delta zeta
n Gamma alpha beta_cache delta malloc-96 over zeta
o alpha Gamma malloc-96 beta_cache delta over zeta
p Gamma beta_cache zeta alpha delta malloc-96 over
s Gamma over beta_cache zeta malloc-96 delta alpha
u beta_cache over malloc-96 alpha Gamma delta zeta
U beta_cache over malloc-96 alpha Gamma delta zeta
END
	stop
}

# --- where the root lies ----------------------------------------------------------

test_modules() {
	cp "$fake" "$tmp/deleted"
	start "$tmp/deleted" plain
	rm "$tmp/deleted"
	run "$kmemtop" -o -p "$pid"
	is "module: a deleted file" "$out" "$expected"
	stop

	cc=$(command -v cc || command -v gcc || command -v clang)
	include=$here/../../include
	for flags in "-static -no-pie -s" "-static-pie -s" "-pie -s"; do
		# shellcheck disable=SC2086
		if [ -n "$cc" ] && "$cc" -D_GNU_SOURCE $flags -I"$include" "$here"/fake_*.c \
			-pthread -o "$tmp/built" 2>/dev/null; then
			start "$tmp/built" plain
			run "$kmemtop" -o -p "$pid"
			is "module: $flags" "$out" "$expected"
			stop
		else
			skip "module: $flags" "cannot build it"
		fi
	done

	mkdir "$tmp/ns"
	if unshare -m mount -t tmpfs none "$tmp/ns" 2>/dev/null; then
		start unshare -m sh -c 'mount -t tmpfs none "$1" && cp "$2" "$1/fake" &&
			exec "$1/fake" plain' - "$tmp/ns" "$fake"
		run "$kmemtop" -o -p "$pid"
		is "module: another mount namespace" "$out" "$expected"
		stop
	else
		skip "module: another mount namespace" "needs root"
	fi

	start "$fake" leaderless
	run "$kmemtop" -o -p "$pid"
	is "module: the first thread has left" "$out" "$expected"
	stop
}

# --- what cannot be shown ----------------------------------------------------------

test_refusals() {
	run "$kmemtop" -o -p 999999999
	fails_with "refusal: no such process" 1 "no such process"
	sleep 100 &
	pid=$! pids="$pids $!"
	run "$kmemtop" -o -p "$pid"
	fails_with "refusal: does not use libkmem" 1 "process $pid: it does not use libkmem"
	stop
	run "$kmemtop" -o -p "$pid"
	fails_with "refusal: has ended and been waited for" 1 "no such process"
	# A zombie: its parent becomes a program that does not wait.
	sh -c 'sleep 0.3 & echo $! >"$1"; exec sleep 100' - "$tmp/zombie" &
	pid=$! pids="$pids $!"
	zombie=
	until_true 'zombie=$(cat "$tmp/zombie" 2>/dev/null) && grep -q ") Z" "/proc/$zombie/stat"'
	is "refusal: there is a zombie to look at" "$(awk '{ print $3 }' "/proc/$zombie/stat")" Z
	run "$kmemtop" -o -p "$zombie"
	fails_with "refusal: has ended" 1 "it has ended"
	stop
	run "$kmemtop" -o -p 2
	if [ "$(id -u)" = 0 ]; then
		fails_with "refusal: a kernel thread" 1 "does not use libkmem"
	fi
	test_other_user
}

test_other_user() {
	if [ "$(id -u)" != 0 ] || ! setpriv --reuid=65534 --clear-groups true 2>/dev/null; then
		run "$kmemtop" -o -p 1
		[ "$(id -u)" = 0 ] || fails_with "refusal: someone else's" 1 "not permitted"
		return
	fi
	# nobody may not search the way to the build tree
	cp "$kmemtop" "$tmp/kmemtop"
	chmod 755 "$tmp" "$tmp/kmemtop"
	start "$fake" plain
	run setpriv --reuid=65534 --clear-groups "$tmp/kmemtop" -o -p "$pid"
	fails_with "refusal: someone else's" 1 "process $pid: not permitted"
	stop
}

test_usage() {
	while IFS='|' read -r name pattern args; do
		# shellcheck disable=SC2086
		run "$kmemtop" $args
		fails_with "usage: $name" 2 "$pattern"
	done <<'END'
process and command|either|-o -p 1 -- true
unknown letter|invalid option|-o -x -p 1
unknown word|unrecognized option|-o --frobnicate -p 1
PID that is no number|PID|-o -p 12x
PID zero|PID|-o -p 0
PID negative|PID|-o -p -5
PID far too large|PID|-o -p 99999999999999999999
missing PID|requires an argument|-o -p
unknown sort key|sort key|-o -s z -p 1
two sort keys|sort key|-o -s ab -p 1
delay zero|delay|-d 0 -p 1
delay that is no number|delay|-d x -p 1
END
	run "$kmemtop" -h
	is "usage: -h exits 0" "$code$err" 0
	is "usage: -h tells all options" "$(printf '%s\n' "$out" |
		grep -cE '^ -[pdoshV], --|--human')" 7
	run "$kmemtop" -V
	is "usage: -V" "$code $(printf '%s\n' "$out" | grep -cE '^kmemtop .*[0-9]\.[0-9]')" "0 1"
	run "$kmemtop" -p $$ </dev/null
	fails_with "usage: the screen without a terminal" 1 "terminal"
}

# --- lies ------------------------------------------------------------------------------

# No byte of the last run is a control character, or beyond ASCII.
is_clean() {
	if LC_ALL=C tr -d '\n -~' <"$tmp/out" | grep -q . ||
		LC_ALL=C tr -d '\n -~' <"$tmp/err" | grep -q .; then
		not_ok "$1: printable" "control characters"
	else
		ok "$1: printable"
	fi
}

# MODE|PATTERN: one line and exit 1
test_lies_refused() {
	while IFS='|' read -r mode pattern; do
		start "$fake" "$mode"
		run "$kmemtop" -o -p "$pid"
		fails_with "lie: $mode" 1 "$pattern"
		is_clean "lie: $mode"
		stop
	done <<'END'
huge-ncaches|sizes that make no sense
ncaches-above-max|sizes that make no sense
small-cache-size|sizes that make no sense
zero-slot-size|sizes that make no sense
small-shelf-size|sizes that make no sense
huge-slot-size|sizes that make no sense
small-root|sizes that make no sense
version|version 7, kmemtop reads 1
dangling-table|table of caches
dangling-thread|list of threads leads to 0x10000
dangling-zone|list of zones leads to 0x10000
loop-threads|list of threads does not end
loop-zone|list of zones does not end
loop-heaps|list of heaps does not end
endless-threads|too many to be true
many-threads|too many to be true
END
}

# MODE|NAME|ROW|LEFT OUT: a table in which that row reads so, and how many records are left out
test_lies_survived() {
	while IFS='|' read -r mode name columns left_out; do
		start "$fake" "$mode"
		run "$kmemtop" -o -p "$pid"
		is "lie: $mode" "$(row "$name")" "$columns"
		is "lie: $mode: left out" "$code ${err% records*}" "0 ${left_out:+kmemtop: $left_out}"
		is_clean "lie: $mode"
		stop
	done <<'END'
huge-nslots|alpha|1280 879 68% 0.03K 10 128 40K alpha|
huge-nslabs|beta_cache||1
huge-slab-pages|beta_cache||1
huge-slab-objects|beta_cache||1
wrong-id|beta_cache||1
dangling-cache|beta_cache||1
kernel-cache|beta_cache||1
last-byte-cache|beta_cache||1
huge-counters|beta_cache|128 128 100% 1.00K 4 32 128K beta_cache|
huge-empty|beta_cache|128 128 100% 1.00K 4 32 128K beta_cache|
odd-seq|beta_cache*|128 128 100% 1.00K 4 32 128K beta_cache*|
dangling-slots|alpha|1280 839 65% 0.03K 10 128 40K alpha|1
wrapping-shelves|alpha|1280 839 65% 0.03K 10 128 40K alpha|1
huge-spare|alpha|1280 0 0% 0.03K 10 128 40K alpha|
huge-zone|alpha|1280 879 68% 0.03K 10 128 40K alpha|
no-threads|alpha|1280 370 28% 0.03K 10 128 40K alpha|
END
}

# Each time the record is whole, or marked; which of them is up to the scheduler.
test_moving() {
	start "$fake" moving-seq
	torn=
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		run "$kmemtop" -o -p "$pid"
		[ -n "$(row 'beta_cache*')" ] || [ "$(row beta_cache | cut -c1-7)" = "128 128" ] ||
			torn="$(row beta_cache)$err;$torn"
	done
	is "lie: moving-seq: whole or marked" "$torn" ""
	stop
}

test_lies_told_otherwise() {
	start "$fake" bad-names
	run "$kmemtop" -o -p "$pid"
	is_clean "lie: bad-names"
	is "lie: bad-names: 7 rows" "$(printf '%s\n' "$out" | wc -l)" 14
	is "lie: bad-names: without terminator" \
		"$(printf '%s\n' "$out" | grep -cE ' x{64}$')" 1
	is "lie: bad-names: escapes" "$(printf '%s\n' "$out" | grep -cF ' ?]0;owned??[2J????')" 1
	is "lie: bad-names: formats" "$(printf '%s\n' "$out" | grep -cF ' caf???%s%n')" 1
	stop
	test_moving
	start "$fake" release
	run "$kmemtop" -o -p "$pid"
	is "lie: release: the table" "$code $out" "0 $expected"
	is "lie: release: a line" "$err" \
		"kmemtop: process $pid: its libkmem is 7.1, kmemtop 0.1: shown is what both know"
	stop
	start "$fake" no-caches
	run "$kmemtop" -o -p "$pid"
	is "lie: no-caches: header only" "$code $(printf '%s\n' "$out" | wc -l)" "0 7"
	stop
	# Without its magic the root is none, and the decoy without caches is what remains.
	start "$fake" magic
	run "$kmemtop" -o -p "$pid"
	is "lie: magic: the other root is taken" "$code $(printf '%s\n' "$out" | wc -l)" "0 7"
	stop
}

# --- commands --------------------------------------------------------------------------------

# Any library will do: the made-up processes bring their own root.
any_library() {
	ldd "$fake" | awk '/libc\./ { print $3; exit }'
}

# ends NAME CODE ALPHA ARG...: the fake ends so, and its table has such a row
ends() {
	ends_name=$1 ends_code=$2 ends_row=$3
	shift 3
	run "$kmemtop" -o -- "$fake" "$@"
	is "command: $ends_name: status" "$code$err" "$ends_code"
	is "command: $ends_name: table" "$(row alpha)" "$ends_row"
}

test_command_ends() {
	small="1280 879 68% 0.03K 10 128 40K alpha"
	large="2560 879 34% 0.03K 20 128 80K alpha"
	run "$kmemtop" -o -- "$fake" exit 0
	is "command: the whole table" "$code$err$out" "0$expected"
	ends "exit 3" 3 "$small" exit 3
	for sig in 15 9 11 6; do
		ends "signal $sig" $((128 + sig)) "$small" signal $sig
	done
	ends "a thread exits" 5 "$small" thread-exits 5
	ends "a crowd" 6 "$small" crowd 6
	ends "the first thread leaves" 7 "$large" leader-leaves 7
	ends "a thread calls exec" 8 "$small" thread-execs 8
	before=$(date +%s)
	ends "a child stays behind" 4 "$small" leave-child 4
	is "command: a child stays behind: no wait" $(($(date +%s) - before < 10)) 1
	run "$kmemtop" -o -- sh -c 'exec "$1" exit 3' - "$fake"
	is "command: exec by a shell" "$code $(row alpha)" "3 $small"
}

test_command_signals() {
	run "$kmemtop" -o -- sh -c 'trap "exit 9" USR1; kill -USR1 $$; exit 1'
	is "command: signals are passed on" "$code" 9
	# Stopped like by ^Z, it must be seen to stop and wake again.
	timeout -k 1 20 "$kmemtop" -o -- "$fake" stop-once 2 >"$tmp/out" 2>"$tmp/err" &
	runner=$!
	until_true 'child=$(pgrep -f "^$fake stop-once" | head -n 1); [ -n "$child" ] &&
		grep -iq "^State:[[:space:]]*t" "/proc/$child/status"'
	is "command: stops" "$(awk '/^State/ { print tolower($2) }' "/proc/$child/status")" t
	[ -n "$child" ] && kill -CONT "$child"
	wait $runner
	code=$? out=$(cat "$tmp/out")
	is "command: and continues" "$code $(row alpha)" \
		"2 1280 879 68% 0.03K 10 128 40K alpha"
	# SIGTERM to kmemtop is for the command.
	"$kmemtop" -o -- "$fake" plain >"$tmp/out" 2>"$tmp/err" &
	runner=$! pids="$pids $!"
	until_true 'grep -q ready "$tmp/out"'
	kill -TERM $runner
	wait $runner
	code=$? out=$(cat "$tmp/out")
	is "command: SIGTERM is forwarded" "$code $(row alpha)" \
		"143 1280 879 68% 0.03K 10 128 40K alpha"
}

test_command_start() {
	run "$kmemtop" -o -- "$tmp/no-such-program"
	fails_with "command: cannot be executed" 127 "no-such-program: No such file"
	run "$kmemtop" -o -- "$tmp"
	fails_with "command: is a directory" 127 "Permission denied"
	run env LD_PRELOAD= "$kmemtop" -o -- sh -c 'echo "$LD_PRELOAD"'
	is "command: the library is preloaded" "$out" "$(realpath "$KMEM_MALLOC_LIBRARY")"
	# kmemtop itself loads it too, which the address sanitizer would not have
	run env LD_PRELOAD=libm.so.6 ASAN_OPTIONS=verify_asan_link_order=0 "$kmemtop" -o -- sh -c 'echo "$LD_PRELOAD"'
	is "command: before what was preloaded" "$out" \
		"$(realpath "$KMEM_MALLOC_LIBRARY"):libm.so.6"
	run "$kmemtop" -o -- true
	fails_with "command: does not use libkmem" 1 "does not use libkmem"
	run "$kmemtop" -o -- sh -c 'exit 42'
	fails_with "command: nor does this, but its status counts" 42 "does not use libkmem"
	run env KMEM_MALLOC_LIBRARY="$tmp/nothing.so" "$kmemtop" -o -- true
	fails_with "command: library not there" 1 "KMEM_MALLOC_LIBRARY=.*nothing.so: No such file"
	cp "$(realpath "$KMEM_MALLOC_LIBRARY")" "$tmp/a b.so"
	run env KMEM_MALLOC_LIBRARY="$tmp/a b.so" "$kmemtop" -o -- true
	fails_with "command: library's path has a space" 1 "space"
}

# An installed tree of its own: PREFIX/bin/kmemtop and the library in PREFIX/$1.
test_command_prefix() {
	for lib in lib lib64 "lib/$(uname -m)-linux-gnu"; do
		rm -rf "$tmp/prefix"
		mkdir -p "$tmp/prefix/bin" "$tmp/prefix/$lib"
		cp "$kmemtop" "$tmp/prefix/bin/kmemtop"
		run env -u KMEM_MALLOC_LIBRARY "$tmp/prefix/bin/kmemtop" -o -- true
		fails_with "command: no library beside $lib" 1 "not beside this program"
		cp "$(realpath "$KMEM_MALLOC_LIBRARY")" "$tmp/prefix/$lib/libkmem-malloc.so"
		ln -sf "$tmp/prefix/bin/kmemtop" "$tmp/link"
		run env -u KMEM_MALLOC_LIBRARY LD_PRELOAD= "$tmp/link" -o -- \
			sh -c 'echo "$LD_PRELOAD"'
		is "command: library in $lib" "$out" "$tmp/prefix/$lib/libkmem-malloc.so"
	done
}

# --- the screen ---------------------------------------------------------------------------------

# screen WIDTH HEIGHT COMMAND: runs it in a terminal of its own, with its status shown after
screen() {
	# A server that was told to go may still answer: each has its own socket.
	[ -n "$tmux_socket" ] && tmux -L "$tmux_socket" kill-server 2>/dev/null
	screens=$((screens + 1)) tmux_socket=kmemtop-test-$$-$screens
	tmux -L "$tmux_socket" -f /dev/null new-session -d -x "$1" -y "$2" \
		"$3; echo status=\$?; sleep 30"
}

capture() {
	tmux -L "$tmux_socket" capture-pane -p
}

press() {
	tmux -L "$tmux_socket" send-keys "$@"
}

# shows NAME PATTERN: within 20 s some line matches
shows() {
	for _ in $(seq 200); do
		capture | grep -Eq -e "$2" && ok "$1" && return
		sleep 0.1
	done
	not_ok "$1" "no '$2' in: $(capture | head -n 9)"
}

first_row() {
	capture | sed -n 8p | awk '{ print $8 }'
}

test_screen_process() {
	start "$fake" plain
	screen 80 24 "'$kmemtop' -d 1000 -p $pid"
	shows "screen: rows" "^  1280    879  68%    0.03K     10      128        40K alpha"
	is "screen: the titles are line 7" "$(capture | sed -n 7p | awk '{ print $1, $NF }')" "OBJS NAME"
	is "screen: totals" "$(capture | sed -n 1p)" "$(printf '%s\n' "$expected" | sed -n 1p)"
	shows "screen: what no cache holds" \
		" $pid: 2 threads, 61 parked, zones 4.0M of 64.0M, heaps 2.0M, mapped 3.0M"
	for pair in n:Gamma u:beta_cache c:Gamma o:alpha S:Gamma; do
		press "${pair%:*}"
		until_true '[ "$(first_row)" = "${pair#*:}" ]'
		is "screen: key ${pair%:*}" "$(first_row)" "${pair#*:}"
	done
	press o
	kill -USR1 "$pid"
	sleep 0.5
	is "screen: nothing new before the delay" "$(capture | grep -c '^  2560')" 0
	press Space
	shows "screen: space refreshes" "^  2560    879  34%.* alpha"
	tmux -L "$tmux_socket" resize-window -x 60 -y 10
	shows "screen: smaller" '^ +252 .* malloc-96'
	is "screen: smaller" "$(capture | sed -n '7p;10p' | awk '{ printf "%s.", $1 }')" "OBJS.252."
	tmux -L "$tmux_socket" resize-window -x 5 -y 2
	sleep 0.3
	tmux -L "$tmux_socket" resize-window -x 80 -y 24
	shows "screen: and large again" "^     0      0   0%.* zeta"
	press q
	shows "screen: q quits" "^status=0"
	stop
}

test_screen_delay() {
	start "$fake" plain
	screen 80 24 "'$kmemtop' -d 1 -s n -p $pid"
	shows "screen: -s" "alpha"
	is "screen: -s n" "$(first_row)" Gamma
	kill -USR1 "$pid"
	shows "screen: -d 1 refreshes" "^  2560    879"
	stop
	shows "screen: the process ends" "^kmemtop: process $pid: "
	shows "screen: the process ends: status" "^status=1"
	start "$fake" loop-zone
	screen 80 24 "'$kmemtop' -p $pid"
	shows "screen: an error is a line" "does not end"
	stop
	screen 80 24 "TERM=nonsense '$kmemtop' -p $$"
	shows "screen: an error before the terminal" "does not use libkmem"
	start "$fake" plain
	screen 80 24 "TERM=nonsense '$kmemtop' -p $pid"
	shows "screen: unknown terminal" "TERM.* not known"
	stop
}

test_screen_command() {
	library="KMEM_MALLOC_LIBRARY='$KMEM_MALLOC_LIBRARY'"
	screen 80 24 "$library '$kmemtop' -d 1000 -- '$fake' plain"
	shows "screen: a command's rows" "^  1280    879  68%.* alpha"
	is "screen: a command's output is not shown" "$(capture | grep -c ready)" 0
	press q
	shows "screen: q ends the command" "^status=143"
	shows "screen: and its last table stays" "^  1280    879  68%.* alpha"
	screen 80 24 "$library '$kmemtop' -- '$fake' leader-leaves 7"
	shows "screen: a command ends by itself" "^status=7"
	shows "screen: with the last figures" "^  2560    879  34%.* alpha"
	screen 80 24 "$library '$kmemtop' -- '$tmp/no-such-program'"
	shows "screen: cannot be executed" "no-such-program: No such file"
	shows "screen: cannot be executed: status" "^status=127"
	screen 80 24 "$library '$kmemtop' -- sh -c 'trap \"\" TERM; sleep 20'"
	shows "screen: a command without libkmem" "does not use libkmem"
	press q q
	shows "screen: a second q leaves it running" "^status=0"
	screen 80 24 "$library '$kmemtop' -d 1000 -- '$fake' plain"
	shows "screen: before ^C" "alpha"
	press C-c
	shows "screen: ^C is for the command" "^status=130"
}

test_table
test_sort
test_modules
test_refusals
test_usage
test_lies_refused
test_lies_survived
test_lies_told_otherwise
KMEM_MALLOC_LIBRARY=$(any_library)
export KMEM_MALLOC_LIBRARY
test_command_ends
test_command_signals
test_command_start
test_command_prefix
if command -v tmux >/dev/null; then
	test_screen_process
	test_screen_delay
	test_screen_command
else
	skip "screen" "no tmux"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

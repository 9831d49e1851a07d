#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A process shows the same in its cores as it did alive: gcore's and the kernel's, whatever
# coredump_filter leaves out, with and without the files that were mapped. Damaged cores and other
# files: one line.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need gdb python3 zstd lz4 xz

cd "$work"
cp "$core" "$override" "$work"
build_c holder -L"$work" -l:libkmem.so -Wl,-rpath,"$work" -pthread
mv libkmem.so "$(objdump -p holder | awk '/NEEDED.*libkmem/ { print $2 }')"
mkdir dumps

start() { # PROGRAM...: $pid, its table in $work/live
	launch "$@"
	timeout 20 "$kmemtop" -o -p "$pid" >live || fail "$* cannot be read alive"
}

shows() { # WHAT FILE [OPTION...]: the core FILE shows what $work/live shows, and nothing is said
	local what=$1 file=$2
	shift 2
	timeout 20 "$kmemtop" -o -c "$file" "$@" >dead 2>said || fail "$what: $(cat said)"
	cmp -s live dead || fail "$what: not as alive: $(diff live dead)"
	[ ! -s said ] || fail "$what: $(cat said)"
	echo "ok: $what"
}

says() { # WHAT PATTERN FILE [OPTION...]: one line, no table
	local what=$1 pattern=$2 file=$3 status=0
	shift 3
	timeout 20 "$kmemtop" -o -c "$file" "$@" >dead 2>said || status=$?
	[ "$status $(wc -lc <dead | xargs) $(wc -l <said)" = "1 0 0 1" ] || fail "$what: $status, $(cat dead said)"
	grep -Eq -e "$pattern" said || fail "$what: '$(cat said)' does not say '$pattern'"
	echo "ok: $what: $(cat said)"
}

differing() { # JSON JSON
	diff <(tr ',' '\n' <"$1") <(tr ',' '\n' <"$2") | head
}

address() { # CORE: one in its first zone
	timeout 20 "$kmemtop" --json -c "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["zones"][0]["base"] + 70000)'
}

take() { # FILE: of $pid by gcore
	timeout 60 gcore -o dumps/taken "$pid" >log 2>&1 || {
		! grep -qi 'ptrace.*not permitted' log || skip "ptrace is not permitted here"
		fail "gcore: $(tail -n 3 log)"
	}
	mv "dumps/taken.$pid" "$1"
}

# --- gcore ---------------------------------------------------------------------------

test_gcore() {
	start env LD_PRELOAD="$preload" ./holder 20 self
	take gcore
	shows "gcore" gcore
	timeout 20 "$kmemtop" --json -p "$pid" >json
	cmp self json || fail "alive it shows other numbers than it says of itself: $(differing self json)"
	timeout 20 "$kmemtop" --json -c gcore >json
	cmp self json || fail "gcore shows other numbers than it says of itself: $(differing self json)"
	for form in --slabinfo --buddyinfo --map "--whatis $(address gcore)"; do
		# shellcheck disable=SC2086
		timeout 20 "$kmemtop" $form -p "$pid" >live-form || fail "$form alive"
		# shellcheck disable=SC2086
		timeout 20 "$kmemtop" $form -c gcore >dead || fail "$form of gcore"
		[ -s dead ] || fail "$form of gcore is empty"
		cmp -s live-form dead || fail "$form: not as alive: $(diff live-form dead)"
		echo "ok: $form of gcore: $(wc -l <dead) lines, the same"
	done
	echo "ok: live, gcore and its own snapshot: $(wc -c <self) bytes, the same"
	echo 0x21 >"/proc/$pid/coredump_filter"
	take gcore-0x21
	shows "gcore without ELF headers" gcore-0x21
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
}

# --- the kernel's --------------------------------------------------------------------

die() { # FILTER FILE
	start env LD_PRELOAD="$preload" bash -c 'cd dumps && ulimit -c unlimited && exec ../holder'
	echo "$1" >"/proc/$pid/coredump_filter"
	kill -ABRT "$pid"
	wait "$pid" 2>/dev/null || true
	mv dumps/core* "$2" 2>/dev/null
}

test_kernel() {
	local filter
	for filter in 0x1 0x11 0x13 0x21 0x31 0x33 0x3f 0x7f 0x1ff; do
		die $filter kernel-$filter
		shows "the kernel's, coredump_filter $filter" kernel-$filter
	done
	for filter in 0x0 0x2 0x10; do
		die $filter kernel-$filter
		says "the kernel's, coredump_filter $filter" "left out of the core \(coredump_filter\)" kernel-$filter
	done
	die 0x33 dumped
}

# --- what surrounds a core -------------------------------------------------------------

test_files() { # of a core without ELF headers
	die 0x21 bare
	mv "$library" away
	says "a library is gone" "is in $work/libkmem.*: No such file" bare
	tr '\000' '\001' <away >"$library"
	says "a library is nonsense" "it does not use libkmem" bare
	mkfifo pipe && rm "$library" && mv pipe "$library"
	says "a library is a pipe" "is in $work/" bare
	rm "$library" && mv away "$library"
	shows "the library is back" bare
}

test_exe() { # linked statically
	preload=
	build_c holder "$build/lib/libkmem.a" -pthread
	die 0x21 static
	mv holder elsewhere
	says "the executable is gone" "is in $work/holder: No such file" static
	shows "-e says where it is" static -e elsewhere
	says "-e says where it is not" "nothing: No such file" static -e nothing
	nameless static static-nameless
	says "a core that names no files" "no libkmem" static-nameless
	shows "and -e says what ran" static-nameless -e elsewhere
	mv elsewhere holder
	die 0x31 heads
	mv holder elsewhere
	shows "a core with its ELF headers needs no files" heads
	cp "$(type -P true)" other
	says "-e names another program" "other is not the program that ran" heads -e other
	mv elsewhere holder
}

nameless() { # FILE TO: without NT_FILE
	python3 - "$@" <<-'END'
		import sys
		data = open(sys.argv[1], "rb").read()
		assert data.count(b"ELIF\x43\x4f\x52\x45") == 1 # the type, then "CORE"
		open(sys.argv[2], "wb").write(data.replace(b"ELIFCORE", b"xxxxCORE"))
	END
}

test_damage() {
	local nbytes
	nbytes=$(stat -c %s dumped)
	for part in 40 100 2000 30000; do
		head -c $part dumped >short
		says "a core of $part bytes" "no core file|cannot be read|cut off" short
	done
	head -c $((nbytes - 4096)) dumped >short
	timeout 20 "$kmemtop" -o -c short >dead 2>said || fail "a core without its last page: $(cat said)"
	cmp -s live dead || fail "a core without its last page: not as alive"
	grep -q "it is cut off: $((nbytes - 4096)) of $nbytes bytes are there" said || fail "cut off: $(cat said)"
	says "a program" "it is no core file, but another ELF file" "$(type -P true)"
	says "a text" "it is no core file" "$here/test_core.sh"
	: >empty
	says "an empty file" "it is no core file" empty
	says "a device" "it is not a file" /dev/null
	says "a folder" "it is not a file" "$work"
	says "nothing" "No such file" "$work/nothing"
	for field in 4:1 5:2; do # of 32 bits; big endian
		cp dumped foreign
		printf '%b' "\\0${field#*:}" | dd of=foreign bs=1 seek="${field%:*}" conv=notrunc status=none
		says "byte $field" "it is of another kind of machine" foreign
	done
}

# As systemd-coredump stores them.
test_packed() {
	zstd -q dumped -o packed.zst
	says "zstd" "it is compressed: unpack it with zstd -dc" packed.zst
	lz4 -q dumped packed.lz4
	says "lz4" "it is compressed: unpack it with lz4 -dc" packed.lz4
	xz -0 -c dumped >packed.xz
	says "xz" "it is compressed: unpack it with xz -dc" packed.xz
	zstd -dc packed.zst >unpacked
	shows "unpacked" unpacked
}

preload=$work/libkmem-malloc.so
library=$(ls libkmem.so*)
test_gcore
die 0x33 dumped || skip "the rest: cores of this machine go elsewhere ($(cat /proc/sys/kernel/core_pattern))"
test_kernel
test_damage
test_packed
test_files
test_exe

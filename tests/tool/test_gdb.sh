#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gdb's commands on a program in a known state: alive, in a core, with a stripped library, linked
# statically; on nothing of libkmem's; and with each record damaged in turn.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need cmake gdb cc strip
gdb -nx -batch -ex 'python print(gdb.VERSION)' >/dev/null 2>&1 || skip "gdb has no Python"

checks=0

# link DIRECTORY ARGUMENTS...: the program there.
link() {
	local directory=$1
	shift
	"${CC:-gcc}" -std=gnu17 -O1 -g -Wall -Wextra -I"$source_dir/include" "$here/gdb/target.c" -o "$directory/target" \
		"$@" -pthread || fail "target.c does not link with $*"
}

# in_gdb ARGUMENTS...: $work/out is what gdb printed on both streams; no Python error is in it.
in_gdb() {
	timeout 100 gdb -nx -batch -iex "add-auto-load-safe-path $work" -iex 'set width 0' "$@" \
		>"$work/out" 2>&1 </dev/null || true
	if grep -Eq 'Traceback|Python Exception|Error occurred in Python' "$work/out"; then
		fail "a traceback: $(tail -n 20 "$work/out")"
	fi
}

# says PATTERN: a line of the last run matches.
says() {
	grep -Eq -e "$1" "$work/out" || fail "no line matches '$1': $(cat "$work/out")"
	checks=$((checks + 1))
}

# Its answers from the mark on, without the numbers of threads.
answers() {
	sed -e '1,/^== answers$/d' -e 's/thread [0-9]*/thread N/' "$work/out"
}

# anywhere FILE: the answers without addresses, and what depends on the processor.
anywhere() {
	sed -e '/heap/d' -e 's/0x[0-9a-f]*//g' -e 's/on cpu.*//' "$1"
}

link_all() {
	mkdir "$work/whole" "$work/bare" "$work/static"
	cmake --install "$build" --prefix "$work/installed" >"$work/log" 2>&1 || fail "$(tail -n 3 "$work/log")"
	cp -a "$(find "$work/installed" -name libkmem.so -printf '%h\n')/." "$work/whole"
	cp -a "$work/whole/." "$work/bare"
	strip "$work/bare/libkmem.so.0.1"
	# shellcheck disable=SC2016
	link "$work/whole" -L"$work/whole" -lkmem '-Wl,-rpath,$ORIGIN'
	cp "$work/whole/target" "$work/bare"
	link "$work/static" "$work/whole/libkmem.a"
}

commands=(-ex 'echo == answers\n' -ex 'kmem caches' -ex 'kmem heap' -ex 'kmem slab live' -ex 'kmem slab parked'
	-ex 'kmem whatis live' -ex 'kmem whatis (char *)parked + 7' -ex 'kmem whatis seen' -ex 'kmem whatis block + 5'
	-ex 'kmem whatis other' -ex 'kmem whatis own + 7' -ex 'kmem whatis block - 8' -ex 'kmem whatis run + 50000' -ex 'kmem whatis mapping + (99 << 20)'
	-ex 'kmem whatis &live' -ex 'kmem whatis 0' -ex 'kmem whatis ~0UL' -ex 'kmem validate')

test_alive() {
	in_gdb -ex 'break ready' -ex run \
		-ex "python gdb.execute('shell timeout 20 $kmemtop -o -p %d >$work/table' % gdb.selected_inferior().pid)" \
		-ex "generate-core-file $work/core" "${commands[@]}" "$work/whole/target"
	grep -q 'Couldn.t get\|ptrace.*not permitted' "$work/out" && skip "ptrace is not permitted here"
	answers >"$work/alive"
	if [ -x "$kmemtop" ]; then
		[ -s "$work/table" ] || fail "kmemtop prints nothing"
		head -n "$(wc -l <"$work/table")" "$work/alive" | diff "$work/table" - || fail "kmemtop -o has another table"
	fi
	says '^ +1536 +599 +38% +0\.06K +3 +512 +96K session'
	says '^ +1 .* 2 +94208 .* malloc-heap-[0-3]$'
	says '^ +1 +32K +1 +1008 +31744 +31744 pool$'
	says '^ +1 +[0-9]K +1 +112 +[0-9]+ +[?] given$'
	says "is 7 bytes into the block of 1000 bytes at 0x[0-9a-f]+ of heap .pool.: in use$"
	says '^  0x[0-9a-f]+ [|]#{64}[|]$'
	says '^  # 512 in use$'
	says '^  o +[0-9]+ free, in a sheaf$'
	says 'is 0 bytes into object 0 at 0x[0-9a-f]+ of cache .session., 64 bytes: in use$'
	says "is 7 bytes into object [0-9]+ at 0x[0-9a-f]+ of cache 'session', 64 bytes: free, in a sheaf of thread"
	says 'of cache .tracked., 100 bytes: in use'
	says '^  allocated by thread [0-9]+ on cpu'
	says '0x[0-9a-f]+ main  .*target\.c:[0-9]+'
	says 'is 5 bytes into the block of 40952 bytes at 0x[0-9a-f]+ of heap .malloc-heap-[0-3].: in use$'
	says 'is 0 bytes into the block of [0-9]+ bytes at .*: free, in a sheaf of thread [0-9]+$'
	says 'is in the head of the block at 0x[0-9a-f]+ of heap'
	says 'is 50000 bytes into the run of 80 pages at 0x[0-9a-f]+ from malloc: in use$'
	says 'is 103809024 bytes into the mapping of 25600 pages at 0x[0-9a-f]+ from malloc: in use$'
	[ "$(grep -c "is not libkmem's" "$work/out")" -eq 3 ] || fail "three addresses are not libkmem's: $(cat "$work/out")"
	says '^caches 2, slabs 4, heaps [3-6], spans 2, blocks 3, zones 1: all is sound$'
}

# The core and the library without symbols say the same as the live program.
test_same_elsewhere() {
	in_gdb "${commands[@]}" "$work/whole/target" "$work/core"
	answers | diff "$work/alive" - || fail "the core differs from the live program"
	in_gdb -ex 'break ready' -ex run "${commands[@]}" "$work/bare/target"
	answers >"$work/bare.out"
	says 'all is sound'
	diff <(anywhere "$work/alive") <(anywhere "$work/bare.out") || fail "with a stripped library it differs"
	in_gdb -ex 'break ready' -ex run -ex "source $work/whole/libkmem.so.0.1-gdb.py" "${commands[@]}" \
		"$work/static/target"
	says '^ +1536 +599 +38% +0\.06K +3 +512 +96K session'
	says 'all is sound$'
	checks=$((checks + 3))
}

test_printers() {
	in_gdb "$work/whole/target" "$work/core" -ex 'print *sessions' \
		-ex 'python from kmem_gdb import caches, slabs, target' \
		-ex 'python c = caches.Caches(target.Target()); s = slabs.slab_of(c, int(gdb.parse_and_eval("(long) live")))' \
		-ex 'python gdb.execute("print *(struct slab *) %d" % s.addr)' \
		-ex 'python gdb.execute("print *(struct slab *) %d" % (s.addr + 8))' \
		-ex 'print *(struct sheaf *) (thread_slots[96].sp & ~(thread_slots[96].mask | 7))' \
		-ex 'print *(struct block *) (block - 8)' -ex 'print *(struct block *) block'
	says "= cache 'session', id 96, 3 slabs of 512 objects of 64 bytes = [{]"
	says "= slab 0x[0-9a-f]+ of cache 'session': 0 of 512 free, 512 ever handed out, objects at .*, on list 0"
	says '= damaged: 0x[0-9a-f]+ is no slab'
	says '= sheaf of [0-9]+ objects'
	says '= block of 40960 bytes with its head, live, the block before it live'
	says '= block, its head was overwritten: 0x'
}

# The function that frees it is where the object is still in use.
test_guarded() {
	[ -x "$build/tests/map_target" ] || return 0
	in_gdb -ex "source $work/whole/libkmem.so.0.1-gdb.py" -ex 'set environment KMEM_OPTIONS kfence_sample_interval:1' \
		-ex 'break tracked_free' -ex 'run guarded' -ex 'set $object = $rsi' -ex 'kmem whatis $object + 3' \
		-ex 'kmem whatis ($object & ~4095) + 4096' -ex finish -ex 'kmem whatis $object' "$build/tests/map_target"
	says "is 3 bytes into guarded object [0-9]+ at 0x[0-9a-f]+ of cache 'guarded', 48 bytes: in use$"
	says '^  allocated by thread [0-9]+ on cpu'
	says 'is in the pool of guarded objects, in none of them$'
	says "is 0 bytes into guarded object [0-9]+ .*, 48 bytes: free(, in a sheaf of thread [0-9]+)?$"
}

test_nothing_there() {
	local loader=$work/whole/libkmem.so.0.1-gdb.py
	in_gdb -ex "source $loader" -ex 'kmem caches'
	says '^kmem caches: no libkmem in this program, or it is not loaded yet$'
	in_gdb -ex "source $loader" -ex 'kmem validate' "$work/static/target"
	says '^kmem validate: libkmem 0.1 is not initialised'
	in_gdb -ex "source $loader" -ex 'break ready' -ex run -ex 'kmem slab' -ex 'kmem slab nonsense' -ex 'kmem slab 16' \
		-ex 'kmem heap none' -ex 'kmem nonsense' "$work/static/target"
	says '^Which address'
	says '^No symbol "nonsense" in current context'
	says '^kmem slab: 0x10 is in no slab'
	says "^kmem heap: there is no heap 'none'"
	in_gdb -iex 'set auto-load safe-path /nowhere' -ex 'break ready' -ex run -ex 'kmem caches' "$work/whole/target"
	says 'Undefined command: "kmem"'
}

# With a thread inside of the library a count may be on its way: that is no error.
test_in_doubt() {
	in_gdb -ex 'set breakpoint pending on' -ex 'break kmem_cache_free' -ex run \
		-ex 'python from kmem_gdb import caches, slabs, target' -ex 'python t = target.Target()' \
		-ex 'python s = slabs.slab_of(caches.Caches(t), int(gdb.parse_and_eval("(long) live")))' \
		-ex 'python gdb.selected_inferior().write_memory(s.addr + t.layout.slab_state + 4, b"\xff" * 4)' \
		-ex 'kmem validate' "$work/whole/target"
	says "^S1: slab 0x[0-9a-f]+ of cache 'session': -1 free by its count, 0 by its bitmap$"
	says '^threads that are or may be inside libkmem: 1$'
	says ': 1 in doubt$'
}

# A block whose pages are given back just now is free, and its span counts it.
test_in_hand() {
	in_gdb -ex 'break ready' -ex run -ex 'break private_heaps_purge_locked' -ex 'call (int) kmem_trim()' \
		-ex 'break sys_purge' -ex continue -ex 'kmem whatis own + 20000' -ex 'kmem validate' "$work/whole/target"
	says "is [0-9]+ bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+ of heap 'pool': free$"
	says 'all is sound$'
}

# In gdb's directory of trusted scripts the first file alone is enough.
test_trusted_directory() {
	local auto=$work/auto
	mkdir -p "$auto$work/whole"
	mv "$work/whole/libkmem.so.0.1-gdb.py" "$auto$work/whole"
	in_gdb -iex "set auto-load scripts-directory $auto" -iex "set auto-load safe-path $auto" \
		"$work/whole/target" "$work/core" -ex 'kmem validate'
	says 'all is sound$'
	mv "$auto$work/whole/libkmem.so.0.1-gdb.py" "$work/whole"
}

test_damage() {
	in_gdb -ex 'break ready' -ex run -ex "source $here/gdb/damage.py" "$work/whole/target"
	says '^# seed'
	says '^ok - [0-9]+ words at random'
	if grep -q '^not ok' "$work/out"; then
		fail "$(grep -A 4 '^# seed\|^not ok' "$work/out")"
	fi
	[ "$(grep -c '^ok' "$work/out")" -eq 44 ] || fail "not all of damage.py ran: $(tail -n 5 "$work/out")"
	checks=$((checks + $(grep -c '^ok' "$work/out")))
}

link_all
test_alive
test_same_elsewhere
test_printers
test_guarded
test_nothing_there
test_in_doubt
test_in_hand
test_trusted_directory
test_damage
echo "$checks checks passed"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Memcheck names errors in objects of named caches and in blocks of kmem_malloc, to the byte, and
# has nothing to say of a program without any, whether caches are debugged or hardened or not;
# other tools of valgrind change nothing.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need valgrind
echo '#include <valgrind/memcheck.h>' | "${CC:-gcc}" -fsyntax-only -x c - 2>/dev/null ||
	skip "valgrind's headers are not installed: libkmem was built without"

# A copy without debug information: Debian 12's valgrind gives up on what clang 14 writes.
strip -g -o "$work/$(basename "$(readlink -f "$core")")" "$core"
core=$work/$(basename "$(readlink -f "$core")")
ln -s "$(basename "$core")" "$work/$(readelf -d "$core" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" 2>/dev/null || true
build_c planted -g "$core" -Wl,-rpath,"$work"
export DEBUGINFOD_URLS=
export KMEM_SYMBOLS="" # names take time, and are not looked at

# memcheck WHAT: its report in $work/log.
memcheck() {
	timeout 100 valgrind --leak-check=full --error-exitcode=9 "$work/planted" "$1" >"$work/log" 2>&1
}

# finds WHAT LINE...: each line is part of the report, and it has the place in the program.
finds() {
	local what=$1 line
	shift
	memcheck "$what" && fail "$what: Memcheck saw nothing"
	for line in "$@" "planted.c:"; do
		grep -qF -- "$line" "$work/log" || fail "$what: no '$line' in: $(cat "$work/log")"
	done
	echo "$what: $1"
}

is_clean() {
	memcheck clean || fail "clean: exit $?: $(grep -A 12 -m 1 Invalid "$work/log"; tail -n 5 "$work/log")"
	grep -q 'ERROR SUMMARY: 0 errors' "$work/log" || fail "clean: $(tail -n 5 "$work/log")"
	grep -q 'definitely lost: 0 bytes\|no leaks are possible' "$work/log" || fail "clean: $(cat "$work/log")"
	echo "clean: no errors"
}

is_clean
finds overrun "Invalid write of size 1" "is 0 bytes after a block of size 59 alloc'd" kmem_cache_zalloc
finds underrun "Invalid read of size 1" "is 1 bytes before a block of size 59 alloc'd"
finds after_free "Invalid read of size 1" "is 5 bytes inside a block of size 59 free'd" "Block was alloc'd at"
finds uninitialised "Conditional jump or move depends on uninitialised value(s)"
finds leak "59 bytes in 1 blocks are definitely lost" "by 0x"
finds twice "Invalid free()" "is 0 bytes inside a block of size 59 free'd"
finds malloc_overrun "Invalid write of size 1" "is 0 bytes after a block of size 100 alloc'd"
finds malloc_after_free "Invalid write of size 1" "is 0 bytes inside a block of size 100 free'd"
finds large_overrun "Invalid write of size 1" "is 0 bytes after a block of size 100,001 alloc'd"
finds large_after_free "Invalid write of size 1" "is 70,000 bytes inside a block of size 100,001 free'd"
finds large_leak "100,001 bytes in 1 blocks are definitely lost"
finds pages_overrun "Invalid write of size 1" "is 0 bytes after a block of size 8,192 alloc'd"

for setting in KMEM_DEBUG=FZPU KMEM_OPTIONS=hardened:true; do
	export "${setting?}"
	echo "$setting:"
	is_clean
	finds overrun "Invalid write of size 1" "is 0 bytes after a block of size 59 alloc'd" kmem_cache_zalloc
	finds after_free "Invalid read of size 1" "is 5 bytes inside a block of size 59 free'd" "Block was alloc'd at"
	finds twice "Invalid free()" "is 0 bytes inside a block of size 59 free'd"
	unset "${setting%%=*}"
done

KMEM_OPTIONS=annotate:false memcheck overrun || fail "annotate:false: $(cat "$work/log")"
timeout 100 valgrind --tool=none "$work/planted" overrun >"$work/log" 2>&1 || fail "--tool=none: $(cat "$work/log")"
timeout 100 valgrind --tool=helgrind "$work/planted" clean >"$work/log" 2>&1 || fail "helgrind: $(tail "$work/log")"

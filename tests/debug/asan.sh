#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program built with AddressSanitizer on a libkmem that was not: errors in objects of named
# caches, and in blocks of kmem_malloc, are reported; one without any passes, leak check included.
# The same with caches that are debugged, hardened, or guarded.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

echo 'int main(void) { return 0; }' >"$work/empty.c"
unset ASAN_OPTIONS # the leak check is wanted
export KMEM_SYMBOLS="" # names take time, and are not looked at

# finds WHAT: the error is reported in the function that has its name.
finds() {
	local status=0
	timeout 60 env "$setting" "$work/planted" "$1" >"$work/log" 2>&1 || status=$?
	[ "$status" -ne 0 ] || fail "$1, $setting: nothing was reported"
	grep -q "AddressSanitizer: use-after-poison" "$work/log" || fail "$1, $setting: $(head -n 5 "$work/log")"
	grep -q "#[0-9]* .* in $1 .*planted.c:" "$work/log" || fail "$1, $setting: not in $1: $(head -n 12 "$work/log")"
}

finds_all() {
	local what
	timeout 60 env "$setting" "$work/planted" clean >"$work/log" 2>&1 ||
		fail "clean, $setting: exit $?: $(head -n 20 "$work/log")"
	for what in overrun underrun after_free malloc_overrun malloc_after_free large_overrun large_after_free \
		pages_overrun; do
		finds "$what"
	done
	echo "all are found with $setting"
}

tried=0
for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || continue
	"$compiler" -fsanitize=address "$work/empty.c" -o "$work/empty" 2>/dev/null && "$work/empty" ||
		{ echo "$compiler has no AddressSanitizer: not tried" && continue; }
	for library in "$core" "$build/lib/libkmem.a"; do
		CC=$compiler build_c planted -g -O1 -fsanitize=address "$library" -Wl,-rpath,"$build/lib"
		echo "$compiler, $(basename "$library"):"
		setting=KMEM_NONE=
		finds_all
		timeout 60 "$work/planted" strings >"$work/log" 2>&1 && fail "strings: their leak was not seen"
		grep -q 'LeakSanitizer' "$work/log" || fail "strings: $(head -n 5 "$work/log")"
		timeout 60 env KMEM_OPTIONS=annotate:false "$work/planted" overrun || fail "annotate:false: exit $?"
	done
	for setting in KMEM_DEBUG=FZPU KMEM_OPTIONS=hardened:true KMEM_OPTIONS=kfence_sample_interval:1; do
		finds_all
	done
	tried=$((tried + 1))
done
[ "$tried" -gt 0 ] || skip "no compiler has AddressSanitizer"

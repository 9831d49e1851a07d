#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program on libkmem's malloc whose every request fails, and only its own; none of the C library's.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c failslab "$core" -Wl,-rpath,"$build/lib"

# with OPTIONS DEBUG PROGRAM...: its output in $work/log.
with() {
	local options=$1 debug=$2
	shift 2
	timeout 60 env LD_PRELOAD="$override" KMEM_OPTIONS="$options" KMEM_DEBUG="$debug" "$@" >"$work/log" 2>&1
}

with failslab:probability=100/object=failslab/depth=1/verbose=-1 A "$work/failslab" &&
	fail "strdup calls malloc from the C library: that request was not to fail"
with failslab:probability=100/object=failslab/verbose=-1 A "$work/failslab" || fail "failslab exits with $?: $(tail -n 3 "$work/log")"
with failslab:probability=100/object=failslab/verbose=-1/all=1 - "$work/failslab" || fail "failslab, all: exit $?"
with failslab:probability=100/object=failslab "A,malloc-*;A,failslab-*" "$work/failslab" || fail "failslab, by names: exit $?"
[ "$(grep -c 'injected failure' "$work/log")" -ge 1 ] || fail "no failure is told: $(cat "$work/log")"

# Programs that do not expect it go their own way, but say the same where nothing of theirs fails.
with failslab:probability=100/object=nobody/all=1 - sort "$0" || fail "sort: $(tail -n 3 "$work/log")"
sort "$0" | cmp -s - "$work/log" || fail "sort says something else: $(tail -n 3 "$work/log")"
for percent in 0.1 1 50 100; do
	status=0
	with "failslab:probability=$percent/all=1/space=100k/seed=1" A sort --parallel=1 "$0" || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || fail "sort with $percent% failures exits with $status: $(tail -n 3 "$work/log")"
	echo "sort with $percent% failures exits with $status"
done

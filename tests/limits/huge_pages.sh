#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# With transparent huge pages set to always, a trivial program on libkmem is no larger.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

setting=/sys/kernel/mm/transparent_hugepage/enabled
[ -w "$setting" ] || skip "$setting cannot be written"
before=$(sed 's/.*\[\(.*\)\].*/\1/' "$setting")
undo() { echo "$before" >"$setting" || true; }

build_c once
size() { # POLICY
	echo "$1" >"$setting" || skip "$setting cannot be set to $1"
	average with_ours "$work/once"
}
never=$(size never)
always=$(size always)
undo
echo "resident: $never KiB with never, $always KiB with always"
[ $((always - never)) -le 64 ] || fail "$((always - never)) KiB more with huge pages, at most 64 allowed"

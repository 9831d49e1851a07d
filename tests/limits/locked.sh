#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program that locks its memory, under a limit: blocks or ENOMEM, no crash.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c locked
tried=0
for what in all future; do
	status=0
	with_ours "$work/locked" "$what" || status=$?
	no_signal "$status" "locked $what"
	[ "$status" -ne 77 ] || { echo "locked $what: the limit cannot be set here, not tried" && continue; }
	[ "$status" -eq 0 ] || fail "locked $what: was refused memory that it had before"
	echo "locked $what: ok"
	tried=$((tried + 1))
done
[ "$tried" -gt 0 ] || skip "no limit can be set"

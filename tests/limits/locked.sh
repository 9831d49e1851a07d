#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program that locks its memory, under a limit: blocks or ENOMEM, no crash.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../vm.sh
. "$source_dir/tests/vm.sh"

build_c locked
for what in all future; do
	status=0
	with_ours "$work/locked" "$what" || status=$?
	if [ "$status" -eq 77 ]; then
		echo "locked $what: the limit cannot be set here, so in a virtual machine"
		status=0
		in_vm -- "$work/locked" "$what" || status=$?
	fi
	no_signal "$status" "locked $what"
	[ "$status" -eq 0 ] || fail "locked $what: was refused memory that it had before"
	echo "locked $what: ok"
done

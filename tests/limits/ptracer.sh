#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# With ptracer:any a process tells Yama that any other may read it, and so does a child of fork,
# which does not inherit that; without, nobody asks.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need strace

asks() { # OPTIONS: how many processes ask, of a shell and its child
	# shellcheck disable=SC2016
	timeout 60 strace -f -e trace=prctl -o "$work/calls" -E LD_PRELOAD="$override" -E KMEM_OPTIONS="$1" \
		sh -c '(exit 3); exit $(($? - 3))' || fail "the shell exits with $?"
	grep 'PR_SET_PTRACER, PR_SET_PTRACER_ANY' "$work/calls" | cut -d ' ' -f 1 | sort -u | wc -l
}

[ "$(asks ptracer:any)" -eq 2 ] || fail "the shell or its child did not ask: $(cat "$work/calls")"
[ "$(asks ptracer:none)" -eq 0 ] || fail "ptracer:none asks"
[ "$(asks '')" -eq 0 ] || fail "somebody asks who was not told to"
echo "a shell and its child can be read by any process"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A trivial program makes at most 12 more system calls than with the C library's malloc, not
# counting those by which the dynamic loader loads the two libraries.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need strace python3

build_c once
timeout 60 strace -f -o "$work/theirs" "$work/once" >/dev/null
timeout 60 strace -f -o "$work/ours" -E LD_PRELOAD="$override" "$work/once" >/dev/null
"$here/system_calls.py" "$work/theirs" "$work/ours" 12 || fail "too many system calls"

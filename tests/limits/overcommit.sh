#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Under strict overcommit (vm.overcommit_memory=2) programs run. The setting is the machine's: it
# is changed for a second, and put back whatever happens.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

setting=/proc/sys/vm/overcommit_memory
before=$(cat "$setting")
undo() { [ "$(cat "$setting")" = "$before" ] || echo "$before" >"$setting"; }
need sqlite3
build_c once
( echo 2 >"$setting" ) 2>/dev/null || skip "$setting cannot be set"

with_ours "$work/once" || fail "a trivial program does not run"
with_ours sqlite3 :memory: "$(cat "$here/numbers.sql")" >"$work/out" 2>&1 ||
	fail "sqlite3: $(cat "$work/out")"
undo
[ "$(cat "$work/out")" = 5000050000 ] || fail "sqlite3 said: $(cat "$work/out")"

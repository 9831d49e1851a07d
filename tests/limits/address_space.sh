#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Under `ulimit -v 500000` programs run, and one that asks for more meets an error, not a signal.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need sqlite3 python3 perl

limited() { # NAME COMMAND...
	local name=$1 status=0
	shift
	(ulimit -v 500000 && with_ours "$@") >"$work/out" 2>&1 || status=$?
	no_signal "$status" "$name ($(tail -n 2 "$work/out"))"
	echo "$name: exit $status"
	return "$status"
}

limited sqlite3 sqlite3 :memory: "$(cat "$here/numbers.sql")" || fail "sqlite3: $(cat "$work/out")"
limited python3 env PYTHONMALLOC=malloc python3 -c 'import json; json.dumps(list(range(100000)))' ||
	fail "python3: $(tail -n 1 "$work/out")"
# shellcheck disable=SC2016
limited perl perl -e 'my %h = map { $_ => "x" x ($_ % 99) } 1 .. 100000; exit(keys(%h) != 100000)' ||
	fail "perl: $(tail -n 1 "$work/out")"

# Too much: a gigabyte in blocks of every size.
limited "sqlite3, too much" sqlite3 :memory: "create table t (b); with recursive r(n) as
	(select 1 union all select n + 1 from r where n < 2000) insert into t select zeroblob(500000) from r;" &&
	fail "sqlite3 got a gigabyte"
grep -qi 'out of memory' "$work/out" || fail "sqlite3 said: $(cat "$work/out")"
limited "python3, too much" env PYTHONMALLOC=malloc python3 -c '
kept = []
try:
	while True:
		kept.append(bytearray(len(kept) % 4000 + 17))
except MemoryError:
	count = len(kept)
	kept = None
	print("refused after", count, "blocks;", "again:", len(bytearray(1000000)))
' || fail "python3: $(tail -n 1 "$work/out")"
tail -n 1 "$work/out"
limited "perl, too much" perl -e 'my @k; push @k, "x" x 5000 for 1 .. 300000' &&
	fail "perl got more than a gigabyte"
grep -qi 'out of memory' "$work/out" || fail "perl said: $(cat "$work/out")"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tables in docs/numa.md are what the library does on simulated machines. tables.sh BUILD [--write]
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

page=$source_dir/docs/numa.md
{
	echo "<!-- tables: written by tests/numa/tables.sh -->"
	timeout 60 "$build/tests/tables" || fail "tables exits with $?"
	echo "<!-- end of tables -->"
} >"$work/tables"
sed -e '/^<!-- tables:/,/^<!-- end of tables/{/^<!-- end of tables/!d}' "$page" |
	sed -e "/^<!-- end of tables/{r $work/tables
d}" >"$work/page"
if [ "${2:-}" = --write ]; then
	cp "$work/page" "$page"
else
	diff "$page" "$work/page" || fail "docs/numa.md says otherwise: tests/numa/tables.sh BUILD --write"
fi

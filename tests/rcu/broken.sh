#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# broken.sh PROGRAM [OPTION...]: a stress test whose grace periods are skipped (its option --broken) must fail,
# by one of its checks, by a crash, or by never ending; and must not without the option.
set -u
timeout 60 "$@" --seconds 1 >/dev/null
status=$?
[ "$status" -ne 77 ] || exit 77
[ "$status" -eq 0 ] || {
	echo "FAIL: $1 fails as it is: $status" >&2
	exit 1
}
ulimit -c 0
timeout -s KILL 100 "$@" --broken --seconds 40 2>&1
status=$?
[ "$status" -ne 0 ] || {
	echo "FAIL: $1 did not notice that grace periods were skipped" >&2
	exit 1
}
echo "found, with status $status"

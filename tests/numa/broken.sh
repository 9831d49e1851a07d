#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# broken.sh PROGRAM: a test of a library that was broken on purpose (broken.cmake) must fail.
set -u
ulimit -c 0
timeout -s KILL 100 "./$1" 2>&1
status=$?
# libcheck's answer to tests that failed: not a program that is not there, nor one that hangs.
[ "$status" -eq 1 ] || {
	echo "FAIL: $1 did not notice, status $status" >&2
	exit 1
}
echo "found"

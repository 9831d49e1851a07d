#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A trivial program costs at most 300 KiB more resident memory than with the C library's malloc.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c once
# The smallest of twenty: how much of a file is mapped around a fault varies.
smallest() { for _ in $(seq 20); do "$@"; done | sort -n | head -n 1; }
theirs=$(smallest "$work/once")
ours=$(smallest with_ours "$work/once")
echo "resident: $theirs KiB with the C library's malloc, $ours KiB with libkmem's"
[ $((ours - theirs)) -le 300 ] || fail "$((ours - theirs)) KiB more, at most 300 allowed"

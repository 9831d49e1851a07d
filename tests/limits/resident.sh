#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A trivial program costs at most 180 KiB more resident memory than with the C library's malloc.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c once
theirs=$(average "$work/once")
ours=$(average with_ours "$work/once")
echo "resident: $theirs KiB with the C library's malloc, $ours KiB with libkmem's"
[ $((ours - theirs)) -le 180 ] || fail "$((ours - theirs)) KiB more, at most 180 allowed"

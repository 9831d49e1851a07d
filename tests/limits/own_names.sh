#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program with functions of the library's names: nothing of the library's ends up in them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c own_names -L"$build/lib" -lkmem -Wl,-rpath,"$build/lib"
timeout 60 "$work/own_names" || fail "own_names exits with $?"
with_ours "$work/own_names" || fail "own_names on libkmem's malloc exits with $?"

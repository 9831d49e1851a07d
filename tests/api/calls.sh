#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every exported function of libkmem.so is called through the shared library, from Python.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need python3

nm -D --defined-only "$core" | sed -n 's/.* [TWi] \(kmem_[a-z_0-9]*\).*/\1/p' | grep -v -e '^kmem_core_' -e '^kmem_private_' >"$work/names"
timeout 60 "$here/calls.py" "$core" "$work/names" || fail "a call failed, see above"

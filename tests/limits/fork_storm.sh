#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fork from a process with busy threads leaves children that can allocate, whatever other fork handlers do.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c fork_storm -pthread
timeout 60 env LD_PRELOAD="$override" "$work/fork_storm" || fail "see above"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The core loaded by dlopen and closed again a thousand times, in one process.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

build_c reload -pthread
for how in "" "$override"; do
	for options in "" background_thread:true,decay_ms:1; do
		status=0
		timeout 60 env KMEM_OPTIONS="$options" LD_PRELOAD="$how" "$work/reload" "$core" || status=$?
		no_signal "$status" "reload"
		[ "$status" -eq 0 ] ||
			fail "reload exits with $status (preloaded: ${how:-nothing}, options: ${options:-none})"
	done
done

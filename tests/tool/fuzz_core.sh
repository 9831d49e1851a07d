#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fuzz_core.sh BUILD [--seconds N] [--seed N]: fuzz_core on cores of three programs.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
shift

cp "$core" "$override" "$work"
mv "$work/libkmem.so" "$work/$(objdump -p "$core" | awk '/SONAME/ { print $2 }')"
build_c holder "$core" -Wl,-rpath,"$work" -pthread
fuzz() { # COMMAND...: its core, as it stands when it is ready
	launch "$@"
	"$build/tests/fuzz_core" "${options[@]}" "$pid"
}

options=("$@")
fuzz env LD_PRELOAD="$work/libkmem-malloc.so" "$work/holder"
fuzz "$build/tests/map_target"
fuzz "$build/tests/placed"

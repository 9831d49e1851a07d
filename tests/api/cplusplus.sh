#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A C++ program uses the library: its headers without a warning, its functions without a cast.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

compiled=0
for compiler in g++ clang++; do
	command -v "$compiler" >/dev/null || { echo "$compiler is not installed: not tried" && continue; }
	for std in c++17 c++20; do
		"$compiler" -std=$std -O2 -Wall -Wextra -Wpedantic -Wundef -Werror -I"$source_dir/include" \
			"$here/cplusplus.cpp" -o "$work/cplusplus" "$core" -Wl,-rpath,"$build/lib" ||
			fail "cplusplus.cpp is no $std for $compiler"
		timeout 60 "$work/cplusplus" || fail "cplusplus, by $compiler as $std, exits with $?"
		compiled=$((compiled + 1))
	done
done
[ "$compiled" -gt 0 ] || skip "there is no C++ compiler"

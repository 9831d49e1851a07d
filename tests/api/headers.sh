#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, and twice, in every language it promises, without a warning.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cd "$source_dir/include"
for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || { echo "$compiler is not installed: not tried" && continue; }
	for header in kmem.h kmem/*.h; do
		printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$work/once.c"
		for std in c11 c17 c2x; do
			"$compiler" -std=$std -Wall -Wextra -Wpedantic -Wundef -Werror -I. -fsyntax-only \
				"$work/once.c" || fail "$header is no $std for $compiler"
		done
		"$compiler" -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Wundef -Werror -I. -fsyntax-only \
			"$work/once.c" || fail "$header is no C++17 for $compiler"
	done
done

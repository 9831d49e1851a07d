#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sources of the kernel's kind compile with gcc and clang against include/kmem/compat, and find what
# the kernel promises; each header there compiles alone, and twice.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

options=(-std=gnu17 -O2 -Wall -Wextra -Wundef -Werror -I"$source_dir/include/kmem/compat" -I"$source_dir/include")

for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || { echo "$compiler is not installed: not tried" && continue; }
	for header in "$source_dir"/include/kmem/compat/linux/*.h; do
		printf '#include <linux/%s>\n#include <linux/%s>\n' "${header##*/}" "${header##*/}" >"$work/once.c"
		"$compiler" "${options[@]}" -fsyntax-only "$work/once.c" || fail "<linux/${header##*/}> for $compiler"
	done
	for name in kernel_style kernel_pools; do
		"$compiler" "${options[@]}" -c "$here/$name.c" -o "$work/$name.o" || fail "$name.c for $compiler"
		"$compiler" "$work/$name.o" -o "$work/$name" "$core" -Wl,-rpath,"$build/lib" || fail "$name does not link"
		timeout 60 "$work/$name" || fail "$name, compiled by $compiler: exit $?, see above"
		echo "$name: ok, compiled by $compiler"
	done
done

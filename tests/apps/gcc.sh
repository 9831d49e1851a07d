#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gcc compiles this project's own files to the same objects.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need gcc

flags=(-std=gnu17 -O2 -D_GNU_SOURCE -DKMEM_DEBUG=0 -DKMEM_DL_FIND_OBJECT=1 -I"$source_dir/include" -I"$source_dir")
count=0
for file in "$source_dir"/{buddy,slab,lib}/*.c; do
	timeout 60 gcc "${flags[@]}" -c "$file" -o "$work/theirs.o"
	with_ours gcc "${flags[@]}" -c "$file" -o "$work/ours.o" || fail "gcc fails on $file"
	cmp "$work/theirs.o" "$work/ours.o" || fail "another object for $file"
	count=$((count + 1))
done
[ "$count" -gt 0 ] || fail "nothing to compile"
echo "$count files, same objects"
# gcc's work is done in cc1.
gcc "${flags[@]}" -E "$file" -o "$work/last.i"
same "$(gcc -print-prog-name=cc1)" -quiet -O2 -fpreprocessed "$work/last.i" -o -

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manual: no formatter has a complaint, every function, flag and option is in it and nothing
# that is gone, and its examples and README.md's compile. man finds the installed page by each function's name.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need cmake mandoc

cd "$source_dir"
cmake --install "$build" --component man --prefix "$work/installed" >"$work/log" 2>&1 ||
	fail "$(tail -n 3 "$work/log")"
installed=$(find "$work/installed" -type d -name man3 -printf '%h\n')
[ -n "$installed" ] || fail "no manual is installed"

# examples PAGE: each C program or part of one, in $work/PAGE-N.c.
examples() {
	awk -v out="$work/${1##*/}" '
		/^\.Sh / { wanted = /EXAMPLES/ }
		/^\.Bd -literal/ && wanted { file = out "-" ++n ".c"; next }
		/^\.Ed/ { file = "" }
		file { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print >file }' "$1"
	grep -l '^#include' "$work/${1##*/}"-*.c 2>/dev/null || true
}

for page in docs/man/*.[1-9]; do
	mandoc -T lint -W warning "$page" >"$work/log" || fail "mandoc: $(cat "$work/log")"
	if man --version 2>/dev/null | grep -q '^man 2'; then
		LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>"$work/log" >/dev/null || fail "man -l $page"
		[ ! -s "$work/log" ] || fail "man: $page: $(head -n 3 "$work/log")"
	fi
	n=0
	for example in $(examples "$page"); do
		"${CC:-gcc}" -std=gnu17 -Wall -Wextra -Werror -fsyntax-only -Iinclude "$example" ||
			fail "$page: example ${example##*/} does not compile"
		n=$((n + 1))
	done
	[ "$n" -gt 0 ] || [[ $page = *.1 ]] || fail "$page has no example in C"
	echo "${page##*/}: $n examples compile"
done
awk -v out="$work/readme" '/^```/ { file = /^```c$/ ? out "-" ++n ".c" : ""; next } file { print >file }' README.md
for example in "$work"/readme-*.c; do
	"${CC:-gcc}" -std=gnu17 -Wall -Wextra -Werror -fsyntax-only -Iinclude "$example" ||
		fail "README.md: example ${example##*/} does not compile"
done

# What the headers export has a page by its name; what has a page is in the headers.
cat include/kmem/*.h | tr '\n' ' ' | grep -oE 'KMEM_API[^;(]*[ *]kmem_[a-z0-9_]+\(' |
	grep -oE 'kmem_[a-z0-9_]+\($' | tr -d '(' | sort -u >"$work/exported"
[ "$(wc -l <"$work/exported")" -ge 60 ] || fail "only $(wc -l <"$work/exported") functions found in the headers"
while read -r name; do
	[ -e "$installed/man3/$name.3" ] || fail "no page has $name in its NAME section"
done <"$work/exported"
for link in "$installed"/man3/*.3; do
	name=$(basename "$link" .3)
	grep -qw "$name" include/kmem/*.h || fail "there is a page for $name, which is in no header"
	to=$(sed -n 's/^\.so //p' "$link")
	[ -z "$to" ] || [ -e "$installed/$to" ] || fail "$name.3 leads to $to, which is not there"
done

# stated PAGE WHAT...: it is somewhere in the page.
stated() {
	local page=docs/man/$1 word
	shift
	for word; do
		grep -qwe "$word" "$page" || fail "$page does not say $word"
	done
}
mapfile -t words < <(grep -ohE '^#define (SLAB|GFP|__GFP)_[A-Z_]+' include/kmem/*.h | cut -d ' ' -f 2)
stated kmem_cache_create.3 "${words[@]}"
# shellcheck disable=SC2016
mapfile -t words < <(sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' docs/options.md)
stated libkmem.7 "${words[@]}"
mapfile -t words < <(grep -oE '\{"[a-z]+",' tools/kmemtop/options.c | sed 's/[^a-z]//g; s/^/Fl -/')
[ "${#words[@]}" -ge 16 ] || fail "only ${#words[@]} options found of kmemtop"
stated kmemtop.1 "${words[@]}"
mapfile -t words < <(grep -oE '\{"[a-z]+", (no|required)' tools/kmem-replay/main.c | cut -d '"' -f 2 | sed 's/^/Fl -/')
[ "${#words[@]}" -ge 9 ] || fail "only ${#words[@]} options found of kmem-replay"
stated kmem-replay.1 "${words[@]}"
echo "$(wc -l <"$work/exported") functions have a page"

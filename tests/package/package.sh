#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs into a folder, moves it, and builds a program outside the project with what is there:
# by pkg-config and by find_package, with the shared and the static libraries, in C and C++.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need cmake pkg-config g++

cmake --install "$build" --prefix "$work/first" >"$work/log" || fail "$(tail -n 3 "$work/log")"
mv "$work/first" "$work/installed" # nothing in it may know where it was
prefix=$work/installed
pc=$(find "$prefix" -name libkmem.pc -printf '%h\n')
libdir=$(dirname "$pc")
export PKG_CONFIG_PATH=$pc

expect() { # MALLOC'S-OWNER PROGRAM
	local said
	said=$(timeout 20 env LD_LIBRARY_PATH="$libdir" "$2") || fail "$2 exits with $?"
	[ "$said" = "$1" ] || fail "$2: malloc is that of the $said, not of the $1"
	echo "${2##*/}: malloc of the $said"
}

by_pkg_config() { # OWNER NAME PACKAGE COMPILER...
	local owner=$1 name=$2 package=$3 options static=()
	shift 3
	case $name in *static*) static=(--static) ;; esac
	options=$(pkg-config "${static[@]}" --cflags --libs "$package") || fail "pkg-config $package"
	# shellcheck disable=SC2086
	"$@" -Wall -Wextra -Werror "$here/user.c" -o "$work/$name" $options || fail "$name does not build"
	expect "$owner" "$work/$name"
}

by_pkg_config "C library" pc-shared libkmem gcc -std=gnu17
by_pkg_config "C library" pc-static libkmem gcc -std=gnu17 -static
by_pkg_config libkmem pc-malloc-shared libkmem-malloc gcc -std=gnu17
by_pkg_config libkmem pc-malloc-static libkmem-malloc gcc -std=gnu17 -static
by_pkg_config "C library" pc-shared-c++ libkmem g++ -std=gnu++17 -x c++
by_pkg_config libkmem pc-malloc-static-c++ libkmem-malloc g++ -std=gnu++17 -static -x c++

{ cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$work/build"; } \
	>"$work/log" 2>&1 || fail "find_package: $(tail -n 20 "$work/log")"
for library in kmem kmem-static; do
	expect "C library" "$work/build/user-$library"
done
for library in kmem-malloc kmem-malloc-static; do
	expect libkmem "$work/build/user-$library"
done

# addition NAME SAYS: one of the libraries that not everybody has.
addition() {
	local said program
	[ -e "$libdir/libkmem-$1.so" ] || return 0
	# shellcheck disable=SC2046
	gcc -std=gnu17 -Wall -Wextra -Werror "$here/$1.c" -o "$work/$1" $(pkg-config --cflags --libs "libkmem-$1") ||
		fail "libkmem-$1 by pkg-config"
	for program in "$1" "build/$1-kmem-$1" "build/$1-kmem-$1-static"; do
		said=$(timeout 20 env LD_LIBRARY_PATH="$libdir" "$work/$program" 2>"$work/log") || fail "$program exits with $?"
		[ "$said" = "$2" ] || fail "$program says $said"
	done
}
addition rcu freed
addition numa placed

# The installed override finds the installed core beside itself.
timeout 20 env LD_PRELOAD="$libdir/libkmem-malloc.so" ldd "$(command -v sort)" >"$work/log" ||
	fail "ldd with the installed libkmem-malloc.so preloaded"
grep -q "libkmem.so.* => $libdir/" "$work/log" || fail "the override takes another core: $(cat "$work/log")"
[ ! -e "$build/bin/kmemtop" ] || timeout 20 "$prefix/bin/kmemtop" -h >/dev/null || fail "the installed kmemtop does not run"
timeout 20 "$prefix/bin/kmem-replay" -l libkmem -r 1 "$source_dir/tests/traces/sqlite3.trace" >/dev/null ||
	fail "the installed kmem-replay does not run"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel's own userspace tests of idr and xarray (tools/testing/radix-tree of Linux 6.12), on libkmem
# instead of the allocator they bring along: the kernel's Makefile and sources, unchanged; ours come in
# by the include path, which finds <linux/slab.h> and <linux/gfp.h> in include/kmem/compat first, and by
# the link line, which has shim.c, deferred.c and libkmem.so for the tests' slab.o and linux.o: tree nodes
# that readers may look at are freed by libkmem-rcu. Without the sanitizers
# that the Makefile asks for: they know the C library's malloc only.
#
# The sources are Debian's linux-source-6.12, downloaded once for a build directory unless installed.
# idr-test takes most of the time, 45 s: it has loops of 10 s. KERNEL_HASTE=N in the environment makes the
# tests' clock run N times as fast. KERNEL_TESTS="main maple" runs the radix tree's and the maple tree's as
# well, for 3 minutes.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need make tar xz
programs=(multiorder xarray idr-test)
for program in ${KERNEL_TESTS:-}; do
	programs+=("$program")
done
[ -e "$build/lib/libkmem-rcu.so" ] || skip "libkmem-rcu is not built"
echo '#include <urcu.h>' | "${CC:-gcc}" -fsyntax-only -x c - 2>/dev/null || skip "liburcu-dev is not installed"

version=6.12
linux=$build/linux-source-$version
unpack() {
	local archive=/usr/src/linux-source-$version.tar.xz
	if [ ! -e "$archive" ]; then
		need apt-get dpkg-deb
		(cd "$work" && timeout 300 apt-get -qq download linux-source-$version) >"$work/log" 2>&1 ||
			skip "linux-source-$version cannot be had: $(grep '^E:' "$work/log" | tail -n 1)"
		dpkg-deb -x "$work"/linux-source-*.deb "$work/package" || fail "what was downloaded is no package"
		archive=$work/package$archive
	fi
	rm -rf "$linux.part"
	mkdir "$linux.part"
	tar -xf "$archive" -C "$linux.part" --strip-components=1 \
		linux-source-$version/{lib,include/linux,tools/{include,lib,arch/x86/include,testing/{radix-tree,shared}}} ||
		fail "$archive lacks what the tests need"
	mv "$linux.part" "$linux"
}
[ -d "$linux" ] || unpack

# The tests are built in a copy of their folder, all links, beside links to what they reach for.
mkdir -p "$work/tools/testing"
ln -s "$linux/lib" "$linux/include" "$work"
ln -s "$linux"/tools/{include,lib,arch} "$work/tools"
ln -s "$linux/tools/testing/shared" "$work/tools/testing"
cp -rs "$linux/tools/testing/radix-tree" "$work/tools/testing"
ln -s "$here/deferred.c" "$here/shim.h" "$work/tools/testing/radix-tree"

build_c shim -c
wraps=$(sed -n 's/^wrapped([^,]*, \([a-z_]*\),.*/-Wl,--wrap=\1/p' "$here"/{shim,deferred}.c)
make -C "$work/tools/testing/radix-tree" -j"$(nproc)" CC="${CC:-gcc}" \
	SHARED_OFILES="xarray-shared.o radix-tree.o idr.o find_bit.o bitmap.o hweight.o vsprintf.o deferred.o" \
	CFLAGS="-include $here/before.h -I$source_dir/include/kmem/compat -I$source_dir/include \
		-I../shared -I. -I../../include -I../../../lib -O2 -g -D_LGPL_SOURCE" \
	LDFLAGS="${wraps//$'\n'/ }" \
	LDLIBS="$work/shim $build/lib/libkmem-rcu.so $core -Wl,-rpath,$build/lib -lurcu-memb -lpthread" "${programs[@]}" >"$work/log" 2>&1 ||
	fail "the kernel's tests do not build: $(grep -m 5 'error' "$work/log")"
! grep -q 'redefined' "$work/log" || fail "two say what a flag is: $(grep -m 1 'redefined' "$work/log")"

for program in "${programs[@]}"; do
	status=0
	timeout 240 "$work/tools/testing/radix-tree/$program" >"$work/out" 2>"$work/err" || status=$?
	no_signal "$status" "$program ($(tail -n 1 "$work/err"))"
	[ "$status" -eq 0 ] || fail "$program exits with $status: $(tail -n 2 "$work/err")"
	# "XArray: 3 of 3 tests passed"; what nodes are left, if any; what the shim counted.
	verdicts=$(sed -n 's/.*: \([0-9]* of [0-9]*\) tests passed/\1/p' "$work/out")
	echo "$verdicts" | awk '$1 != $3 { exit 1 }' || fail "$program: $verdicts tests passed"
	! grep '^nr_allocated' "$work/out" || fail "$program leaves nodes behind"
	served=$(sed -n 's/^libkmem: //p' "$work/err")
	[ -n "$served" ] || fail "$program had nothing from libkmem"
	deferred=$(sed -n 's/^libkmem-rcu: \([1-9].*\)/\1/p' "$work/err")
	[ -n "$deferred" ] || fail "$program freed nothing by libkmem-rcu"
	echo "$program: ${verdicts:+$verdicts checks, }$served; by libkmem-rcu $deferred"
done

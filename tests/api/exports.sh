#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libkmem.so exports kmem_ names only, with a version; libkmem-malloc.so the C library's, without.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

exported() { nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort; }

stray=$(exported "$core" | grep -v '^kmem_.*@@LIBKMEM_0\.1$' || true)
[ -z "$stray" ] || fail "libkmem.so exports more than kmem_ names: $stray"

sed -n 's/^\t\([a-z_0-9]*\);$/\1/p' "$source_dir/lib/libkmem-malloc.map" | sort >"$work/wanted"
exported "$override" | diff "$work/wanted" - ||
	fail "libkmem-malloc.so exports others (>) or fewer (<) than the C library's names"

if [ -e "$build/lib/libkmem-rcu.so" ]; then
	exported "$build/lib/libkmem-rcu.so" | sed -n 's/@@LIBKMEM_RCU_0\.1$//p' >"$work/exported"
	grep -ohE '\bkmem_[a-z_]*rcu[a-z_]*\(' "$source_dir/include/kmem/rcu.h" | tr -d '(' | sort -u |
		diff - "$work/exported" || fail "libkmem-rcu.so exports others (>) or fewer (<) than kmem/rcu.h has"
fi

if [ -e "$build/lib/libkmem-numa.so" ]; then
	exported "$build/lib/libkmem-numa.so" | sed -n 's/@@LIBKMEM_NUMA_0\.1$//p' >"$work/exported"
	grep -ohE '\bkmem_numa_[a-z_]*\(' "$source_dir/include/kmem/numa.h" | tr -d '(' | sort -u |
		diff - "$work/exported" || fail "libkmem-numa.so exports others (>) or fewer (<) than kmem/numa.h has"
fi

needed() { readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '; }
[ "$(needed "$core" | tr ' ' '\n' | grep -cv -e '^libc\.so' -e '^ld-linux' -e '^$')" -eq 0 ] ||
	fail "libkmem.so needs more than the C library: $(needed "$core")"
needed "$override" | grep -q 'libkmem\.so\.' || fail "libkmem-malloc.so does not need libkmem.so"
readelf -d "$override" | grep -q "PATH.*\[.ORIGIN\]" || fail "libkmem-malloc.so has no RPATH \$ORIGIN"
for library in "$core" "$override"; do
	readelf -d "$library" | grep -q NODELETE || fail "$library can be unloaded"
done

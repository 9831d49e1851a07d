#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An overrun in an extension of CPython is caught, and its report can be read from the core file.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
python=/usr/bin/python3
need "$python" gdb strings

read -r include suffix < <("$python" -c 'import sysconfig as s
print(s.get_paths()["include"], s.get_config_var("EXT_SUFFIX"))')
[ -e "$include/Python.h" ] || skip "python3-dev is not installed"
"${CC:-gcc}" -std=gnu17 -O1 -g -Wall -Wextra -shared -fPIC -isystem "$include" \
	"$here/overrun.c" -o "$work/overrun$suffix" || fail "overrun.c does not compile"
run=(env "LD_PRELOAD=$override" KMEM_DEBUG=FZPU PYTHONMALLOC=malloc "PYTHONPATH=$work"
	"$python" -c 'import overrun; overrun.overrun()')

cd "$work"
ulimit -c unlimited || skip "no core files are allowed here"
timeout 60 "${run[@]}" >said 2>&1 && fail "nothing was caught"
for line in 'First byte 0x41 instead of 0xcc' 'BUG malloc-64: Right Redzone overwritten' \
	'overrun+0x.* \[overrun.*\]' '^Object .* 41 41 41 41' 'FIX malloc-64: Restoring Right Redzone'; do
	grep -q -- "$line" said || fail "the report has no '$line': $(head -n 30 said)"
done

# The kernel's core where it is put here, else one that gdb makes of the process as it dies.
core_file=$(find . -maxdepth 1 -name 'core*' | head -n 1)
if [ -z "$core_file" ]; then
	timeout 100 gdb -batch -ex 'set startup-with-shell off' -ex run -ex "generate-core-file $work/core.gdb" \
		--args "${run[@]}" >log 2>&1 || true
	core_file=core.gdb
	[ -s "$core_file" ] || skip "neither the kernel nor gdb writes a core file here: $(tail -n 2 log)"
fi
timeout 100 gdb -batch -ex 'printf "%s", (char *)&kmem_last_report' "$python" "$core_file" >printed 2>log ||
	fail "gdb: $(tail -n 3 log)"
# gdb says which threads there are before, and bash what it died of behind.
sed -n '/instead of 0xcc/,$p' printed >from_core
sed '/^FIX/q' said | diff - from_core >log || fail "the core file has another report: $(head -n 5 log)"
strings "$core_file" | grep -q '^BUG malloc-64: Right Redzone overwritten' || fail "strings finds no report"
echo "$(wc -l <from_core) lines out of $(stat -c %s "$core_file") bytes"

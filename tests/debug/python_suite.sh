#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# CPython's own tests of json, regular expressions and threads under KMEM_DEBUG=FZPU: no report.
# python_suite.sh BUILD [--measure ROUNDS]: how many times the time they take.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
python=/usr/bin/python3
need "$python"
modules=(test_json test_re test_threading)
"$python" -c 'import test.test_json' 2>/dev/null || skip "CPython's tests are not installed (Debian 12: libpython3.11-testsuite)"
export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1

# suite MODULE KMEM_DEBUG: quiet, but for what went wrong.
suite() {
	timeout 110 env LD_PRELOAD="$override" KMEM_DEBUG="$2" "$python" -m test -q "$1"
}

if [ "${2:-}" = --measure ]; then
	TIMEFORMAT='%U %S'
	for module in "${modules[@]}"; do
		for _ in $(seq "${3:-5}"); do
			for letters in - FZPU; do
				{ time suite "$module" "$letters" >"$work/said" 2>&1; } 2>>"$work/$module.$letters"
			done
		done
		for letters in - FZPU; do
			awk '{ print $1 + $2 }' "$work/$module.$letters" | sort -n |
				awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }' >"$work/median.$letters"
		done
		paste "$work/median.-" "$work/median.FZPU" | awk -v module="$module" \
			'{ printf "%-16s %.2f s, with FZPU %.2f s: %.2f times\n", module, $1, $2, $2 / $1 }'
	done
	exit
fi

for module in "${modules[@]}"; do
	suite "$module" FZPU >"$work/$module" 2>&1 &
	pids+=($!)
done
for i in "${!modules[@]}"; do
	wait "${pids[$i]}" || fail "${modules[$i]} exits with $?: $(tail -n 20 "$work/${modules[$i]}")"
	if grep -E 'BUG|libkmem' "$work/${modules[$i]}"; then
		fail "a report in ${modules[$i]}"
	fi
done
pids=()
echo "no report in ${modules[*]}"

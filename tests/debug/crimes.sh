#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is caught of each crime, by each setting: the table in docs/debugging.md is what this finds.
# crimes.sh BUILD [--write]
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

crimes=$build/tests/crimes
export KMEM_SYMBOLS="" # names take time, and nobody reads them here
ulimit -c 0

# outcome SETTING=VALUE CRIME INTERFACE: caught, segv, no, or a dash where there is no such crime.
outcome() {
	local said status
	said=$(timeout 20 env "$1" "$crimes" "$2" "$3" 2>&1) && status=0 || status=$?
	case $status in
	98) echo "-" ;;
	97 | 99 | 124) fail "$2 of $3 with $1: exit $status" ;;
	139) [[ $said == *BUG* || $said == *libkmem:* ]] && echo caught || echo segv ;;
	*) [[ $said == *BUG* || $said == *libkmem:* ]] && echo caught || echo no ;;
	esac
}

settings=("KMEM_NONE=" "KMEM_OPTIONS=hardened:true" "KMEM_DEBUG=FZPU")
table() {
	local crime interface row cell setting
	echo "| crime | of | nothing | \`hardened:true\` | \`KMEM_DEBUG=FZPU\` |"
	echo "| --- | --- | --- | --- | --- |"
	while read -r crime; do
		for interface in malloc cache heap pages; do
			row=""
			for setting in "${settings[@]}"; do
				cell=$(outcome "$setting" "$crime" "$interface")
				[ "$cell" != "-" ] || continue 2
				row+=" $cell |"
			done
			echo "| $crime | $interface |$row"
		done
	done < <("$crimes" -)
}

table >"$work/table"
docs=$source_dir/docs/debugging.md
if [ "${2:-}" = --write ]; then
	{ sed '/^| crime /,$d' "$docs" && cat "$work/table"; } >"$work/docs" && cp "$work/docs" "$docs"
fi
sed -n '/^| crime /,$p' "$docs" | diff - "$work/table" || fail "docs/debugging.md says otherwise (<): crimes.sh BUILD --write"

# What the settings promise.
missed=$(awk -F'|' '/FZPU/ { next } NR > 2 && $6 ~ /no/' "$work/table")
[ -z "$missed" ] || fail "FZPU misses: $missed"
missed=$(awk -F'|' '/double free/ && ($5 ~ /no/ || $6 ~ /no/)' "$work/table")
[ -z "$missed" ] || fail "a double free is missed: $missed"
echo "$(wc -l <"$work/table") lines"

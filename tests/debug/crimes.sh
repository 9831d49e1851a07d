#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is caught of each crime, by each setting: the tables in docs/debugging.md and README.md are what
# this finds. crimes.sh BUILD [--write]
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

crimes=$build/tests/crimes
export KMEM_SYMBOLS="" # names take time, and nobody reads them here
ulimit -c 0

# outcome SETTING=VALUE CRIME INTERFACE: caught, segv, no, or a dash where there is no such crime.
outcome() {
	local said status guarded=()
	[[ $1 != *kfence* ]] || guarded=(guarded)
	said=$(timeout 20 env "$1" "$crimes" "$2" "$3" "${guarded[@]}" 2>&1) && status=0 || status=$?
	case $status in
	98) echo "-" ;;
	139)
		[[ $said != *BUG* && $said != *libkmem:* ]] || fail "$2 of $3 with $1: a report that dies: $said"
		echo segv
		;;
	0 | 134) [[ $said == *BUG* || $said == *libkmem:* ]] && echo caught || echo no ;;
	*) fail "$2 of $3 with $1: exit $status: $said" ;;
	esac
}

settings=("KMEM_NONE=" "KMEM_OPTIONS=hardened:true" "KMEM_OPTIONS=kfence_sample_interval:1" "KMEM_DEBUG=FZPU")
head="nothing | \`hardened:true\` | kfence | \`KMEM_DEBUG=FZPU\` |"
table() {
	local crime interface row cell setting
	echo "| crime | of | $head"
	echo "| --- | --- | --- | --- | --- | --- |"
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

# A line for each crime: of what it is caught, if not of all.
short() {
	echo "| crime | $head"
	echo "| --- | --- | --- | --- | --- |"
	awk -F ' *[|] *' 'NR > 2 {
		if ($2 != crime[n])
			crime[++n] = $2
		all[n]++
		for (i = 4; i < 8; i++)
			if ($i == "caught") {
				caught[n, i]++
				of[n, i] = of[n, i] (of[n, i] ? ", " : "") $3
			}
	}
	END {
		for (k = 1; k <= n; k++) {
			printf "| %s |", crime[k]
			for (i = 4; i < 8; i++)
				printf " %s |", !caught[k, i] ? "–" : caught[k, i] == all[k] ? "caught" : of[k, i]
			print ""
		}
	}' "$1"
}

# put FILE TABLE: the table between the marks in FILE is this.
put() {
	awk -v table="$2" '/^<!-- crimes/ { print; while ((getline line < table) > 0) print line; inside = 1 }
		/^<!-- end of crimes/ { inside = 0 }
		!inside' "$1" >"$work/new"
	if [ "$write" ]; then
		cp "$work/new" "$1"
	fi
	diff "$1" "$work/new" || fail "$1 says otherwise (<): crimes.sh BUILD --write"
}

write=${2:-}
table >"$work/table"
short "$work/table" >"$work/short"

# What the settings promise.
missed=$(awk -F'|' 'NR > 2 && $7 ~ /no/' "$work/table")
[ -z "$missed" ] || fail "FZPU misses: $missed"
missed=$(awk -F'|' '/double free/ && ($5 ~ /no/ || $7 ~ /no/)' "$work/table")
[ -z "$missed" ] || fail "a double free is missed: $missed"

put "$source_dir/docs/debugging.md" "$work/table"
put "$source_dir/README.md" "$work/short"
echo "$(wc -l <"$work/table") lines"

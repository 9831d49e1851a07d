#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# table.sh BUILD-DIRECTORY [--write]: the tables of docs/fragmentation.md, of the traces of this folder, on standard
# output or into the file. A few minutes; what else the machine does shows in the times.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

replay=$build/bin/kmem-replay
doc=$source_dir/docs/fragmentation.md
traces=("$here"/{sqlite3,redis,python3,gcc,git}.trace)
others=()
for name in mimalloc jemalloc tcmalloc_minimal; do
	path=$(find /usr/lib -name "lib$name.so.[0-9]" | head -n 1)
	[ ! "$path" ] || others+=(-l "$path")
done
discarded=()
for design in implicit_list one_list moving_head; do
	discarded+=(-l "$build/tests/discarded/$design.so")
done

"$replay" --threads=1 --repeat=60 --policies "${others[@]}" "${traces[@]}" >"$work/rows"
# They take seconds where the others take milliseconds.
"$replay" --threads=1 --repeat=2 "${discarded[@]}" "${traces[@]}" >>"$work/rows"

# table TITLE CELL: rows of libraries, columns of traces; CELL is an awk expression over a row of kmem-replay's.
table() {
	awk -v title="$1" '
		function shown(name) {
			gsub(/^lib|_minimal|\.so.*/, "", name)
			return name in ours ? ours[name] : name
		}
		BEGIN {
			ours["kmem"] = "libkmem"
			ours["implicit_list"] = "*implicit list*"
			ours["one_list"] = "*one list*"
			ours["moving_head"] = "*moving head*"
			library[libraries[1] = "libkmem"]
			library[libraries[2] = "glibc"]
			l = 2
		}
		$1 == "trace" { next }
		!($1 in trace) { trace[$1]; traces[++t] = $1 }
		!($2 in library) { library[$2]; libraries[++l] = $2 }
		{ cell[$1, $2] = '"$2"' }
		END {
			printf "| %s |", title
			for (i = 1; i <= t; i++)
				printf " %s |", traces[i]
			printf "\n| --- |"
			for (i = 1; i <= t; i++)
				printf " --- |"
			print ""
			for (k = 1; k <= l; k++) {
				printf "| %s |", shown(libraries[k])
				for (i = 1; i <= t; i++)
					printf " %s |", cell[traces[i], libraries[k]]
				print ""
			}
			print ""
		}' "$work/rows"
}

{
	table "million requests/s" 'sprintf($3 < 1e6 ? "%.2f" : "%.1f", $3 / 1e6)'
	table "% utilisation of heap, of resident" '($4 + 0) ", " ($5 + 0)'
	table "% internal, external fragmentation" '($6 + 0) ", " ($7 + 0)'
	table "99.9%, worst, µs" 'sprintf("%.1f, %.0f", $11 / 1e3, $12 / 1e3)'
} >"$work/tables"

awk -v tables="$work/tables" '/^<!-- tables/ { print; while ((getline line < tables) > 0) print line; inside = 1 }
	/^<!-- end of tables/ { inside = 0 }
	!inside' "$doc" >"$work/new"
if [ "${2:-}" = --write ]; then
	cp "$work/new" "$doc"
else
	cat "$work/tables"
fi

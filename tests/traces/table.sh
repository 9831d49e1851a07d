#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# table.sh BUILD-DIRECTORY [--write]: the tables of docs/fragmentation.md, of the traces of this folder, on standard
# output or into the file. It takes valgrind and five minutes; what else the machine does shows in the times.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need valgrind

replay=$build/bin/kmem-replay
doc=$source_dir/docs/fragmentation.md
traces=("$here"/{sqlite3,redis,python3,gcc,git}.trace)
others=()
for name in mimalloc jemalloc tcmalloc_minimal; do
	path=$(find /usr/lib -name "lib$name.so.[0-9]" | head -n 1)
	[ ! "$path" ] || others+=(-l "$path")
done
designs=("$build"/tests/discarded/{one_list,moving_head,implicit_list}.so)

"$replay" --threads=1 --repeat=60 --policies "${others[@]}" "${traces[@]}" >"$work/rows"
# They take seconds where the others take milliseconds.
"$replay" --threads=1 --repeat=2 "${designs[@]/#/--library=}" "${traces[@]}" >>"$work/rows"

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

# counted TRACE LIBRARY: "INSTRUCTIONS, MISSES" of a request, in cachegrind's model of this processor's data cache of
# the first level, of the process whose replay is without clocks and looks.
counted() {
	local requests
	requests=$("$replay" --summary "$here/$1.trace" | awk '$1 == "requests" { print $2 }')
	rm -f "$work"/grind.*
	valgrind --tool=cachegrind --cache-sim=yes --cachegrind-out-file=/dev/null --trace-children=yes \
		--log-file="$work/grind.%p" "$replay" --threads=1 --repeat=1 -l "$2" "$here/$1.trace" >/dev/null
	grep -lE -- '--run [0-9]+ [0-9]+ 0' "$work"/grind.* | xargs cat | awk -v requests="$requests" '
		{ gsub(",", "") }
		/I +refs/ { instructions = $NF }
		/D1 +misses/ { misses = $4 }
		END { printf "%.0f, %.1f\n", instructions / requests, misses / requests }'
}

{
	table "million requests/s" 'sprintf($3 < 1e6 ? "%.2f" : "%.1f", $3 / 1e6)'
	table "% utilisation of heap, of resident" 'sprintf("%.1f, %.1f", $4, $5)'
	table "% internal, external fragmentation" 'sprintf("%.1f, %.1f", $6, $7)'
	table "99.9% of requests take no more than, µs" 'sprintf("%.1f", $11 / 1e3)'
	echo "| instructions, misses of a request | gcc | python3 |"
	echo "| --- | --- | --- |"
	for library in heap heap:first heap:first,address "${designs[@]}"; do
		name=$(basename "$library" .so)
		[ "$name" = "$library" ] || name="*${name//_/ }*"
		# A quarter of an hour, for what the other column shows.
		python=-
		[[ $library = */implicit_list.so ]] || python=$(counted python3 "$library")
		echo "| $name | $(counted gcc "$library") | $python |"
	done
	echo
} >"$work/tables"

awk -v tables="$work/tables" '/^<!-- tables/ { print; while ((getline line < tables) > 0) print line; inside = 1 }
	/^<!-- end of tables/ { inside = 0 }
	!inside' "$doc" >"$work/new"
if [ "${2:-}" = --write ]; then
	cp "$work/new" "$doc"
else
	cat "$work/tables"
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Recordings say what the program did, whatever becomes of it, and kmem-replay reads them, turns
# them into text and back, finds what is damaged, and replays them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

replay=$build/bin/kmem-replay
build_c recorded -pthread -I"$source_dir" -Wno-unused-result

# record HOW [STATUS]: $work/HOW.PID, and in $work/HOW.told "PID PEAK REQUESTS" of each process.
record() {
	local status=0
	timeout 60 env LD_PRELOAD="$override" KMEM_OPTIONS="record:$work/$1" "$work/recorded" "$1" \
		>"$work/$1.told" 2>"$work/err" || status=$?
	[ "$status" -eq "${2:-0}" ] || fail "recorded $1 exits with $status: $(cat "$work/err")"
	[ ! -s "$work/err" ] || fail "recorded $1 says $(cat "$work/err")"
}

shown() { # WORD FILE: the number that the summary has for it
	timeout 60 "$replay" --summary "$2" >"$work/summary" 2>"$work/err" || fail "$2: $(cat "$work/err")"
	awk -v word="$1" '$1 == word { print $2 }' "$work/summary"
}

told() { # HOW: $pid, $peak and $requests, of the last to tell
	read -r pid peak requests < <(tail -n 1 "$work/$1.told")
}

near() { # WHAT NUMBER WANTED: within 1%
	[ $((100 * $2)) -ge $((99 * $3)) ] && [ $((100 * $2)) -le $((101 * $3)) ] ||
		fail "$1 is $2, which is not within 1% of $3"
}

refused() { # FILE WORDS: with an error of one line that has them
	local status=0
	timeout 60 "$replay" --summary "$1" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -eq 1 ] || fail "$1 ($2): exit $status"
	[ "$(wc -l <"$work/err")" -eq 1 ] && grep -q "$2" "$work/err" || fail "$1: $(cat "$work/err")"
}

# --- what was recorded ---------------------------------------------------------------------

record one
told one
one=$work/one.$pid
[ "$(shown peak_payload "$one")" -eq "$peak" ] || fail "one: peak $(shown peak_payload "$one") instead of $peak"
[ "$(shown malloc "$one")" -gt 0 ] && [ "$(shown calloc "$one")" -gt 0 ] && [ "$(shown aligned "$one")" -gt 0 ] &&
	[ "$(shown realloc "$one")" -gt 0 ] || fail "a kind of request is missing: $(cat "$work/summary")"
awk '$1 == "requests" { n = $2 } $1 == "bytes_per_event" && $2 < 4 { ok = 1 } END { exit !(ok && n > 50000) }' \
	"$work/summary" || fail "an event takes too much: $(cat "$work/summary")"
echo "one: peak $peak, $(awk '/per_event/ { print $2 }' "$work/summary") bytes an event"

record many
told many
many=$work/many.$pid
[ "$(shown threads "$many")" -ge 4 ] || fail "many: $(cat "$work/summary")"
near "many: the peak" "$(shown peak_payload "$many")" "$peak"
echo "many: peak $(shown peak_payload "$many") of $peak"

record fork
[ "$(sort -u -k 1,1 "$work/fork.told" | wc -l)" -eq 2 ] || fail "fork: $(cat "$work/fork.told")"
parent=$(head -n 1 "$work/fork.told" | cut -d ' ' -f 1)
read -r pid peak _ < <(grep -v "^$parent " "$work/fork.told")
[ "$(shown peak_payload "$work/fork.$pid")" -eq "$peak" ] ||
	fail "fork: the child's peak is $(shown peak_payload "$work/fork.$pid") instead of $peak"
most=$(grep "^$parent " "$work/fork.told" | awk '$2 > most { most = $2 } END { print most }')
[ "$(shown peak_payload "$work/fork.$parent")" -eq "$most" ] || fail "fork: the parent's peak is not $most"
echo "fork: the child's peak $peak, the parent's $most"

record kill 137
told kill
[ "$(shown requests "$work/kill.$pid")" -eq "$requests" ] ||
	fail "kill: $(shown requests "$work/kill.$pid") requests instead of $requests"
[ "$(shown peak_payload "$work/kill.$pid")" -eq "$peak" ] || fail "kill: another peak than $peak"
echo "kill: all of $requests requests"

record late
told late
[ "$(shown end_payload "$work/late.$pid")" -lt 50000 ] || fail "late: a free is missing: $(cat "$work/summary")"
[ "$(shown peak_payload "$work/late.$pid")" -ge 200000 ] || fail "late: $(cat "$work/summary")"

# A place where nothing can be written stops the record, not the program.
timeout 60 env LD_PRELOAD="$override" KMEM_OPTIONS="record:$work/nowhere/x" "$work/recorded" one \
	>"$work/out" 2>"$work/err" || fail "without a record the program exits with $?"
[ "$(grep -c 'record: .*nowhere.*ends here' "$work/err")" -eq 1 ] || fail "it says $(cat "$work/err")"

# --- forms ---------------------------------------------------------------------------------

for file in "$one" "$many"; do
	timeout 60 "$replay" --text "$file" >"$work/text" || fail "$file: no text"
	timeout 60 "$replay" --binary="$work/again" "$work/text" || fail "$file: no recording of the text"
	timeout 60 "$replay" --text "$work/again" >"$work/text2" || fail "$file: no text of that"
	cmp "$work/text" "$work/text2" || fail "$file: the text changes on the way to a recording and back"
	[ "$(shown peak_payload "$work/again")" -eq "$(shown peak_payload "$file")" ] || fail "$file: another peak"
done

# As malloc labs have it, with their head of four numbers.
printf '20000\n2\n5\n1\na 0 512\na 1 100\nr 0 640\nf 1\nf 0\n' >"$work/lab"
[ "$(shown peak_payload "$work/lab")" -eq 740 ] || fail "a malloc lab's trace: $(cat "$work/summary")"

# --- what is damaged -----------------------------------------------------------------------

size=$(stat -c %s "$one")
cp "$one" "$work/bad"
printf '\x55\x55\x55' | dd of="$work/bad" bs=1 seek=5000 conv=notrunc status=none
refused "$work/bad" "the sum of chunk 0 is wrong"
head -c $((size - size % 16384 - 16384 - 5000)) "$one" >"$work/bad"
refused "$work/bad" "truncated"
tail -c +16385 "$one" >"$work/bad"
refused "$work/bad" "chunk 0 of stream 0 is missing"
head -c 20 "$one" >"$work/bad"
refused "$work/bad" "shorter than the head"
: >"$work/bad"
refused "$work/bad" "no request"
printf 'a 0 10\nx 1\n' >"$work/bad"
refused "$work/bad" "bad:2: 'x' is no request"
printf 'a 0 10\nf 0\nf 0\n' >"$work/bad"
refused "$work/bad" "request 3 is for block 0, which is not in use"
child=$(grep -v "^$parent " "$work/fork.told" | cut -d ' ' -f 1)
mv "$work/fork.$parent" "$work/elsewhere"
refused "$work/fork.$child" "fork.$parent is needed as well"
refused "$work/none" "No such file"

# --- replays -------------------------------------------------------------------------------

for file in "$one" "$many"; do
	timeout 110 "$replay" --repeat=1 "$file" >"$work/rows" 2>"$work/err" || fail "$file: $(cat "$work/err")"
	for library in libkmem glibc; do
		payload=$(awk -v name="$library" '$1 == name { print $7 }' "$work/rows")
		near "$file: $library's payload in KiB" "${payload:-0}" $(($(shown peak_payload "$file") / 1024))
	done
	cat "$work/rows"
done
if command -v gnuplot >/dev/null; then
	timeout 60 "$replay" -r 1 -l libkmem --plot="$work/plot.svg" "$one" >/dev/null || fail "no plot"
	grep -q '<svg' "$work/plot.svg" || fail "the plot is no SVG"
fi
status=0
timeout 60 "$replay" -l "$core" "$one" >"$work/out" 2>"$work/err" || status=$?
[ "$status" -eq 1 ] && grep -q 'has no malloc' "$work/err" || fail "a library without malloc: $(cat "$work/err")"

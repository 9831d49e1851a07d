#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Recordings say what the program did, whatever becomes of it, and kmem-replay reads them, turns
# them into text and back, finds what is damaged, and replays them: with the original's peaks of
# live bytes and of resident memory, on mallocs and on private heaps.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

replay=$build/bin/kmem-replay
build_c recorded -pthread -I"$source_dir" -Wno-unused-result

# record HOW [STATUS]: $work/HOW.PID, and in $work/HOW.told "PID PEAK REQUESTS RESIDENT" of each process.
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

told() { # HOW: $pid, $peak, $requests and $resident, of the last to tell
	read -r pid peak requests resident < <(tail -n 1 "$work/$1.told")
}

near() { # WHAT NUMBER WANTED [PERCENT]: within 1%
	local percent=${4:-1}
	[ $((100 * $2)) -ge $(((100 - percent) * $3)) ] && [ $((100 * $2)) -le $(((100 + percent) * $3)) ] ||
		fail "$1 is $2, which is not within $percent% of $3"
}

# replayed ARGUMENTS...: $work/rows, a row for each trace and library.
replayed() {
	timeout 110 "$replay" --repeat=1 "$@" >"$work/rows" 2>"$work/err" || fail "$*: $(cat "$work/err")"
	sed -i 1d "$work/rows"
}

row() { # LIBRARY: $payload, $heap and $mapped, its resident size, in KiB
	read -r payload heap mapped < <(awk -v name="$1" '$2 == name { print $8, $9, $10 }' "$work/rows") ||
		fail "there is no row of $1: $(cat "$work/rows")"
}

# wrong STATUS WORDS ARGUMENTS...: kmem-replay exits so, with one line that has the words.
wrong() {
	local status=0 wanted=$1 words=$2
	shift 2
	timeout 60 "$replay" "$@" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -eq "$wanted" ] || fail "$*: exit $status instead of $wanted: $(cat "$work/err")"
	[ "$(wc -l <"$work/err")" -eq 1 ] && grep -q -- "$words" "$work/err" || fail "$*: $(cat "$work/err")"
}

refused() { # FILE WORDS: with an error of one line that has them
	wrong 1 "$2" --summary "$1"
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

# Killed at whatever moment: what is there can be read, to the last event that is whole.
timeout -s KILL 0.5 env LD_PRELOAD="$override" KMEM_OPTIONS="record:$work/endless" "$work/recorded" endless && fail "endless ends"
[ "$(shown requests "$work"/endless.[0-9]*)" -gt 10000 ] || fail "endless: $(cat "$work/summary")"

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

as_recorded() { # NAME FILE PEAK RESIDENT: of libkmem; bytes and KiB, of a program of one thread that was not recorded
	replayed -l libkmem "$2"
	row libkmem
	[ "$payload" -eq $(($3 / 1024)) ] || fail "$1: the replay's payload is $payload KiB instead of $3 bytes"
	near "$1: the replay's resident size" "$mapped" "$4" 10
	echo "$1: resident $mapped KiB, the original's $4"
}

# Recording takes memory itself: the originals' is that of runs without.
plain() { # HOW [STATUS]: its lines, in $work/HOW.plain
	local status=0
	with_ours "$work/recorded" "$1" >"$work/$1.plain" || status=$?
	[ "$status" -eq "${2:-0}" ] || fail "recorded $1 exits with $status"
}

for how in one kill; do
	plain "$how" "$([ "$how" != kill ] || echo 137)"
	read -r _ peak _ resident <"$work/$how.plain"
	as_recorded "$how" "$work/$how".[0-9]* "$peak" "$resident"
done
mv "$work/elsewhere" "$work/fork.$parent"
plain fork
first=$(head -n 1 "$work/fork.plain" | cut -d ' ' -f 1)
read -r peak resident < <(grep "^$first " "$work/fork.plain" |
	awk '$2 > peak { peak = $2 } $4 > most { most = $4 } END { print peak, most }')
as_recorded "fork: the parent" "$work/fork.$parent" "$peak" "$resident"
read -r _ peak _ resident < <(grep -v "^$first " "$work/fork.plain")
as_recorded "fork: the child" "$work/fork.$child" "$peak" "$resident"
timeout 60 "$replay" --binary="$work/alone" "$work/fork.$child" || fail "fork: no recording of the child alone"
[ "$(shown peak_payload "$work/alone")" -eq "$peak" ] || fail "fork: alone, the child's peak is not $peak"

replayed -l libkmem "$many"
row libkmem
near "many: the replay's payload in KiB" "$payload" $(($(shown peak_payload "$many") / 1024))

# Threads never meet in the same order again, and a run's memory differs by a tenth from the next's:
# the means of five.
sum=0
for _ in $(seq 5); do
	plain many
	cat "$work/many.plain" >>"$work/plain"
	record many
	told many
	replayed -l libkmem "$work/many.$pid"
	row libkmem
	sum=$((sum + mapped))
done
resident=$(awk '{ sum += $4 } END { print int(sum / NR) }' "$work/plain")
near "many: the replays' resident size" $((sum / 5)) "$resident" 10
echo "many: resident $((sum / 5)) KiB, the originals' $resident"

replayed --policies "$one"
peak=$(shown peak_payload "$one")
for library in libkmem glibc heap heap:one-thread heap:{first,best,worst}{,\,address} heap:checked heap:span=64k; do
	row "$library"
	[ "$payload" -eq $((peak / 1024)) ] || fail "$library: the payload is $payload KiB instead of $peak bytes"
	[ "$heap" -ge "$payload" ] || fail "$library: $payload KiB in a heap of $heap"
done
cat "$work/rows"
printf 'a 0 100\nt 1\na 1 100\nf 0\n' >"$work/two"
replayed --policies "$work/two"
awk '$2 == "heap:one-thread" { one++ } $2 == "heap:address" { order++ } END { exit !(!one && order == 1) }' "$work/rows" ||
	fail "two threads: policies $(cut -c 14-32 "$work/rows" | paste -s -d ' ')"
wrong 1 'of one thread, and the trace of several' -l heap:one-thread "$many"
replayed --threads=1 -l heap:one-thread "$many"
row heap:one-thread
near "many by one thread: the payload in KiB" "$payload" $(($(shown peak_payload "$many") / 1024))

# Two holes in one span, of which the wrong one is no use: first fit with the last freed in front
# takes it, and worst fit.
printf 'a 0 20000\na 1 16\na 2 30000\na 3 15000\nf 0\nf 2\na 4 18000\na 5 29000\n' >"$work/holes"
replayed -l heap:span=64k -l heap:span=64k,first -l heap:span=64k,first,address -l heap:span=64k,best \
	-l heap:worst,span=64k -l heap:span=256k -l heap:memory=64M "$work/holes" "$work/lab"
[ "$(awk '!/memory/ { print $9 }' "$work/rows" | paste -s -d ' ')" = '64 128 64 64 128 256 64 64 64 64 64 256' ] ||
	fail "policies with two holes: $(cat "$work/rows")"
row heap:memory=64M
near "what a heap has of 64 MiB" "$heap" 65536
[ "$(awk '{ print $1 }' "$work/rows" | uniq -c | paste -s -d ' ' | tr -s ' ')" = ' 7 holes 7 lab' ] ||
	fail "two traces: $(cat "$work/rows")"

for bad in heap:foo heap: 'heap:,' 'heap:best,,' heap:span heap:span= heap:span=k heap:span=64kk heap:span=-1 heap:span=99999999999G; do
	wrong 2 "a heap's options are good, " -l "$bad" "$one"
done
wrong 2 'a library is libkmem, glibc, heap' -l heaps "$one"
wrong 1 'heap:span=1: .*takes no such options' -l heap:span=1 "$one"
wrong 1 'heap:limit=64k: .*a request was refused' -l heap:limit=64k "$one"
wrong 1 'has no malloc' -l "$core" "$one"
wrong 2 'a file is wanted'
for option in --summary --text --binary="$work/again" --plot="$work/plot.svg"; do
	wrong 2 'several files are only for replays' "$option" "$one" "$many"
done

if command -v gnuplot >/dev/null; then
	timeout 60 "$replay" -r 1 -l libkmem -l heap --plot="$work/plot.svg" "$one" >/dev/null || fail "no plot"
	grep -q '<svg' "$work/plot.svg" || fail "the plot is no SVG"
fi

# --- designs that were discarded -----------------------------------------------------------

# shellcheck disable=SC2016
words='for (1 .. 60000) { $h{$_ * 7919 % 5003} .= "x$_" x ($_ % 9); delete $h{$_ * 31 % 5003} if $_ % 3 == 0 }
	print map { "$_ $h{$_}\n" } sort keys %h'
timeout 60 perl -e "$words" >"$work/theirs"
for design in implicit_list one_list moving_head; do
	library=$build/tests/discarded/$design.so
	timeout 60 env LD_PRELOAD="$library" perl -e "$words" >"$work/ours" || fail "$design: perl exits with $?"
	cmp "$work/theirs" "$work/ours" || fail "perl says something else on $design"
	replayed -l "$library" "$source_dir/tests/traces/sqlite3.trace"
	row "$design.so"
	[ "$payload" -eq 1061 ] || fail "$design: a payload of $payload KiB"
	timeout 60 "$replay" -l "$library" "$work/two" >"$work/out" 2>"$work/err" && fail "$design takes two threads"
	grep -q 'a design for one thread' "$work/err" || fail "$design on two threads: $(cat "$work/err")"
done

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# redis-server under redis-benchmark, looked at in the middle.
#
# Debian's redis-server is linked with jemalloc, but calls malloc and free by these names, so the
# preloaded library comes first. That is not taken on trust: the malloc- caches must hold the
# values stored, and fewer once they are deleted.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need redis-check-rdb redis-benchmark redis-cli

# The server's program under its other name: the package redis-server would start a daemon.
server=$work/redis-server
ln -s "$(command -v redis-check-rdb)" "$server"

if nm -D --undefined-only "$server" | grep -qE ' (je_)?(mallocx|dallocx|rallocx|je_malloc)$'; then
	skip "this redis-server calls jemalloc by names of its own"
fi

socket=$work/socket
cli() { timeout 60 redis-cli -s "$socket" "$@"; }

start() { # COMMAND...
	"$@" "$server" --port 0 --unixsocket "$socket" --save "" --dir "$work" \
		--enable-debug-command local >"$work/redis.log" 2>&1 &
	pid=$!
	pids+=("$pid")
	for _ in $(seq 100); do
		[ "$(cli ping 2>/dev/null)" != PONG ] || return 0
		sleep 0.1
	done
	fail "redis-server does not answer: $(tail -n 3 "$work/redis.log")"
}

stop() {
	cli shutdown nosave || true
	wait "$pid" || fail "redis-server exits with $?: $(tail -n 3 "$work/redis.log")"
}

load() { # the same commands each time: strings, hashes, lists, sorted sets
	seq 30000 | awk '{ printf "SET s%d %0*d\r\nHSET h%d f%d v%d\r\nLPUSH l%d %d\r\nZADD z %d m%d\r\n",
		$1, $1 % 200, $1, $1 % 100, $1, $1, $1 % 500, $1, $1, $1 }' | cli --pipe >/dev/null
	cli debug digest
}

start env
theirs=$(load)
stop

start env LD_PRELOAD="$override"
grep -q libkmem-malloc "/proc/$pid/maps" || fail "redis-server runs without libkmem-malloc.so"
timeout 60 "$kmemtop" -o -p "$pid" >"$work/idle" || fail "kmemtop exits with $?"
ours=$(load)
[ "$ours" = "$theirs" ] || fail "redis holds other data: digest $ours instead of $theirs"
timeout 60 "$kmemtop" -o -p "$pid" >"$work/loaded" || fail "kmemtop exits with $?"

timeout 60 redis-benchmark -s "$socket" -q -n 100000 -r 10000 -t set,get,lpush,hset,zadd >"$work/benchmark" 2>&1 &
benchmark=$!
pids+=("$benchmark")
sleep 1
timeout 60 "$kmemtop" -o -p "$pid" >"$work/busy" || fail "kmemtop exits with $?"
wait "$benchmark" || fail "redis-benchmark exits with $?: $(tail -n 3 "$work/benchmark")"
cli flushall sync >/dev/null
timeout 60 "$kmemtop" -o -p "$pid" >"$work/empty" || fail "kmemtop exits with $?"
stop

for moment in idle loaded busy empty; do
	echo "$moment: $(active 'malloc-*' "$work/$moment") objects in the malloc- caches"
done
[ $(($(active 'malloc-*' "$work/loaded") - $(active 'malloc-*' "$work/idle"))) -ge 90000 ] ||
	fail "the malloc- caches do not hold what was stored: $(cat "$work/loaded")"
[ $(($(active 'malloc-*' "$work/loaded") - $(active 'malloc-*' "$work/empty"))) -ge 80000 ] ||
	fail "the malloc- caches do not give back what was deleted: $(cat "$work/empty")"

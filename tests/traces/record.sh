#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record.sh BUILD-DIRECTORY: make the traces of this folder again, of programs as they are installed here.
# Then: kmem-replay tests/traces/NAME.trace
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need sqlite3 redis-check-rdb redis-cli python3 gcc git

# recorded NAME COMMAND...: its recordings, $work/NAME.PID.
recorded() {
	local name=$1
	shift
	timeout 60 env LD_PRELOAD="$override" KMEM_OPTIONS="record:$work/$name" "$@" >"$work/$name.out" 2>&1 </dev/null ||
		fail "$name exits with $?: $(tail -n 3 "$work/$name.out")"
}

# keep NAME: the largest of its recordings is the trace.
keep() {
	local largest
	# shellcheck disable=SC2012
	largest=$(ls -S "$work/$1".[0-9]* | head -n 1)
	"$build/bin/kmem-replay" --binary="$here/$1.trace" "$largest"
	echo "$1: $("$build/bin/kmem-replay" --summary "$here/$1.trace" | paste -s -d ' ')"
}

cat >"$work/script.sql" <<'SQL'
create table t (n integer primary key, s text);
with recursive r(n) as (select 1 union all select n + 1 from r where n < 6000)
	insert into t select n, printf('%0*d', n % 60, n * 7919 % 100003) from r;
create index i on t (s);
create table u as select a.n as n, count(*) as c from t a join t b on a.s = b.s group by a.n;
delete from t where n % 3 = 0;
update t set s = s || n where n % 5 = 0;
select count(*), group_concat(s) from t;
select upper(s), replace(s, '0', 'zero') from t order by s limit 3000;
SQL
recorded sqlite3 sqlite3 :memory: ".read $work/script.sql"
keep sqlite3

cat >"$work/script.py" <<'PY'
import collections, json, re
data = [{"n": n, "s": "x" * (n % 300), "l": list(range(n % 20))} for n in range(800)]
text = json.dumps(data)
assert json.loads(text) == data
words = collections.Counter(re.findall(r'"s": "(x*)", "l": \[(\d*)', text))
print(len(words), len(re.sub("x+", lambda m: str(len(m[0])), text)))
PY
recorded python3 env PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1 python3 -S "$work/script.py"
keep python3

gcc -std=gnu17 -E -D_GNU_SOURCE -DKMEM_DEBUG=0 -I"$source_dir/include" -I"$source_dir" \
	"$source_dir/lib/bulk.c" -o "$work/source.i"
recorded gcc "$(gcc -print-prog-name=cc1)" -quiet -O1 -fpreprocessed "$work/source.i" -o "$work/source.s"
keep gcc

export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
for n in $(seq 1500); do
	printf 'commit refs/heads/main\ncommitter c <c@example.org> %d +0000\ndata 4\nmore\n' $((1000000000 + n))
	printf 'M 644 inline f%d\ndata %d\n%s\n' $((n % 29)) ${#n} "$n"
done >"$work/stream"
git init -q -b main "$work/repository"
git -C "$work/repository" fast-import --quiet <"$work/stream"
recorded git git -C "$work/repository" log -p --stat --format=raw main
keep git

# As in tests/apps/redis.sh: the server's program under its other name.
ln -s "$(command -v redis-check-rdb)" "$work/redis-server"
env LD_PRELOAD="$override" KMEM_OPTIONS="record:$work/redis" "$work/redis-server" --port 0 --unixsocket "$work/socket" \
	--save "" --dir "$work" >"$work/redis.log" 2>&1 &
pids+=($!)
for _ in $(seq 100); do
	[ "$(redis-cli -s "$work/socket" ping 2>/dev/null)" != PONG ] || break
	sleep 0.1
done
seq 1600 | awk '{ printf "SET s%d %0*d\r\nHSET h%d f%d v%d\r\nLPUSH l%d %d\r\nZADD z %d m%d\r\n",
	$1, $1 % 200, $1, $1 % 100, $1, $1, $1 % 50, $1, $1, $1 }
	$1 % 4 == 0 { printf "DEL s%d\r\nSET s%d %0*d\r\n", $1 / 2, $1 / 4, $1 % 900, $1 }' |
	timeout 60 redis-cli -s "$work/socket" --pipe >/dev/null
timeout 60 redis-cli -s "$work/socket" shutdown nosave || true
wait "${pids[0]}" || fail "redis-server exits with $?: $(tail -n 3 "$work/redis.log")"
keep redis

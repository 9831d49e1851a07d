#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sqlite3: inserts, an index, a join, deletions, vacuum.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need sqlite3

cat >"$work/script.sql" <<'SQL'
create table t (n integer primary key, s text);
with recursive r(n) as (select 1 union all select n + 1 from r where n < 200000)
	insert into t select n, printf('%0*d', n % 60, n * 7919 % 100003) from r;
create index i on t (s);
create table u as select a.n as n, count(*) as c from t a join t b on a.s = b.s group by a.n;
delete from t where n % 3 = 0;
update t set s = s || n where n % 5 = 0;
vacuum;
pragma integrity_check;
select count(*), sum(n), sum(length(s)), min(s), max(s) from t;
select c, count(*) from u group by c order by c limit 20;
select s from t order by s limit 1000;
SQL
same sqlite3 "$work/db" "drop table if exists t; drop table if exists u;" ".read $work/script.sql"

create table t (n integer, s text);
with recursive r(n) as (select 1 union all select n + 1 from r where n < 100000)
	insert into t select n, hex(randomblob(n % 50)) from r;
create index i on t (s);
create table u as select * from t where n % 3 = 0;
delete from t where n % 3 = 0;
insert into t select * from u;
drop table u;
vacuum;
select sum(n) from t;

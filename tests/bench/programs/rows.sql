-- SPDX-License-Identifier: MIT
-- Rows, indexes, joins, text, updates and deletes in memory. @ROWS@ is replaced by their number.
PRAGMA cache_size = -20000;
CREATE TABLE item(id INTEGER PRIMARY KEY, word TEXT, amount INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @ROWS@)
	INSERT INTO item SELECT i, 'word ' || (i * 7919 % 10007), i * 31 % 1000, printf('%.*c', i % 60, 'x') FROM n;
CREATE INDEX item_word ON item(word, amount);
SELECT count(*), sum(amount), max(word) FROM item;
SELECT sum(c) FROM (SELECT word, count(*) AS c, group_concat(note, ',') AS g FROM item GROUP BY word HAVING length(g) > 100);
UPDATE item SET note = note || upper(word) WHERE id % 3 = 0;
SELECT sum(length(a.note)) FROM item a JOIN item b ON b.id = a.amount + 1;
DELETE FROM item WHERE amount < 500;
SELECT count(*), sum(length(note)) FROM item;

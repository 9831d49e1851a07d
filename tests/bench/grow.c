/* SPDX-License-Identifier: MIT */
/*
 * grow: realloc. mode=double: a vector from 16 B to 256 MiB by doubling, every new page
 * written. mode=step: a file of unknown length, read in steps of 4 KiB up to 256 MiB.
 * mode=strings: 1000 strings at a time grow by 1 to 32 bytes to 2,000 each, in turn.
 *
 * Stresses: growth in place, moves of pages instead of copies (mremap), the slack a
 * realloc gives, the trail of freed sizes that growth leaves behind.
 * Origin: the growth of vectors and strings in every program; "rocksdb-like" string
 * building and redis' sds; the first two after glibc's realloc tests.
 */
#include "bench.h"

#define LIMIT	(256 * MIB)
#define STRINGS 1000
#define LONGEST 2000
#define MARK	0x5a

static unsigned char *grown(unsigned char *block, size_t from, size_t to)
{
	block = must(realloc(block, to));
	if (from && (block[0] != MARK || block[(from - 1) & ~(4 * KIB - 1)] != MARK))
		bench_fail("content lost when growing from %zu to %zu", from, to);
	for (size_t at = (from + 4 * KIB - 1) & ~(4 * KIB - 1); at < to; at += 4 * KIB)
		block[at] = MARK;
	return block;
}

static void vector(size_t repeats)
{
	while (repeats-- > 0) {
		unsigned char *block = grown(NULL, 0, 16);

		for (size_t size = 16; size < LIMIT; size *= 2)
			block = grown(block, size, 2 * size);
		free(block);
	}
}

static void steps(size_t limit)
{
	unsigned char *block = NULL;

	for (size_t size = 0; size < limit; size += 4 * KIB)
		block = grown(block, size, size + 4 * KIB);
	free(block);
}

static void strings(size_t repeats)
{
	static unsigned char *text[STRINGS];
	static size_t length[STRINGS];
	uint64_t rng = rng_seed(0);

	while (repeats-- > 0) {
		for (size_t shortest = 0; shortest < LONGEST - 32; shortest += 16) {
			for (size_t i = 0; i < STRINGS; i++) {
				size_t more = rng_between(&rng, 1, 32);

				text[i] = must(realloc(text[i], length[i] + more));
				text[i][0] = (unsigned char)i;
				length[i] += more;
				text[i][length[i] - 1] = MARK;
			}
		}
		for (size_t i = 0; i < STRINGS; i++) {
			if (text[i][0] != (unsigned char)i || text[i][length[i] - 1] != MARK)
				bench_fail("string %zu changed", i);
			free(text[i]);
			text[i] = NULL;
			length[i] = 0;
		}
	}
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	bench_start();
	if (bench_is("mode", "strings"))
		strings(bench_work(bench_number("count", 120)));
	else if (bench_is("mode", "step"))
		steps(bench_work(LIMIT));
	else
		vector(bench_work(bench_number("count", 4)));
	bench_stop();
	bench_report(" ");
	return 0;
}

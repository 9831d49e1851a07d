/* SPDX-License-Identifier: MIT */
/*
 * large: blocks of 5 to 25 MiB, every page written, 12 of them alive, a random one replaced.
 *
 * Stresses: the source of pages: who maps and unmaps each block pays a page fault and the
 * kernel's zeroing for every page; who retains pays in memory.
 * Origin: "malloc-large" of mimalloc's suite (Leijen, Zorn, de Moura, APLAS 2019).
 */
#include "bench.h"

#define LIVE 12

static void touch(unsigned char *block, size_t nbytes, unsigned char mark)
{
	for (size_t at = 0; at < nbytes; at += 4 * KIB)
		block[at] = mark;
}

int main(int argc, char **argv)
{
	unsigned char *block[LIVE] = {NULL};
	uint64_t rng = rng_seed(0);
	size_t steps;

	bench_init(argc, argv);
	steps = bench_work(bench_number("count", 200));
	bench_start();
	for (size_t n = 0; n < steps; n++) {
		size_t i = rng_below(&rng, LIVE), nbytes = rng_between(&rng, 5 * MIB, 25 * MIB);

		if (block[i] && (block[i][0] != i || block[i][4 * MIB] != i))
			bench_fail("block %zu changed", i);
		free(block[i]);
		block[i] = must(malloc(nbytes));
		touch(block[i], nbytes, (unsigned char)i);
	}
	for (size_t i = 0; i < LIVE; i++)
		free(block[i]);
	bench_stop();
	bench_report(" ");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * churn: random sizes from 8 B to 64 KiB by a power law (most are small, the rare large ones
 * make up much of the bytes), random lifetimes: 20,000 live blocks, a random one is replaced.
 * threads=N, procs=N: the same work and the same number of live blocks, divided.
 *
 * Stresses: all size classes at once, thread caches under a mix, placement (the blocks'
 * tags are written and read), and with procs against threads, what sharing costs.
 * Origin: size and lifetime distributions as in "The Memory Fragmentation Problem: Solved?"
 * (Johnstone and Wilson, ISMM 1998) and rpmalloc-benchmark's random cross-over of sizes.
 */
#include "bench.h"

#define LIVE 20000

static void churn(unsigned index, unsigned of)
{
	size_t live = LIVE / of, steps = bench_work(bench_number("count", 20000000)) / of;
	void **block = bench_pages(live * sizeof(*block));
	uint64_t rng = rng_seed(index);

	for (size_t n = 0; n < steps; n++) {
		size_t i = rng_below(&rng, live);

		if (block[i])
			free_tagged(block[i], i);
		block[i] = tagged(rng_size(&rng), i);
	}
	for (size_t i = 0; i < live; i++)
		if (block[i])
			free_tagged(block[i], i);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	bench_start();
	bench_crew(churn);
	bench_stop();
	bench_report(" ");
	return 0;
}

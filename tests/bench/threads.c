/* SPDX-License-Identifier: MIT */
/*
 * threads: mode=short: threads that allocate 100 blocks of 16 to 512 bytes, free those their
 * predecessor left, and die; two are alive at a time. mode=many: threads=N threads do the
 * same total work: 50 live blocks of 16 to 512 bytes each, replaced at random.
 *
 * Stresses: the cost of a thread's first and last call, what a dead thread's memory is
 * good for, and with 256 threads on few processors, locks and memory held by those that
 * do not run.
 * Origin: glibc's bench-malloc-thread, and "threadtest" of Hoard (ASPLOS 2000).
 */
#include "bench.h"

#define BLOCKS 100
#define LIVE   50
#define LEAST  16
#define MOST   512

struct bag {
	uint64_t rng;
	void *block[BLOCKS];
};

static void *live_briefly(void *argument)
{
	struct bag *bag = argument;

	for (size_t i = 0; i < BLOCKS; i++) {
		void *left = bag->block[i];

		bag->block[i] = tagged(rng_between(&bag->rng, LEAST, MOST), i);
		if (left)
			free_tagged(left, i);
	}
	return NULL;
}

static void short_lived(size_t lives)
{
	struct bag *bags = bench_pages(2 * sizeof(*bags));

	bags[0].rng = rng_seed(0);
	bags[1].rng = rng_seed(1);
	for (size_t n = 0; n < lives; n++) {
		unsigned long one = bench_thread(live_briefly, &bags[0]);
		unsigned long two = bench_thread(live_briefly, &bags[1]);

		bench_join(one);
		bench_join(two);
	}
}

static void one_of_many(unsigned index, unsigned of)
{
	size_t steps = bench_work(bench_number("count", 50000000)) / of;
	uint64_t rng = rng_seed(index);
	void *block[LIVE] = {NULL};

	for (size_t n = 0; n < steps; n++) {
		size_t i = rng_below(&rng, LIVE);

		if (block[i])
			free_tagged(block[i], i);
		block[i] = tagged(rng_between(&rng, LEAST, MOST), i);
	}
	for (size_t i = 0; i < LIVE; i++)
		if (block[i])
			free_tagged(block[i], i);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	bench_start();
	if (bench_is("mode", "short"))
		short_lived(bench_work(bench_number("count", 4000)));
	else
		bench_crew(one_of_many);
	bench_stop();
	bench_report(" ");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * server: a server's worker threads. Each has an array of 1000 blocks of 8 to 1,000 bytes
 * and replaces them at random; after a round it hands the array to a new thread and dies.
 *
 * Stresses: random sizes, blocks freed by another thread than their allocator's, blocks
 * that outlive their thread.
 * Origin: P. Larson and M. Krishnan, "Memory Allocation for Long-Running Server
 * Applications", ISMM 1998 ("larson" in Hoard's, Streamflow's and mimalloc's suites).
 */
#include "bench.h"

#include <stddef.h>

#define BLOCKS 1000
#define ROUNDS 10

struct array {
	uint64_t rng;
	size_t replacements; /* in each round */
	void *block[BLOCKS];
};

static void replace(struct array *array, size_t i)
{
	if (array->block[i])
		free_tagged(array->block[i], i);
	array->block[i] = tagged(rng_between(&array->rng, 8, 1000), i);
}

static void *serve_round(void *argument)
{
	struct array *array = argument;

	for (size_t n = 0; n < array->replacements; n++)
		replace(array, rng_below(&array->rng, BLOCKS));
	return NULL;
}

static void serve(unsigned index, unsigned of)
{
	struct array *array = bench_pages(sizeof(*array));

	array->rng = rng_seed(index);
	array->replacements = bench_work(bench_number("count", 24000000)) / ROUNDS / of;
	for (size_t i = 0; i < BLOCKS; i++)
		replace(array, i);
	for (int round = 0; round < ROUNDS; round++)
		bench_join(bench_thread(serve_round, array));
	for (size_t i = 0; i < BLOCKS; i++)
		free_tagged(array->block[i], i);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	bench_start();
	bench_crew(serve);
	bench_stop();
	bench_report(" ");
	return 0;
}

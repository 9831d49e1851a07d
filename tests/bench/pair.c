/* SPDX-License-Identifier: MIT */
/*
 * pair: one size, allocated and freed; the smallest question one can ask an allocator.
 * order=single frees each block at once; fifo, lifo and random free a batch of 1000 (64 MiB
 * at most) in the order of allocation, in reverse, at random. The first word is written.
 *
 * Stresses: the fast paths (single), the refill and flush of thread caches (batches), and
 * whatever serves sizes too large for them. threads=N, procs=N: the same work divided.
 * Origin: the loops of nearly every allocator paper, e.g. glibc's bench-malloc-simple and
 * bench-malloc-thread, and "linux-scalability" (Lever and Boreham, USENIX 2000).
 */
#include "bench.h"

#include <string.h>

#define BATCH_MOST 1000

static size_t size, pairs, batch;
static uint32_t place[BATCH_MOST]; /* in which order a batch is freed */

static void single(size_t count)
{
	while (count-- > 0) {
		void *volatile block = malloc(size);

		*(size_t *)block = count;
		free(block);
	}
}

static void batches(size_t count)
{
	void *block[BATCH_MOST];

	for (size_t done = 0; done < count; done += batch) {
		for (size_t i = 0; i < batch; i++) {
			block[i] = malloc(size);
			*(size_t *)block[i] = i;
		}
		for (size_t i = 0; i < batch; i++) {
			if (*(size_t *)block[place[i]] != place[i])
				bench_fail("block %zu changed", i);
			free(block[place[i]]);
		}
	}
}

static void order_places(void)
{
	uint64_t rng = rng_seed(0);

	for (size_t i = 0; i < batch; i++)
		place[i] = (uint32_t)(bench_is("order", "lifo") ? batch - 1 - i : i);
	if (!bench_is("order", "random"))
		return;
	for (size_t i = batch - 1; i > 0; i--) {
		size_t j = rng_below(&rng, i + 1);
		uint32_t other = place[j];

		place[j] = place[i];
		place[i] = other;
	}
}

static void work(unsigned index, unsigned of)
{
	(void)index;
	if (strcmp(bench_word("order", "single"), "single") == 0)
		single(pairs / of);
	else
		batches(pairs / of);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	size = bench_number("size", 64);
	pairs = bench_work(bench_number("count", size <= 32 * KIB ? 50000000 : 2000000));
	batch = 64 * MIB / size;
	batch = batch < BATCH_MOST ? batch : BATCH_MOST;
	order_places();
	bench_start();
	bench_crew(work);
	bench_stop();
	bench_report("pairs=%zu", pairs);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * heaps: private heaps of libkmem with blocks=N live blocks of 24 to 120 bytes, of which random
 * ones are replaced: nanoseconds of the processor's time for a free and an alloc. Good fit takes
 * the same steps however many blocks there are; what grows is what misses the processor's cache, so
 * how=near replaces blocks that lie side by side instead. fit=good|first|best|worst,
 * order=lifo|address, checked=1.
 *
 * Stresses: whether alloc and free are O(1) in the number of blocks.
 */
#include "bench.h"

#include <kmem.h>
#include <string.h>

#define NEAR 1000u

static struct kmem_heap *heap;
static void **blocks;
static uint64_t state = 1;

static size_t next_below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)((state >> 32) * (uint64_t)n >> 32);
}

static void replace(size_t i)
{
	kmem_heap_free(heap, blocks[i]);
	blocks[i] = kmem_heap_alloc(heap, 24 + next_below(97));
	if (!blocks[i])
		bench_fail("no memory");
}

static enum kmem_heap_fit fit(void)
{
	if (bench_is("fit", "first"))
		return KMEM_HEAP_FIRST_FIT;
	if (bench_is("fit", "best"))
		return KMEM_HEAP_BEST_FIT;
	return bench_is("fit", "worst") ? KMEM_HEAP_WORST_FIT : KMEM_HEAP_GOOD_FIT;
}

int main(int argc, char **argv)
{
	struct kmem_heap_options options = {.one_thread = true};
	size_t n, rounds, from;
	double began;

	bench_init(argc, argv);
	n = bench_number("blocks", 100000);
	rounds = bench_work(2000000);
	from = n > NEAR ? next_below(n - NEAR) : 0;
	options.fit = fit();
	options.checked = bench_number("checked", 0);
	if (bench_is("order", "address"))
		options.insertion = KMEM_HEAP_ADDRESS_ORDER;
	heap = kmem_heap_create("bench", &options);
	blocks = calloc(n, sizeof(*blocks));
	for (size_t i = 0; i < n; i++)
		replace(i);
	/* Free memory of all sizes among them, as in a heap that has been in use. */
	for (size_t i = 0; i < n; i++)
		replace(next_below(n));
	began = bench_cpu();
	bench_start();
	for (size_t i = 0; i < rounds; i++)
		replace(bench_is("how", "near") ? from + next_below(n < NEAR ? n : NEAR)
						: next_below(n));
	bench_stop();
	bench_report("blocks=%zu pair_ns=%.1f", n, (bench_cpu() - began) * 1e9 / (double)rounds);
	kmem_heap_destroy(heap);
	return 0;
}

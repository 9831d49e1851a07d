/* SPDX-License-Identifier: MIT */
/*
 * fragment: phases with different mixes of sizes. Each phase allocates 32 MiB of its sizes
 * and then frees 90% of what the phase before left, at random; the survivors stay.
 *
 * Stresses: fragmentation: how much of the memory that few survivors pin can be used for
 * other sizes or go back. Reports live bytes and the resident size at the end beside the peak.
 * Origin: "SpecJBB-like phases" of Mesh (Powers et al., PLDI 2019), sizes after redis'
 * active-defragmentation test and Robson's adversary (JACM 1977).
 */
#include "bench.h"

#define PHASES	   12
#define PHASE_SIZE (32 * MIB)
#define BLOCKS	   (PHASE_SIZE / 16)

struct block {
	void *address;
	size_t size;
};

static const struct {
	size_t least, most;
} mix[] = {{16, 64}, {100, 300}, {1000, 3000}, {32, 512}, {5000, 20000}, {64, 160}};

static struct block *blocks[2];
static size_t counts[2];
static size_t live;

static void fill(int set, int phase, uint64_t *rng)
{
	size_t least = mix[phase % 6].least, most = mix[phase % 6].most;

	for (size_t bytes = 0; bytes < PHASE_SIZE;) {
		size_t size = rng_between(rng, least, most);
		struct block *block = &blocks[set][counts[set]];

		block->address = tagged(size, counts[set]++);
		for (size_t at = 4 * KIB; at < size; at += 4 * KIB)
			((char *)block->address)[at] = 1;
		block->size = size;
		bytes += size;
		live += size;
	}
}

/* Free 90% in an order that has nothing to do with that of allocation. */
static void thin(int set, uint64_t *rng)
{
	size_t count = counts[set];
	size_t step = 7919, at = rng_below(rng, count ? count : 1);

	while (count && count % step == 0)
		step += 2;
	for (size_t n = 0; n < count; n++, at = (at + step) % count) {
		struct block *block = &blocks[set][at];

		if (!block->address || rng_below(rng, 10) == 0)
			continue;
		free_tagged(block->address, at);
		block->address = NULL;
		live -= block->size;
	}
	counts[set] = 0; /* the survivors stay for good */
}

int main(int argc, char **argv)
{
	uint64_t rng = rng_seed(0);
	int phases;

	bench_init(argc, argv);
	phases = (int)bench_work(PHASES);
	blocks[0] = bench_pages(BLOCKS * sizeof(struct block));
	blocks[1] = bench_pages(BLOCKS * sizeof(struct block));
	bench_start();
	for (int phase = 0; phase < phases; phase++) {
		fill(phase % 2, phase, &rng);
		thin(!(phase % 2), &rng);
	}
	bench_stop();
	bench_report("live_kib=%zu final_kib=%zu", live / KIB, bench_resident_kib());
	return 0;
}

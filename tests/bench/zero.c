/* SPDX-License-Identifier: MIT */
/*
 * zero: calloc of sizes from least= to most=, 64 blocks alive; every block is looked at in
 * five places and then written all over, so memory that comes back dirty must be cleared.
 *
 * Stresses: the cost of clearing, and knowing which memory the kernel cleared already.
 * Origin: calloc-heavy programs (redis' dicts, image buffers); glibc's bench-calloc-simple.
 */
#include "bench.h"

#include <string.h>

#define LIVE 64

int main(int argc, char **argv)
{
	unsigned char *block[LIVE] = {NULL};
	uint64_t rng = rng_seed(0);
	size_t least, most, total;

	bench_init(argc, argv);
	least = bench_number("least", 8);
	most = bench_number("most", 1024);
	total = bench_work(bench_number("mib", 4000)) * MIB;
	bench_start();
	for (size_t done = 0, n = 0; done < total; n++) {
		size_t size = rng_between(&rng, least, most);
		unsigned char *made;

		free(block[n % LIVE]);
		made = must(calloc(1, size));
		for (size_t i = 0; i < 5; i++)
			if (made[i * (size - 1) / 4])
				bench_fail("calloc of %zu bytes is not zero", size);
		memset(made, 0xff, size);
		block[n % LIVE] = made;
		done += size;
	}
	for (size_t i = 0; i < LIVE; i++)
		free(block[i]);
	bench_stop();
	bench_report(" ");
	return 0;
}

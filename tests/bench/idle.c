/* SPDX-License-Identifier: MIT */
/*
 * idle: allocate mib= MiB in blocks of 16 to 1,024 bytes, free them all, wait. Reports the
 * resident size 0, 1, 2 and, without quick=1, 5 s after (r0_kib ...) and the CPU time spent
 * meanwhile (idle_cpu_s).
 * passing=1: another thread allocates and frees a few blocks every 10 ms; passing=0: nobody.
 * time_s is the time of allocating and freeing.
 *
 * Stresses: whether and when free memory goes back to the system, and at what price.
 * Origin: jemalloc's and mimalloc's decay, the idle servers of "Learning-based Memory
 * Allocation" (Maas et al., ASPLOS 2020).
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct block {
	struct block *next;
};

static atomic_bool stop;

static void *pass_now_and_then(void *unused)
{
	uint64_t rng = rng_seed(1);

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		void *block[100];

		for (size_t i = 0; i < 100; i++)
			block[i] = tagged(rng_between(&rng, 16, 1024), i);
		for (size_t i = 0; i < 100; i++)
			free_tagged(block[i], i);
		usleep(10000);
	}
	return unused;
}

static void fill_and_free(size_t nbytes)
{
	struct block *first = NULL;
	uint64_t rng = rng_seed(0);

	for (size_t bytes = 0; bytes < nbytes;) {
		size_t size = rng_between(&rng, 16, 1024);
		struct block *block = must(malloc(size));

		memset(block, 1, size);
		block->next = first;
		first = block;
		bytes += size;
	}
	while (first) {
		struct block *next = first->next;

		free(first);
		first = next;
	}
}

static size_t resident_after(double start, double wait)
{
	double left = start + wait - bench_wall();

	if (left > 0)
		usleep((useconds_t)(left * 1e6));
	return bench_resident_kib();
}

int main(int argc, char **argv)
{
	size_t r[3];
	char last[40] = "";
	double start, cpu;
	unsigned long thread = 0;
	bool quick;

	bench_init(argc, argv);
	quick = bench_number("quick", 0);
	if (bench_number("passing", 0))
		thread = bench_thread(pass_now_and_then, NULL);
	bench_start();
	fill_and_free(bench_work(bench_number("mib", 1024)) * MIB);
	bench_stop();
	cpu = bench_cpu();
	start = bench_wall();
	r[0] = resident_after(start, 0);
	r[1] = resident_after(start, 1);
	r[2] = resident_after(start, 2);
	if (!quick)
		snprintf(last, sizeof(last), "r5_kib=%zu ", resident_after(start, 5));
	cpu = bench_cpu() - cpu;
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	if (thread)
		bench_join(thread);
	bench_report("r0_kib=%zu r1_kib=%zu r2_kib=%zu %sidle_cpu_s=%.4f", r[0], r[1], r[2], last,
		     cpu);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * shared-line: false sharing. mode=active: two threads allocate a small object each, write
 * it many times, free it, again and again: an allocator that cuts one cache line for both
 * makes them fight over it. mode=passive: the main thread allocates neighbours and hands
 * one to each; they free it and go on as above: an allocator that gives a thread the piece
 * of a shared line that it freed makes them fight too.
 *
 * Stresses: where small objects of different threads lie; hardly any allocator time.
 * Origin: "cache-thrash" and "cache-scratch" of Hoard (Berger et al., ASPLOS 2000).
 */
#include "bench.h"

#include <sched.h>
#include <unistd.h>

#define SIZE   8
#define WRITES 1000

static void *given[1024];

/* Threads that take turns on one processor share no line at the same time. */
static void stay_on_own_processor(unsigned index)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(index % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void scratch(unsigned index, unsigned of)
{
	size_t objects = bench_work(bench_number("count", 1200000)) / of;

	stay_on_own_processor(index);
	if (given[index])
		free(given[index]);
	for (size_t n = 0; n < objects; n++) {
		volatile uint64_t *object = must(malloc(SIZE));

		*object = index;
		for (int i = 0; i < WRITES; i++)
			*object = *object + 1;
		if (*object != index + WRITES)
			bench_fail("an object of thread %u changed", index);
		free((void *)object);
	}
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	if (bench_is("mode", "passive"))
		for (unsigned i = 0; i < bench_crew_size(); i++)
			given[i] = must(malloc(SIZE));
	bench_start();
	bench_crew(scratch);
	bench_stop();
	bench_report(" ");
	return 0;
}

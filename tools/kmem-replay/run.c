// SPDX-License-Identifier: MIT
/* A replay's process, from its start to its results. */
#include "heap_policy.h"
#include "sampling.h"
#include "serve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct results *results;

void stop(const char *why)
{
	strncpy(results->error, why, sizeof(results->error) - 1);
	_exit(EXIT_FAILURE);
}

void *map(size_t nbytes, int file)
{
	int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *base = mmap(NULL, nbytes ? nbytes : 1, PROT_READ | PROT_WRITE, flags | MAP_POPULATE,
			  file, 0);

	if (base == MAP_FAILED)
		_exit(EXIT_FAILURE);
	return base;
}

/* Of one thread the processor's time: others on the machine make it no longer. */
static double now(void)
{
	struct timespec now;

	clock_gettime(serving.plan->nthreads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return (one > other) - (one < other);
}

static _Noreturn void finish(void)
{
	results->done = true;
	_exit(EXIT_SUCCESS);
}

static void finish_latencies(void)
{
	uint64_t n = serving.plan->nrequests - serving.plan->nbefore;

	qsort(serving.latencies, n, sizeof(*serving.latencies), compare);
	results->p999_ns = serving.latencies[(n - 1) * 999 / 1000];
	results->worst_ns = serving.latencies[n - 1];
}

static void find_allocator(const char *heap)
{
	struct kmem_heap_options options;
	const char *wrong;

	if (!*heap) {
		allocator_of_process(&serving.allocator, results->library,
				     sizeof(results->library));
		return;
	}
	heap_policy_parse(heap, &options);
	if (options.one_thread && serving.plan->nthreads > 1)
		stop("it is of one thread, and the trace of several: --threads=1");
	wrong = allocator_of_heap(&serving.allocator, &options, results->library,
				  sizeof(results->library));
	if (wrong)
		stop(wrong);
}

/* What the replay needs, all of it touched before memory is looked at first. */
static void prepare(int plan_file, int results_file, enum mode mode)
{
	const struct plan *plan;
	struct stat stat;

	if (fstat(plan_file, &stat) < 0)
		_exit(EXIT_FAILURE);
	results = map(sizeof(*results), results_file);
	plan = map((size_t)stat.st_size, plan_file);
	serving = (struct serving){.plan = plan,
				   .requests = (const struct request *)(plan + 1),
				   .slots = map(plan->nblocks * sizeof(*serving.slots), -1),
				   .mode = mode};
	if (mode == MODE_LATENCY)
		serving.latencies = map(plan->nrequests * sizeof(*serving.latencies), -1);
}

void run(int plan_file, int results_file, enum mode mode, const char *heap)
{
	bool several;
	double start;

	prepare(plan_file, results_file, mode);
	several = serving.plan->nthreads > 1;
	find_allocator(heap);
	if (several)
		threads_start();
	if (mode == MODE_MEMORY || mode == MODE_BEFORE)
		sampling_start(serving.plan, &serving.allocator, results);
	if (mode == MODE_BEFORE)
		finish();
	serve_before();
	if (mode == MODE_MEMORY)
		sampling_begin();
	start = now();
	if (several)
		threads_serve_all();
	else
		serve_all();
	results->seconds = now() - start;
	if (mode == MODE_LATENCY)
		finish_latencies();
	if (mode == MODE_MEMORY)
		sampling_end();
	finish();
}

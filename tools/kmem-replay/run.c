// SPDX-License-Identifier: MIT
/*
 * The replay itself, in its own process. Each thread does its requests in their order, and each
 * request on a block waits for the one before it on the same block. No thread runs further ahead
 * of the slowest than a window, so that the order is about that of the recording.
 */
#include "allocator.h"
#include "replay.h"
#include "sampling.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE	     4096u
#define WINDOW	     256u
#define WINDOW_SMALL 8u /* where memory is measured: nearly the order of the recording */
#define ALL_DONE     (UINT64_MAX - WINDOW)

struct slot {
	char *block;
	uint64_t nbytes, usable;
	_Atomic uint32_t turn;
};

struct worker {
	_Alignas(128) _Atomic uint64_t next; /* number of its next request */
	const uint32_t *order;
	uint64_t count;
	pthread_t thread;
};

static const struct plan *plan;
static const struct request *requests;
static struct results *results;
static struct allocator allocator;
static enum mode mode;
static struct slot *slots;
static struct worker *workers;
static uint32_t *latencies;
static _Atomic uint32_t nwaiting;
static _Atomic bool go;

static _Noreturn void stop(const char *why)
{
	strncpy(results->error, why, sizeof(results->error) - 1);
	_exit(EXIT_FAILURE);
}

static void *map(size_t nbytes, int flags, int file)
{
	void *base = mmap(NULL, nbytes ? nbytes : 1, PROT_READ | PROT_WRITE, flags | MAP_POPULATE,
			  file, 0);

	if (base == MAP_FAILED)
		_exit(EXIT_FAILURE);
	return base;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *operate(const struct request *request, const struct slot *slot)
{
	size_t align = (size_t)1 << request->align_log2;

	switch (request->op) {
	case OP_MALLOC:
		return allocator.malloc(request->nbytes);
	case OP_CALLOC:
		return allocator.calloc(1, request->nbytes);
	case OP_ALIGNED:
		return allocator.aligned_alloc(align, request->nbytes);
	case OP_REALLOC:
		/* 0 would free it. */
		return allocator.realloc(slot->block, request->nbytes ? request->nbytes : 1);
	default:
		allocator.free(slot->block);
		return NULL;
	}
}

/* As the program would write to it: a byte of each page. What calloc cleared it may never touch. */
static void touch(const struct request *request, const struct slot *slot, char *block)
{
	uint64_t from = request->op == OP_REALLOC ? slot->nbytes : 0;

	if (request->op == OP_CALLOC || request->op == OP_FREE)
		return;
	for (uint64_t at = from; at < request->nbytes; at += PAGE)
		block[at] = 1;
	if (request->nbytes > from)
		block[request->nbytes - 1] = 1;
}

static void *timed(const struct request *request, const struct slot *slot, uint64_t number)
{
	uint64_t start = now_ns(), ns;
	void *block = operate(request, slot);

	ns = now_ns() - start;
	latencies[number] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	return block;
}

static void account(struct slot *slot, char *block, uint64_t nbytes, uint64_t number)
{
	uint64_t usable = block && allocator.usable_size ? allocator.usable_size(block) : 0;

	sampling_change(nbytes - slot->nbytes, usable - slot->usable);
	slot->usable = usable;
	slot->nbytes = nbytes;
	sampling_after(number);
}

static void serve(uint64_t number)
{
	const struct request *request = &requests[number];
	struct slot *slot = &slots[request->block];
	char *block;

	block = mode == MODE_LATENCY ? timed(request, slot, number) : operate(request, slot);
	if (!block && request->op != OP_FREE)
		stop("a request was refused");
	touch(request, slot, block);
	if (mode == MODE_MEMORY)
		account(slot, block, request->op == OP_FREE ? 0 : request->nbytes, number);
	else
		slot->nbytes = request->nbytes;
	slot->block = block;
}

/* Wait until nobody is too far behind. */
static void keep_window(uint64_t number, uint64_t window)
{
	for (uint32_t i = 0; i < plan->nthreads; i++)
		/* relaxed: it orders nothing but time */
		while (atomic_load_explicit(&workers[i].next, memory_order_relaxed) + window <
		       number)
			sched_yield();
}

static void serve_in_turn(uint64_t number)
{
	struct slot *slot = &slots[requests[number].block];

	/* acquire: pairs with the release of who had the turn before */
	while (atomic_load_explicit(&slot->turn, memory_order_acquire) != requests[number].turn)
		sched_yield();
	serve(number);
	atomic_store_explicit(&slot->turn, requests[number].turn + 1, memory_order_release);
}

static void *work(void *arg)
{
	uint32_t window = mode == MODE_MEMORY ? WINDOW_SMALL : WINDOW;
	struct worker *worker = arg;

	atomic_fetch_add(&nwaiting, 1);
	while (!atomic_load(&go))
		sched_yield();
	for (uint64_t i = 0; i < worker->count; i++) {
		atomic_store_explicit(&worker->next, worker->order[i], memory_order_relaxed);
		if (i % (window / 8) == 0)
			keep_window(worker->order[i], window);
		serve_in_turn(worker->order[i]);
	}
	atomic_store_explicit(&worker->next, ALL_DONE, memory_order_relaxed);
	return NULL;
}

/* The workers, with what each of them is to do, waiting. */
static void workers_start(void)
{
	const uint32_t *order = (const uint32_t *)(requests + plan->nrequests);

	workers = map(plan->nthreads * sizeof(*workers), MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (uint64_t i = 0; i < plan->nrequests; i++)
		workers[requests[i].thread].count++;
	for (uint32_t i = 0; i < plan->nthreads; i++) {
		workers[i].order = order;
		order += workers[i].count;
		workers[i].next = workers[i].count ? workers[i].order[0] : ALL_DONE;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			stop("a thread cannot be made");
	}
	while (atomic_load(&nwaiting) < plan->nthreads)
		sched_yield();
}

static void serve_all(void)
{
	if (plan->nthreads == 1) {
		for (uint64_t i = 0; i < plan->nrequests; i++)
			serve(i);
		return;
	}
	atomic_store(&go, true);
	for (uint32_t i = 0; i < plan->nthreads; i++)
		pthread_join(workers[i].thread, NULL);
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
	qsort(latencies, plan->nrequests, sizeof(*latencies), compare);
	results->p999_ns = latencies[(plan->nrequests - 1) * 999 / 1000];
	results->worst_ns = latencies[plan->nrequests - 1];
}

void run(int plan_file, int results_file, enum mode wanted)
{
	struct stat stat;
	uint64_t start;

	if (fstat(plan_file, &stat) < 0)
		_exit(EXIT_FAILURE);
	mode = wanted;
	plan = map((size_t)stat.st_size, MAP_SHARED, plan_file);
	requests = (const struct request *)(plan + 1);
	results = map(sizeof(*results), MAP_SHARED, results_file);
	slots = map(plan->nblocks * sizeof(*slots), MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (mode == MODE_LATENCY)
		latencies =
			map(plan->nrequests * sizeof(*latencies), MAP_PRIVATE | MAP_ANONYMOUS, -1);
	allocator_of_process(&allocator, results->library, sizeof(results->library));
	if (plan->nthreads > 1)
		workers_start();
	if (mode == MODE_MEMORY || mode == MODE_BEFORE)
		sampling_start(plan, results);
	if (mode == MODE_BEFORE)
		finish();
	start = now_ns();
	serve_all();
	results->seconds = (double)(now_ns() - start) / 1e9;
	if (mode == MODE_LATENCY)
		finish_latencies();
	if (mode == MODE_MEMORY)
		sampling_end();
	finish();
}

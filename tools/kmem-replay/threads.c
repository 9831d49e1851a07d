// SPDX-License-Identifier: MIT
/* Replays by as many threads as recorded: see serve.h. */
#include "serve.h"

#include <pthread.h>
#include <sched.h>

#define WINDOW	     256u
#define WINDOW_SMALL 8u /* where memory is measured: nearly the order of the recording */
#define ALL_DONE     (UINT64_MAX - WINDOW)

struct worker {
	_Alignas(128) _Atomic uint64_t next; /* number of its next request */
	const uint32_t *order;
	uint64_t count;
	pthread_t thread;
};

static struct worker *workers;
static _Atomic uint32_t nwaiting;
static _Atomic bool go;

/* Wait until nobody is too far behind. */
static void keep_window(uint64_t number, uint64_t window)
{
	for (uint32_t i = 0; i < serving.plan->nthreads; i++)
		/* relaxed: it orders nothing but time */
		while (atomic_load_explicit(&workers[i].next, memory_order_relaxed) + window <
		       number)
			sched_yield();
}

static void serve_in_turn(uint64_t number)
{
	const struct request *request = &serving.requests[number];
	struct slot *slot = &serving.slots[request->block];

	/* acquire: pairs with the release of who had the turn before */
	while (atomic_load_explicit(&slot->turn, memory_order_acquire) != request->turn)
		sched_yield();
	serve_one(number);
	atomic_store_explicit(&slot->turn, request->turn + 1, memory_order_release);
}

static void *work(void *arg)
{
	uint32_t window = serving.mode == MODE_MEMORY ? WINDOW_SMALL : WINDOW;
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

void threads_start(void)
{
	const struct plan *plan = serving.plan;
	const uint32_t *order = (const uint32_t *)(serving.requests + plan->nrequests);

	workers = map(plan->nthreads * sizeof(*workers), -1);
	for (uint64_t i = 0; i < plan->nbefore; i++)
		serving.slots[serving.requests[i].block].turn = serving.requests[i].turn + 1;
	for (uint64_t i = plan->nbefore; i < plan->nrequests; i++)
		workers[serving.requests[i].thread].count++;
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

void threads_serve_all(void)
{
	atomic_store(&go, true);
	for (uint32_t i = 0; i < serving.plan->nthreads; i++)
		pthread_join(workers[i].thread, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * See serve.h. The loop over all requests is compiled for each mode, and for malloc and for heaps,
 * and tests for none of these.
 */
#include "serve.h"

#include "sampling.h"

#include <time.h>

#define PAGE 4096u

struct serving serving;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void *ask_malloc(const struct malloc_calls *calls, const struct request *request,
			       void *block)
{
	switch (request->op) {
	case OP_MALLOC:
		return calls->malloc(request->nbytes);
	case OP_CALLOC:
		return calls->calloc(1, request->nbytes);
	case OP_ALIGNED:
		return calls->aligned_alloc((size_t)1 << request->align_log2, request->nbytes);
	case OP_REALLOC:
		/* 0 would free it. */
		return calls->realloc(block, request->nbytes ? request->nbytes : 1);
	default:
		calls->free(block);
		return NULL;
	}
}

static inline void *ask_heap(const struct heap_calls *calls, struct kmem_heap *heap,
			     const struct request *request, void *block)
{
	switch (request->op) {
	case OP_MALLOC:
		return calls->alloc(heap, request->nbytes);
	case OP_CALLOC:
		return calls->zalloc(heap, request->nbytes);
	case OP_ALIGNED:
		return calls->aligned(heap, (size_t)1 << request->align_log2, request->nbytes);
	case OP_REALLOC:
		return calls->realloc(heap, block, request->nbytes ? request->nbytes : 1);
	default:
		calls->free(heap, block);
		return NULL;
	}
}

static inline __attribute__((always_inline)) void *ask(const struct allocator *allocator, bool heap,
						       const struct request *request, void *block)
{
	if (heap)
		return ask_heap(&allocator->core, allocator->heap, request, block);
	return ask_malloc(&allocator->process, request, block);
}

/* As the program would write to it: a byte of each page. What calloc cleared it may never touch. */
static inline void touch(const struct request *request, const struct slot *slot, char *block)
{
	uint64_t from = request->op == OP_REALLOC ? slot->nbytes : 0;

	if (request->op == OP_CALLOC || request->op == OP_FREE)
		return;
	for (uint64_t at = from; at < request->nbytes; at += PAGE)
		block[at] = 1;
	if (request->nbytes > from)
		block[request->nbytes - 1] = 1;
}

static inline void *timed(const struct serving *with, bool heap, const struct request *request,
			  void *old)
{
	uint64_t start = now_ns(), ns;
	void *block = ask(&with->allocator, heap, request, old);

	ns = now_ns() - start;
	with->latencies[request - with->requests - with->plan->nbefore] =
		ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	return block;
}

static void account(const struct serving *with, struct slot *slot, char *block, uint64_t nbytes)
{
	uint64_t usable = block ? allocator_usable(&with->allocator, block) : 0;

	sampling_change(nbytes - slot->nbytes, usable - slot->usable);
	slot->usable = usable;
}

static inline __attribute__((always_inline)) void serve(const struct serving *with, uint64_t number,
							enum mode mode, bool heap)
{
	const struct request *request = &with->requests[number];
	struct slot *slot = &with->slots[request->block];
	uint64_t nbytes = request->op == OP_FREE ? 0 : request->nbytes;
	char *block = mode == MODE_LATENCY ? timed(with, heap, request, slot->block)
					   : ask(&with->allocator, heap, request, slot->block);

	if (!block && request->op != OP_FREE)
		stop("a request was refused");
	touch(request, slot, block);
	if (mode == MODE_MEMORY)
		account(with, slot, block, nbytes);
	slot->nbytes = nbytes;
	slot->block = block;
}

static inline __attribute__((always_inline)) void serve_row(enum mode mode, bool heap)
{
	/* A copy of its own: a store to a block could be one to serving. */
	const struct serving with = serving;

	for (uint64_t i = with.plan->nbefore, n = with.plan->nrequests; i < n; i++) {
		serve(&with, i, mode, heap);
		if (mode == MODE_MEMORY)
			sampling_after(i);
	}
}

static void serve_fast(void)
{
	if (serving.allocator.heap)
		serve_row(MODE_SPEED, true);
	else
		serve_row(MODE_SPEED, false);
}

static void serve_timed(void)
{
	if (serving.allocator.heap)
		serve_row(MODE_LATENCY, true);
	else
		serve_row(MODE_LATENCY, false);
}

void serve_before(void)
{
	enum mode mode = serving.mode == MODE_MEMORY ? MODE_MEMORY : MODE_SPEED;

	for (uint64_t i = 0; i < serving.plan->nbefore; i++)
		serve(&serving, i, mode, serving.allocator.heap);
}

void serve_all(void)
{
	if (serving.mode == MODE_SPEED)
		serve_fast();
	else if (serving.mode == MODE_LATENCY)
		serve_timed();
	else
		serve_row(MODE_MEMORY, serving.allocator.heap);
}

void serve_one(uint64_t number)
{
	serve(&serving, number, serving.mode, serving.allocator.heap);
	if (serving.mode == MODE_MEMORY)
		sampling_after(number);
}

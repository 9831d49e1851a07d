// SPDX-License-Identifier: MIT
/* See serve.h. The loop over all requests is compiled for each mode, and tests for none. */
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

static inline void *operate(const struct allocator *allocator, const struct request *request,
			    const struct slot *slot)
{
	switch (request->op) {
	case OP_MALLOC:
		return allocator->malloc(request->nbytes);
	case OP_CALLOC:
		return allocator->calloc(1, request->nbytes);
	case OP_ALIGNED:
		return allocator->aligned_alloc((size_t)1 << request->align_log2, request->nbytes);
	case OP_REALLOC:
		/* 0 would free it. */
		return allocator->realloc(slot->block, request->nbytes ? request->nbytes : 1);
	default:
		allocator->free(slot->block);
		return NULL;
	}
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

static void *timed(const struct serving *with, const struct request *request,
		   const struct slot *slot)
{
	uint64_t start = now_ns(), ns;
	void *block = operate(&with->allocator, request, slot);

	ns = now_ns() - start;
	with->latencies[request - with->requests - with->plan->nbefore] =
		ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	return block;
}

static void account(const struct serving *with, struct slot *slot, char *block, uint64_t nbytes)
{
	const struct allocator *allocator = &with->allocator;
	uint64_t usable = block && allocator->usable_size ? allocator->usable_size(block) : 0;

	sampling_change(nbytes - slot->nbytes, usable - slot->usable);
	slot->usable = usable;
}

static inline __attribute__((always_inline)) void serve(const struct serving *with, uint64_t number,
							enum mode mode)
{
	const struct request *request = &with->requests[number];
	struct slot *slot = &with->slots[request->block];
	uint64_t nbytes = request->op == OP_FREE ? 0 : request->nbytes;
	char *block = mode == MODE_LATENCY ? timed(with, request, slot)
					   : operate(&with->allocator, request, slot);

	if (!block && request->op != OP_FREE)
		stop("a request was refused");
	touch(request, slot, block);
	if (mode == MODE_MEMORY)
		account(with, slot, block, nbytes);
	slot->nbytes = nbytes;
	slot->block = block;
}

static inline __attribute__((always_inline)) void serve_row(enum mode mode)
{
	/* A copy of its own: a store to a block could be one to serving. */
	const struct serving with = serving;

	for (uint64_t i = with.plan->nbefore, n = with.plan->nrequests; i < n; i++) {
		serve(&with, i, mode);
		if (mode == MODE_MEMORY)
			sampling_after(i);
	}
}

void serve_before(void)
{
	for (uint64_t i = 0; i < serving.plan->nbefore; i++)
		serve(&serving, i, serving.mode == MODE_MEMORY ? MODE_MEMORY : MODE_SPEED);
}

void serve_all(void)
{
	switch (serving.mode) {
	case MODE_LATENCY:
		serve_row(MODE_LATENCY);
		break;
	case MODE_MEMORY:
		serve_row(MODE_MEMORY);
		break;
	default:
		serve_row(MODE_SPEED);
	}
}

void serve_one(uint64_t number)
{
	serve(&serving, number, serving.mode);
	if (serving.mode == MODE_MEMORY)
		sampling_after(number);
}

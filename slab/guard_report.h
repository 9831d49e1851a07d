/* SPDX-License-Identifier: MIT */
/*
 * What is said of guarded objects, in the kernel's words, and then done: abort, or, if on_error
 * is continue, the program goes on. By raw system calls only, under any lock.
 */
#ifndef SLAB_GUARD_REPORT_H
#define SLAB_GUARD_REPORT_H

#include "buddy/fault.h"
#include "slab/guard_pool.h"

/* What a byte beside an object holds until somebody writes there: not the same as its neighbour. */
static inline unsigned char guard_canary(const void *at)
{
	return 0xaa ^ ((uintptr_t)at & 7);
}

/* A hook for fault_watch: true if the address is of the pool, and its page accessible now. */
bool guard_fault(const struct fault *fault);
/* No live object begins there that could be freed, resized, … */
void guard_report_invalid(const void *addr, const char *doing);
/* Bytes beside an object were written, the first at that address. */
void guard_report_damage(const struct guarded *guarded, const unsigned char *at);

/* An access that faulted. The object may be NULL: near to none. */
struct guard_access {
	const struct fault *fault;
	const struct guarded *guarded;
	bool inside; /* of the object's own page: it is free */
};

void guard_report_access(const struct guard_access *access);

#endif

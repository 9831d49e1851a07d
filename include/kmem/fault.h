/* SPDX-License-Identifier: MIT */
/*
 * Requests that fail though there is memory, to see what a program does then: the kernel's
 * failslab. See kmem_fault(3).
 *
 * Which can fail: those of caches created with SLAB_FAILSLAB, or with the letter A of KMEM_DEBUG
 * for their name; of malloc and its kin by that letter for malloc-16 … malloc-32768, and for
 * malloc-large, which stands for all larger blocks. With all, set before a cache is created, any.
 * Each operation of a cache that can fail takes the slow path; others cost what they did.
 *
 * Source: lib/fault-inject.c and mm/failslab.c of Linux, for the conditions and their order.
 */
#ifndef KMEM_FAULT_H
#define KMEM_FAULT_H

#include <kmem/base.h>
#include <stdbool.h>

KMEM_BEGIN_DECLS

#define KMEM_FAULT_OBJECT_MAX 255u /* bytes in the name of an object file */

/*
 * When a request fails; zero means the default. A request is let through that is not of the
 * object, or may not fail at all (__GFP_NOFAIL); of the others space is let through, then all
 * but each interval-th, and of those some at random.
 *
 * ppm          so many of a million fail: 10000 are 1%, 1000000 are all; 0: none
 * interval     only each so-many-th may; 0: each
 * times        failures at most; 0 or less: any number
 * space        bytes that must have been asked for before the first
 * all          of any cache that is created from then on, of malloc if it is so at start-up
 * ignore_wait  requests that may wait are let through: GFP_NOWAIT and GFP_ATOMIC fail
 * verbose      0: one line a second at most; 1: a line for each, and its stack; -1: nothing
 * seed         the same one and the same requests give the same failures; 0: it is random
 * depth        callers looked at for object, from the first outside of libkmem.so; 0: 16
 * object       a shared library or the program, one of whose functions is among the callers:
 *              by its path, or its last component, or that up to a dot ("libssl")
 */
struct kmem_fault {
	unsigned int ppm;
	unsigned int interval;
	long times;
	size_t space;
	bool all;
	bool ignore_wait;
	int verbose;
	unsigned long seed;
	unsigned int depth;
	char object[KMEM_FAULT_OBJECT_MAX + 1];
};

/*
 * From now on, counted anew; NULL: none fails. 0, -EINVAL for what cannot be, or -EOPNOTSUPP for
 * an object where stacks cannot be seen (the C library is older than glibc 2.35).
 */
KMEM_API int kmem_fault_set(const struct kmem_fault *fault);
/* As it was set, with the seed in force. */
KMEM_API void kmem_fault_get(struct kmem_fault *fault);
/* Requests that failed since then. */
KMEM_API size_t kmem_fault_count(void);

KMEM_END_DECLS

#endif

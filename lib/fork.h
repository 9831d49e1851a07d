/* SPDX-License-Identifier: MIT */
/*
 * fork from a process with busy threads: every lock taken in order, and reset in
 * the child.
 *
 * A process of one thread needs none of it, and to register touches parts of the
 * C library that a small program never does (135 KiB resident). Under the override
 * it waits for the first pthread_create, which allocates the new thread's TLS by
 * calloc before there is a second thread; without, that calloc is not ours, and
 * the constructor registers.
 */
#ifndef LIB_FORK_H
#define LIB_FORK_H

#include <stdatomic.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)
extern _Atomic bool fork_registered;
#pragma GCC visibility pop

void fork_register(void);
void fork_register_if_threaded(void);

/* In calloc. */
static inline void fork_watch(void)
{
	if (__builtin_expect(!atomic_load_explicit(&fork_registered, memory_order_relaxed), 0))
		fork_register_if_threaded();
}

#endif

/* SPDX-License-Identifier: MIT */
/* A thread that gives memory back when nobody passes: the option background_thread. */
#ifndef SLAB_BACKGROUND_H
#define SLAB_BACKGROUND_H

#include "buddy/call.h"

#include <stdbool.h>

/* The option has been set: one is made when it is needed, or ends. */
void background_set(bool wanted);
/* Before, none is made: the C library may not be ready for it. */
void background_allow(void);
bool background_takes_slow(void);

/*
 * In a slow pass, no lock being held: is it the thread's to age the process? Calls
 * it, or makes it, if it is needed.
 */
static inline bool background_takes(void)
{
	return __builtin_expect(atomic_load_explicit(&call_state, memory_order_relaxed) != CALL_OFF,
				0) &&
	       background_takes_slow();
}

/* It should look at once: settings have changed. */
void background_nudge(void);
/* A thread has ended: if that was the last with a record, the process may wait for ours only. */
void background_dismiss(void);
/* In the child of a fork, which has none. */
void background_after_fork(void);

#endif

/* SPDX-License-Identifier: MIT */
/* Start-up, on the first slow path of all or by the constructor, whichever comes first. */
#ifndef LIB_START_H
#define LIB_START_H

#include "buddy/lock.h"

#include <stdatomic.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)
extern _Atomic bool started;
#pragma GCC visibility pop

void start(void);

static inline void start_ensure(void)
{
	/* acquire: pairs with the release in start */
	if (!atomic_load_explicit(&started, memory_order_acquire))
		start();
}

/* Held while something of the facade's is made once. */
void start_lock_take(void);
void start_lock_release(void);
/* For fork. */
void start_lock_visit(void (*act)(struct lock *));

#endif

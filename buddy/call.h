/* SPDX-License-Identifier: MIT */
/*
 * Calling the thread that gives memory back (slab/background.c), from where
 * memory becomes free. One word says what it does:
 *
 *	      switched on     pages freed      next slow pass
 *	OFF ------------> NONE ---------> NEEDED ------------> CALLED <--------+
 *	                    ^                                    | a pass      | called
 *	                    | it ends                            v             |
 *	                    +------------------------------- AT WORK ----> ASLEEP
 *	                                                         nothing left
 */
#ifndef BUDDY_CALL_H
#define BUDDY_CALL_H

#include <stdatomic.h>
#include <stdint.h>

enum call_state {
	CALL_OFF,    /* never wanted */
	CALL_CALLED, /* at work, or being made, and something became free since its last pass */
	CALL_AT_WORK,
	CALL_ASLEEP,
	CALL_NONE, /* there is none */
	CALL_NEEDED
};

#pragma GCC visibility push(hidden)
extern _Atomic uint32_t call_state;
#pragma GCC visibility pop

/* Set by the layer that has the thread; any lock may be held. */
extern void (*call_hook)(void);

/* Something became free. */
static inline void call(void)
{
	if (__builtin_expect(atomic_load_explicit(&call_state, memory_order_relaxed) > CALL_CALLED,
			     0))
		call_hook();
}

#endif

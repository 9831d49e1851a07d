/* SPDX-License-Identifier: MIT */
/*
 * Accesses that the processor refuses: SIGSEGV and SIGBUS. One function of ours looks at each
 * first; what it does not know goes on to whoever was there before, as if we were not.
 *
 * A handler that the program installs later comes before ours, and has the last word unless
 * it calls what it found.
 */
#ifndef BUDDY_FAULT_H
#define BUDDY_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct fault {
	uintptr_t addr;
	bool write;
	const void *context; /* for unwind_signal */
};

/*
 * Called on the stack that signals of the thread have, wherever the program was, with any lock
 * held. true: it has been seen to, and the program tries again.
 */
typedef bool fault_hook(const struct fault *fault);

/* From now on, and for good. 0 or -errno. */
int fault_watch(fault_hook *hook);
#endif

/* SPDX-License-Identifier: MIT */
/* What the program can do without: shrinkers (kmem/shrinker.h), and caches' reclaim callbacks. */
#ifndef LIB_SHRINKER_H
#define LIB_SHRINKER_H

#include <kmem/gfp.h>
#include <stdbool.h>

/*
 * Of what a shrinker of two seeks has: at the first try, and at the second, when callbacks,
 * who know no halves, have been asked already.
 */
enum shrink_share { SHRINK_HALF, SHRINK_REST, SHRINK_ALL };

/*
 * Ask each once, no lock being held; whether there was any. *nfreed, if given, is raised by the
 * objects freed, as far as can be seen. In a callback that this thread runs nobody is asked.
 */
bool shrink(gfp_t flags, enum shrink_share part, unsigned long *nfreed);
/* In the child of a fork: whoever else ran them is gone. */
void shrinkers_after_fork(void);

#endif

// SPDX-License-Identifier: MIT
/* The defaults, one place. docs/options.md explains each. */
#include "buddy/settings.h"

#ifndef KMEM_ANNOTATE
#define KMEM_ANNOTATE 1 /* our own sanitizer builds: 0 */
#endif

struct settings settings = {
	.decay_ms = 1000,
	.thp = THP_AUTO,
	.thread_cache = 3 << 19,
	.annotate = KMEM_ANNOTATE,
	.rcu_pending = 64 << 20,
	.kfence_pool = 255,
};

// SPDX-License-Identifier: MIT
/* The defaults, one place. docs/options.md explains each. */
#include "buddy/settings.h"

struct settings settings = {
	.decay_ms = 1000,
	.thp = THP_AUTO,
	.thread_cache = 2 << 20,
	.rcu_pending = 64 << 20,
	.kfence_pool = 255,
};

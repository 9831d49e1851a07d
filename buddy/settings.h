/* SPDX-License-Identifier: MIT */
/* The settings in force; lib/options.c sets them, each layer reads its own. */
#ifndef BUDDY_SETTINGS_H
#define BUDDY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thp_policy { THP_NEVER, THP_AUTO, THP_ALWAYS };

struct settings {
	uint32_t decay_ms;   /* age at which free memory goes back to the system */
	enum thp_policy thp; /* huge pages */
	size_t thread_cache; /* bytes all sheaves of one thread may hold */
	bool abort_on_error; /* else: report and go on */
	bool background;     /* a thread gives memory back */
	size_t rcu_pending;  /* bytes that may wait for a grace period before who frees waits */
};

extern struct settings settings;

/* Those that a thread of our own reads while a program may set them. */
static inline uint32_t settings_decay_ms(void)
{
	return __atomic_load_n(&settings.decay_ms, __ATOMIC_RELAXED);
}

static inline bool settings_background(void)
{
	return __atomic_load_n(&settings.background, __ATOMIC_RELAXED);
}

#endif

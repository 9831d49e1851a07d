/* SPDX-License-Identifier: MIT */
/* The settings in force; lib/options.c sets them, each layer reads its own. */
#ifndef BUDDY_SETTINGS_H
#define BUDDY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The default is to abort, but for caches whose own flags say what is to be reported. */
enum on_error { ON_ERROR_DEFAULT, ON_ERROR_ABORT, ON_ERROR_CONTINUE };
enum thp_policy { THP_NEVER, THP_AUTO, THP_ALWAYS };

struct settings {
	uint32_t decay_ms;	/* age at which free memory goes back to the system */
	enum thp_policy thp;	/* huge pages */
	size_t thread_cache;	/* bytes all sheaves of one thread may hold */
	enum on_error on_error; /* after a report */
	bool hardened;		/* caches that are created from now on */
	bool annotate;		/* tell Memcheck and AddressSanitizer of objects */
	bool stats;		/* the same count their allocations and frees */
	bool ptracer_any;	/* any process may read this one */
	bool background;	/* a thread gives memory back */
	size_t rcu_pending;	/* bytes that may wait for a grace period before who frees waits */
	uint32_t kfence_ms;	/* from one guarded object to the next; 0: none */
	uint32_t kfence_pool;	/* guarded objects at once */
};

extern struct settings settings;

/* Those that a thread of our own reads while a program may set them. */
static inline uint32_t settings_decay_ms(void)
{
	return __atomic_load_n(&settings.decay_ms, __ATOMIC_RELAXED);
}

static inline uint32_t settings_kfence_ms(void)
{
	return __atomic_load_n(&settings.kfence_ms, __ATOMIC_RELAXED);
}

static inline bool settings_background(void)
{
	return __atomic_load_n(&settings.background, __ATOMIC_RELAXED);
}

#endif

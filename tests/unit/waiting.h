/* SPDX-License-Identifier: MIT */
/* Requests that may wait: a shrinker that is asked in vain, and what they wait for, later. */
#ifndef TESTS_UNIT_WAITING_H
#define TESTS_UNIT_WAITING_H

#include "unit.h"

#include <kmem.h>
#include <pthread.h>

#define WAIT_MS 150u

static _Atomic unsigned ncounts;

static inline unsigned long count_none(struct kmem_shrinker *shrinker,
				       struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	ncounts++;
	return 0;
}

static inline unsigned long scan_none(struct kmem_shrinker *shrinker,
				      struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return KMEM_SHRINK_STOP;
}

/* A shrinker that counts how often it is asked, and has nothing. */
static inline void count_shrinks(void)
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "in vain");

	shrinker->count_objects = count_none;
	shrinker->scan_objects = scan_none;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
}

static void (*wait_ends)(void);
static _Atomic bool wait_over;
static pthread_t waker;

static inline void *wake_later(void *unused)
{
	unit_sleep_ms(WAIT_MS);
	wait_over = true;
	wait_ends();
	return unused;
}

/* Another thread does what a request waits for, and not before. */
static inline void wait_begin(void (*ends)(void))
{
	wait_ends = ends;
	wait_over = false;
	ck_assert_int_eq(pthread_create(&waker, NULL, wake_later, NULL), 0);
}

static inline void wait_end(const void *got)
{
	ck_assert_ptr_nonnull(got);
	ck_assert(wait_over);
	pthread_join(waker, NULL);
}

/* One end of a wait. */
static inline void raise_limit(void)
{
	kmem_limit_set(0);
}

#endif

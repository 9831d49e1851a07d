/* SPDX-License-Identifier: MIT */
/* A flavour whose grace periods end when the test says so, and whose readers are who it says. */
#ifndef TESTS_RCU_FLAVOR_H
#define TESTS_RCU_FLAVOR_H

#include "tests/unit/unit.h"

#include "buddy/sys.h"
#include "lib/stats.h"
#include "slab/slab.h"

#include <kmem.h>
#include <kmem/rcu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <urcu/urcu-memb.h>

#define SIZE 64u

static _Atomic unsigned periods_begun;
static _Atomic bool periods_end; /* else they last */
static __thread bool is_reader, is_online;
static __thread unsigned ntimes_offline;

/* As liburcu has one: a fork in a period leaves it locked in the child. */
static pthread_mutex_t period_lock = PTHREAD_MUTEX_INITIALIZER;

static void synchronize(void)
{
	pthread_mutex_lock(&period_lock);
	periods_begun++;
	while (!periods_end)
		unit_sleep_ms(1);
	pthread_mutex_unlock(&period_lock);
}

static int ongoing(void)
{
	return is_reader || is_online;
}

static void go_offline(void)
{
	ntimes_offline += is_online;
	is_online = false;
}

static void go_online(void)
{
	is_online = true;
}

static const struct rcu_flavor_struct held = {
	.read_ongoing = ongoing,
	.update_synchronize_rcu = synchronize,
	.thread_offline = go_offline,
	.thread_online = go_online,
};

static struct kmem_cache *cache;

static inline void make_cache(unsigned size, slab_flags_t flags)
{
	struct kmem_cache_args args = {.flavor = &held};

	periods_end = false;
	cache = kmem_cache_create("held", size, &args, flags);
	ck_assert_ptr_nonnull(cache);
}

static inline void *make_object(void)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	require(object);
	return memset(object, 0x5a, kmem_cache_size(cache));
}

static inline bool is_untouched(const void *object)
{
	for (unsigned i = 0; i < kmem_cache_size(cache); i++)
		if (((const unsigned char *)object)[i] != 0x5a)
			return false;
	return true;
}

static inline uint64_t in_use(void)
{
	return cache_stats(cache).active;
}

static inline void wait_for_period(unsigned n)
{
	while (periods_begun < n)
		unit_sleep_ms(1);
}

/* A while in which grace periods last. */
#define HOLD_MS 100u

static pthread_t ender;
static _Atomic bool ending;

static inline void *end_later(void *ms)
{
	ending = true;
	unit_sleep_ms((unsigned)(uintptr_t)ms);
	periods_end = true;
	return NULL;
}

static inline void end_periods_in(unsigned ms)
{
	ending = false;
	ck_assert_int_eq(pthread_create(&ender, NULL, end_later, (void *)(uintptr_t)ms), 0);
	while (!ending) /* a fork beside a starting thread is too much for ASan */
		unit_sleep_ms(1);
}

static inline void end_periods_soon(void)
{
	end_periods_in(HOLD_MS);
}

/* Nobody has waited less. */
static inline void check_period_ended(void)
{
	ck_assert(periods_end);
	pthread_join(ender, NULL);
}

#endif

// SPDX-License-Identifier: MIT
/* The lock: exclusion under contention, try, sleep and wake; the order asserted in debug builds. */
#include "unit.h"

#include "buddy/lock.h"

#include <pthread.h>

#define NTHREADS 4
#define ROUNDS	 50000

static struct lock lock;
static unsigned long counter; /* guarded by lock */
static int inside;	      /* guarded by lock */

static void *count_up(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock_take(&lock, LOCK_META);
		require(inside++ == 0);
		counter++;
		inside--;
		lock_release(&lock, LOCK_META);
	}
	return unused;
}

START_TEST(one_holder_at_a_time)
{
	pthread_t threads[NTHREADS];

	for (int i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(counter, (unsigned long)NTHREADS * ROUNDS);
	ck_assert_uint_eq(lock.word, 0);
}
END_TEST

static void *take_once(void *taken)
{
	lock_take(&lock, LOCK_META);
	__atomic_store_n((int *)taken, 1, __ATOMIC_RELEASE);
	lock_release(&lock, LOCK_META);
	return NULL;
}

START_TEST(waiter_sleeps_and_is_woken)
{
	pthread_t thread;
	int taken = 0;

	lock_take(&lock, LOCK_META);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_once, &taken), 0);
	for (int i = 0; i < 5000 && lock.word != 2; i++)
		unit_sleep_ms(1);
	ck_assert_uint_eq(lock.word, 2);
	ck_assert_int_eq(__atomic_load_n(&taken, __ATOMIC_ACQUIRE), 0);
	lock_release(&lock, LOCK_META);
	pthread_join(thread, NULL);
	ck_assert_int_eq(taken, 1);
}
END_TEST

START_TEST(try_takes_only_a_free_lock)
{
	require(lock_try(&lock, LOCK_META));
	require(!lock_try(&lock, LOCK_META));
	lock_release(&lock, LOCK_META);
	require(lock_try(&lock, LOCK_META));
	lock_release(&lock, LOCK_META);
}
END_TEST

START_TEST(reset_frees_what_another_held)
{
	lock.word = 2;
	lock_reset(&lock);
	require(lock_try(&lock, LOCK_META));
}
END_TEST

static void take_downward(void)
{
	static struct lock pages, cache;

	lock_take(&pages, LOCK_PAGES);
	lock_take(&cache, LOCK_CACHE);
}

static void take_one_rank_twice(void)
{
	static struct lock one, two;

	lock_take(&one, LOCK_HEAP);
	lock_take(&two, LOCK_HEAP);
}

static void release_unheld(void)
{
	lock_release(&lock, LOCK_HEAP);
}

static void expect_assertion(void (*act)(void))
{
	struct last_words words = unit_child(act);

	if (!KMEM_DEBUG) {
		ck_assert_int_eq(words.status, 0);
		return;
	}
	require(unit_aborted(&words));
	ck_assert_ptr_nonnull(strstr(words.text, "libkmem: assertion failed: lock_held >> rank"));
}

START_TEST(order_is_asserted_in_debug_builds)
{
	expect_assertion(take_downward);
	expect_assertion(take_one_rank_twice);
	expect_assertion(release_unheld);
}
END_TEST

UNIT_MAIN("lock", one_holder_at_a_time, waiter_sleeps_and_is_woken, try_takes_only_a_free_lock,
	  reset_frees_what_another_held, order_is_asserted_in_debug_builds)

// SPDX-License-Identifier: MIT
/*
 * Records of caches and threads under the limit of the process: they count, once, get what is
 * free, and cost no calls when they are refused.
 */
#include "process_limit.h"

#include "faults.h"

#include "slab/cache.h"
#include "slab/thread.h"

#include <pthread.h>

START_TEST(records_count)
{
	static struct kmem_cache *caches[60000];
	unsigned n = 0;

	kmem_free(kmem_malloc(1));
	limit_to(4 * MIB);
	while ((caches[n] = kmem_cache_create("many", 100, 0, SLAB_NOWARN, NULL))) {
		require(++n < 60000);
		require_within();
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_gt(n, 1000);
	/* A record, its place in the table, a slot and a shelf of this thread; for some there was
	 * room: in the first 64 KiB of records, and in the thread's for the first 256. */
	ck_assert_uint_lt(
		n, (4 * MIB + 64 * 1024 + 256 * (sizeof(struct slot) + sizeof(struct shelf))) /
			   (sizeof(struct kmem_cache) + sizeof(void *) + sizeof(struct slot) +
			    sizeof(struct shelf)));
	while (n > 0)
		require(kmem_cache_destroy(caches[--n]) == 0);
}
END_TEST

#define NRECORDS 60

static pthread_barrier_t together;

static void *have_record(void *unused)
{
	kmem_free(kmem_malloc(100));
	pthread_barrier_wait(&together);
	pthread_barrier_wait(&together);
	return unused;
}

/* Threads with records, and caches until the next takes more room in each of them. */
static void begin_records(pthread_t *threads, unsigned n)
{
	pthread_barrier_init(&together, NULL, n + 1);
	for (unsigned i = 0; i < n; i++)
		require(pthread_create(&threads[i], NULL, have_record, NULL) == 0);
	pthread_barrier_wait(&together);
	while (cache_ids() < 256)
		require(kmem_cache_create("one", 64, NULL, 0));
}

static void end_records(const pthread_t *threads, unsigned n)
{
	pthread_barrier_wait(&together);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* Not all records can grow: those that did are counted once, however often it is tried. */
START_TEST(records_that_grew_count_once)
{
	pthread_t threads[NRECORDS];
	void *block = kmem_malloc(20 * MIB);
	size_t before;

	begin_records(threads, NRECORDS);
	before = kmem_limit_usage();
	for (int i = 0; i < 12; i++) {
		limit_to(MIB / 4);
		if (kmem_cache_create("more", 64, NULL, SLAB_NOWARN))
			break;
		ck_assert_int_eq(errno, ENOMEM);
	}
	kmem_limit_set(0);
	ck_assert_ptr_nonnull(kmem_cache_create("more", 64, NULL, 0));
	/* 256 more shelves and slots each; and the first records of a new chunk. */
	ck_assert_uint_le(
		kmem_limit_usage(),
		before + (NRECORDS + 1) * 256 * (sizeof(struct shelf) + sizeof(struct slot)) +
			MIB / 4);
	end_records(threads, NRECORDS);
	kmem_free(block);
}
END_TEST

/* What is free and dirty is given back for a cache as for a block. */
START_TEST(a_cache_gets_what_is_free)
{
	pthread_t threads[10];

	ck_assert_int_eq(kmem_option_set("decay_ms", "100000"), 0);
	begin_records(threads, 10);
	limit_to(32 * MIB);
	fill(MIB);
	fill(60000);
	fill(1000);
	empty();
	ck_assert_ptr_nonnull(kmem_cache_create("more", 64, NULL, 0));
	require_within();
	end_records(threads, 10);
}
END_TEST

static void *ask_often(void *unused)
{
	for (int i = 0; i < 100; i++) {
		void *block = kmem_malloc(100);

		require(block);
		kmem_free(block);
	}
	require(thread_known() == NULL);
	return unused;
}

/* A thread that is refused a record makes no calls for one. */
START_TEST(a_refused_record_costs_no_calls)
{
	void *block = kmem_malloc(20 * MIB);
	pthread_t thread;

	/* There are slabs with free objects. */
	for (nblocks = 0; nblocks < 1000; nblocks++)
		blocks[nblocks] = kmem_malloc(100);
	for (size_t i = 0; i < nblocks; i += 2) {
		kmem_free(blocks[i]);
		blocks[i] = NULL;
	}
	kmem_trim();
	limit_to(4096);
	faults_count();
	pthread_create(&thread, NULL, ask_often, NULL);
	pthread_join(thread, NULL);
	faults_end();
	ck_assert_uint_eq(faults.calls[FAULT_MMAP], 0);
	ck_assert_uint_eq(faults.calls[FAULT_MUNMAP], 0);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	empty();
	kmem_free(block);
}
END_TEST

UNIT_MAIN("process_limit_records", records_count, records_that_grew_count_once,
	  a_cache_gets_what_is_free, a_refused_record_costs_no_calls)

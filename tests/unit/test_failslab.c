// SPDX-License-Identifier: MIT
/* Requests that are made to fail: each condition, as the program and the option set it. */
#include "failslab_fixture.h"

#include "through.h"

START_TEST(none_fails_before_it_is_set)
{
	create();
	ck_assert_uint_eq(failures_in(100), 0);
	ck_assert_uint_eq(kmem_fault_count(), 0);
	finish();
}
END_TEST

START_TEST(of_a_million_so_many)
{
	create();
	set((struct kmem_fault){.ppm = ALL});
	ck_assert_uint_eq(failures_in(1000), 1000);
	ck_assert_uint_eq(kmem_fault_count(), 1000);
	set((struct kmem_fault){.ppm = 100000});
	ck_assert_uint_eq(kmem_fault_count(), 0);
	/* Of 20,000 a tenth, and eleven times the deviation: once in more than 10^20. */
	ck_assert_int_le(abs((int)failures_in(20000) - 2000), 470);
	set((struct kmem_fault){.ppm = 1});
	ck_assert_uint_le(failures_in(1000), 3);
	finish();
}
END_TEST

START_TEST(only_each_so_many_th)
{
	create();
	set((struct kmem_fault){.ppm = ALL, .interval = 3});
	for (unsigned i = 1; i <= 30; i++)
		ck_assert_int_eq(fails(), i % 3 == 0);
	set((struct kmem_fault){.ppm = ALL, .interval = 1});
	ck_assert_uint_eq(failures_in(10), 10);
	finish();
}
END_TEST

START_TEST(no_more_than_so_many_times)
{
	create();
	set((struct kmem_fault){.ppm = ALL, .times = 7});
	ck_assert_uint_eq(failures_in(100), 7);
	ck_assert_uint_eq(kmem_fault_count(), 7);
	set((struct kmem_fault){.ppm = ALL, .times = -1});
	ck_assert_uint_eq(failures_in(100), 100);
	finish();
}
END_TEST

/* The n-th request, and it alone: how a program is led through all its ways out. */
START_TEST(the_nth_alone)
{
	create();
	for (unsigned n = 1; n <= 20; n++) {
		set((struct kmem_fault){.ppm = ALL, .interval = n, .times = 1});
		for (unsigned i = 1; i <= 25; i++)
			ck_assert_int_eq(fails(), i == n);
	}
	finish();
}
END_TEST

START_TEST(after_so_many_bytes)
{
	create();
	set((struct kmem_fault){.ppm = ALL, .space = 640});
	ck_assert_uint_eq(failures_in(10), 0);
	ck_assert_uint_eq(failures_in(10), 10);
	finish();
}
END_TEST

START_TEST(of_marked_caches_or_of_all)
{
	struct kmem_cache *before = kmem_cache_create("before", 64, NULL, 0), *after;
	void *object;

	set((struct kmem_fault){.ppm = ALL});
	cache = before;
	ck_assert(!fails());
	set((struct kmem_fault){.ppm = ALL, .all = true});
	after = kmem_cache_create("after", 64, NULL, 0);
	object = kmem_cache_alloc(before, GFP_KERNEL); /* created before: it has sheaves */
	ck_assert_ptr_nonnull(object);
	kmem_cache_free(before, object);
	cache = after;
	ck_assert(fails());
	ck_assert_int_eq(kmem_cache_destroy(before), 0);
	finish();
}
END_TEST

START_TEST(what_may_not_fail_does_not)
{
	create();
	set((struct kmem_fault){.ppm = ALL});
	ck_assert(!fails_with(GFP_KERNEL | __GFP_NOFAIL));
	set((struct kmem_fault){.ppm = ALL, .ignore_wait = true});
	ck_assert(!fails_with(GFP_KERNEL));
	ck_assert(fails_with(GFP_NOWAIT));
	ck_assert(fails_with(GFP_ATOMIC));
	ck_assert_uint_eq(kmem_fault_count(), 2);
	finish();
}
END_TEST

START_TEST(a_seed_gives_the_same_again)
{
	bool first[500];
	unsigned ndifferent = 0;
	struct kmem_fault got;

	create();
	set((struct kmem_fault){.ppm = ALL / 2, .seed = 12345});
	for (unsigned i = 0; i < 500; i++)
		first[i] = fails();
	set((struct kmem_fault){.ppm = ALL / 2, .seed = 12345});
	for (unsigned i = 0; i < 500; i++)
		ck_assert_int_eq(fails(), first[i]);
	set((struct kmem_fault){.ppm = ALL / 2});
	kmem_fault_get(&got);
	ck_assert_uint_ne(got.seed, 0);
	for (unsigned i = 0; i < 500; i++)
		ndifferent += fails() != first[i];
	ck_assert_uint_gt(ndifferent, 100);
	finish();
}
END_TEST

START_TEST(all_of_a_bulk_or_none)
{
	void *objects[50];

	create();
	set((struct kmem_fault){.ppm = ALL, .interval = 2});
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 50, objects), 50);
	kmem_cache_free_bulk(cache, 50, objects);
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 50, objects), 0);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(kmem_fault_count(), 1);
	finish();
}
END_TEST

START_TEST(a_pool_has_its_reserve)
{
	struct kmem_mempool *pool;
	void *elements[4];

	create();
	pool = kmem_mempool_create_slab(4, cache);
	ck_assert_ptr_nonnull(pool);
	set((struct kmem_fault){.ppm = ALL});
	for (unsigned i = 0; i < 4; i++)
		ck_assert_ptr_nonnull(elements[i] = kmem_mempool_alloc(pool, GFP_KERNEL));
	require_errno(ENOMEM, kmem_mempool_alloc(pool, GFP_NOWAIT));
	for (unsigned i = 0; i < 4; i++)
		kmem_mempool_free(elements[i], pool);
	kmem_mempool_destroy(pool);
	finish();
}
END_TEST

static void *alloc_here(void)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	kmem_cache_free(cache, object);
	return object;
}

static unsigned ncompared, nfailed_in_qsort;

static int compare(const void *a, const void *b)
{
	ncompared++;
	nfailed_in_qsort += fails();
	return *(const int *)a - *(const int *)b;
}

/* Of this program's frames the innermost are the library's own, which is part of it. */
START_TEST(only_for_callers_in_an_object)
{
	struct kmem_fault fault = {.ppm = ALL, .verbose = -1, .object = "libthrough"};

	create();
	if (!can_see_stacks()) {
		ck_assert_int_eq(kmem_fault_set(&fault), -EOPNOTSUPP);
		return;
	}
	set(fault);
	ck_assert_ptr_nonnull(alloc_here());
	ck_assert_ptr_null(through(alloc_here));
	strcpy(fault.object, "libthrough.so");
	set(fault);
	ck_assert_ptr_nonnull(alloc_here());
	ck_assert_ptr_null(through(alloc_here));
	strcpy(fault.object, "libthroug");
	set(fault);
	ck_assert_ptr_nonnull(through(alloc_here));
	strcpy(fault.object, "/libthrough.so");
	set(fault);
	ck_assert_ptr_nonnull(through(alloc_here));
	strcpy(fault.object, program_invocation_short_name);
	set(fault);
	ck_assert_ptr_null(alloc_here());
	finish();
}
END_TEST

START_TEST(callers_up_to_a_depth)
{
	struct kmem_fault fault = {.ppm = ALL, .verbose = -1, .object = "libc"};
	int numbers[] = {3, 1, 2};

	create();
	if (!can_see_stacks())
		return;
	/* main's own caller is in the C library too, but further up. */
	fault.depth = 1;
	set(fault);
	ck_assert(!fails());
	qsort(numbers, 3, sizeof(numbers[0]), compare);
	ck_assert_uint_gt(ncompared, 0);
	ck_assert_uint_eq(nfailed_in_qsort, 0);
	fault.depth = 0;
	set(fault);
	qsort(numbers, 3, sizeof(numbers[0]), compare);
	ck_assert_uint_gt(nfailed_in_qsort, 0);
	finish();
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	struct kmem_fault fault = {.ppm = ALL + 1}, got;

	set((struct kmem_fault){.ppm = 5,
				.interval = 6,
				.times = 7,
				.space = 8,
				.seed = 9,
				.depth = 3,
				.ignore_wait = true});
	ck_assert_int_eq(kmem_fault_set(&fault), -EINVAL);
	fault.ppm = 1;
	memset(fault.object, 'x', sizeof(fault.object));
	ck_assert_int_eq(kmem_fault_set(&fault), -EINVAL);
	kmem_fault_get(&got);
	ck_assert(got.ppm == 5 && got.interval == 6 && got.times == 7 && got.space == 8);
	ck_assert(got.seed == 9 && got.depth == 3 && got.ignore_wait && !got.all);
	ck_assert_str_eq(got.object, "");
}
END_TEST

START_TEST(options_say_the_same)
{
	static const char *const bad[] = {
		"probability",	   "probability=",   "probability=100.1",
		"probability=-1",  "probability=1.", "probability=1.23456",
		"probability=1,5", "interval=x",     "times=-2",
		"space=1T",	   "all=yes",	     "verbose=2",
		"object=",	   "nothing=1",	     "probability=1//",
		"seed=",
	};
	struct kmem_fault got;

	ck_assert_int_eq(kmem_option_set("failslab",
					 "probability=12.0345/interval=3/times=100/"
					 "space=2k/seed=7/verbose=1/ignore_wait=1/all=1"),
			 0);
	kmem_fault_get(&got);
	ck_assert_uint_eq(got.ppm, 120345);
	ck_assert(got.interval == 3 && got.times == 100 && got.space == 2048 && got.seed == 7);
	ck_assert(got.verbose == 1 && got.ignore_wait && got.all && !got.object[0]);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(kmem_option_set("failslab", bad[i]) == -EINVAL, "%s", bad[i]);
	kmem_fault_get(&got);
	ck_assert_uint_eq(got.ppm, 120345);
	if (can_see_stacks()) {
		ck_assert_int_eq(
			kmem_option_set("failslab", "probability=100/object=libm.so/depth=2"), 0);
		kmem_fault_get(&got);
		ck_assert(got.ppm == ALL && got.times == 0 && got.depth == 2 && !got.all);
		ck_assert_str_eq(got.object, "libm.so");
	}
	ck_assert_int_eq(kmem_option_set("failslab", "probability=0.0001/times=-1/verbose=-1"), 0);
	kmem_fault_get(&got);
	ck_assert(got.ppm == 1 && got.verbose == -1);
	ck_assert_int_eq(kmem_option_set("failslab", ""), 0);
	kmem_fault_get(&got);
	ck_assert_uint_eq(got.ppm, 0);
}
END_TEST

UNIT_MAIN("failslab", none_fails_before_it_is_set, of_a_million_so_many, only_each_so_many_th,
	  no_more_than_so_many_times, the_nth_alone, after_so_many_bytes,
	  of_marked_caches_or_of_all, what_may_not_fail_does_not, a_seed_gives_the_same_again,
	  all_of_a_bulk_or_none, a_pool_has_its_reserve, only_for_callers_in_an_object,
	  callers_up_to_a_depth, what_cannot_be_is_refused, options_say_the_same)

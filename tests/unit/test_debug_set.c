// SPDX-License-Identifier: MIT
/* kmem_cache_set_debug: when it may be, and what it leaves as it was. */
#include "debug_fixture.h"

#include "slab/sheaf.h"

START_TEST(on_and_off)
{
	uint32_t stride;
	unsigned char *object;

	make(64, 0);
	stride = cache->pub.stride;
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), 0);
	ck_assert_uint_gt(cache->pub.stride, stride);
	ck_assert_uint_eq(cache->pub.flags & DEBUG_FLAGS, FZPU);
	ck_assert_int_eq(kmem_cache_set_debug(cache, SLAB_RED_ZONE), 0);
	ck_assert_uint_eq(cache->pub.flags & DEBUG_FLAGS, SLAB_RED_ZONE);
	object = get();
	object[64] = 1;
	listen();
	put(object);
	expect_bugs(1, "Right Redzone overwritten");
	finish();
	make(64, FZPU);
	ck_assert_int_eq(kmem_cache_set_debug(cache, 0), 0);
	ck_assert_uint_eq(cache->pub.stride, stride);
	ck_assert_uint_eq(cache->pub.flags & DEBUG_FLAGS, 0);
	ck_assert(!cache->gated);
	put(get());
	sound();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(other_flags_are_refused)
{
	make(64, 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, SLAB_PANIC), -EINVAL);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU | SLAB_FAILSLAB), -EINVAL);
	ck_assert_uint_eq(cache->debug.flags, 0);
}
END_TEST

START_TEST(not_once_an_object_was_allocated)
{
	void *object;

	make(64, 0);
	object = get();
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), -EBUSY);
	put(object);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), -EBUSY);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), -EBUSY);
	ck_assert_uint_eq(cache->debug.flags, 0);
}
END_TEST

/* The thread has sheaves of it, on which operations would pass the checks by. */
START_TEST(not_once_a_thread_was_made_ready)
{
	make(64, 0);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 0), 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), -EBUSY);
}
END_TEST

START_TEST(sheaves_are_as_they_were_asked_for)
{
	struct kmem_cache_args args = {.sheaf_capacity = 255};
	unsigned level;

	make_args(4096, &args, 0);
	level = cache->level_first;
	ck_assert_uint_ge(sheaf_capacity(level), 255);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, 0), 0);
	ck_assert_uint_eq(cache->level_first, level);
	make(200000, SLAB_NOWAIT);
	ck_assert(!cache->direct);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, 0), 0);
	ck_assert(!cache->direct);
}
END_TEST

START_TEST(a_limit_stays)
{
	struct kmem_cache_args args = {.limit_bytes = 3 * 64};

	make_args(64, &args, 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, FZPU), 0);
	ck_assert_uint_eq(cache->limit, 3);
	ck_assert_int_eq(kmem_cache_set_debug(cache, 0), 0);
	ck_assert_uint_eq(cache->limit, 3);
	ck_assert(cache->gated);
}
END_TEST

START_TEST(a_record_used_again_is_plain)
{
	struct kmem_cache *debugged;

	make(64, FZPU);
	debugged = cache;
	put(get());
	finish();
	make(64, 0);
	ck_assert_ptr_eq(cache, debugged);
	ck_assert_uint_eq(cache->debug.flags, 0);
	ck_assert_int_eq(kmem_cache_set_debug(cache, SLAB_POISON), 0);
	put(get());
	finish();
}
END_TEST

UNIT_MAIN("debug_set", on_and_off, other_flags_are_refused, not_once_an_object_was_allocated,
	  not_once_a_thread_was_made_ready, sheaves_are_as_they_were_asked_for, a_limit_stays,
	  a_record_used_again_is_plain)

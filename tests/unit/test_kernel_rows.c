// SPDX-License-Identifier: MIT
/*
 * The kernel's interface, a test for each of its functions by the kernel's name, as
 * docs/kernel-api.md promises them. What libkmem adds, and every refusal, is tested
 * where its code is.
 */
#include "unit.h"

#include "lib/stats.h"
#include "slab/slab.h"

#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/slab.h>

#define SIZE 200u
#define N    100u

struct session {
	_Alignas(64) char id[16];
	unsigned state;
};

static void *objects[N];
static unsigned nbuilt;

static void build(void *object)
{
	nbuilt++;
	memset(object, 0x5a, SIZE);
}

static struct kmem_cache *make(void (*ctor)(void *))
{
	struct kmem_cache *cache = kmem_cache_create("rows", SIZE, 0, 0, ctor);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

static bool all(const void *object, int byte, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		if (((const unsigned char *)object)[i] != (unsigned char)byte)
			return false;
	return true;
}

START_TEST(kmem_cache_create_takes_both_forms)
{
	struct kmem_cache_args args = {.align = 128, .ctor = build};
	struct kmem_cache *newer = kmem_cache_create("newer", SIZE, &args, SLAB_PANIC);
	struct kmem_cache *older = kmem_cache_create("older", SIZE, 128, SLAB_PANIC, build);
	struct kmem_cache *named = KMEM_CACHE(session, SLAB_ACCOUNT);

	objects[0] = kmem_cache_alloc(newer, GFP_KERNEL);
	objects[1] = kmem_cache_alloc(older, GFP_KERNEL);
	objects[2] = kmem_cache_alloc(named, GFP_KERNEL);
	for (int i = 0; i < 2; i++)
		require((uintptr_t)objects[i] % 128 == 0 && all(objects[i], 0x5a, SIZE));
	require((uintptr_t)objects[2] % 64 == 0);
	ck_assert_str_eq(kmem_cache_name(named), "session");
	ck_assert_uint_eq(kmem_cache_size(named), sizeof(struct session));
}
END_TEST

START_TEST(kmem_cache_args_are_what_the_cache_is_like)
{
	struct kmem_cache_args args = {.align = 512,
				       .useroffset = 100,
				       .usersize = 100,
				       .use_freeptr_offset = true,
				       .freeptr_offset = SIZE - sizeof(void *),
				       .ctor = build,
				       .sheaf_capacity = 60};
	struct kmem_cache *cache = kmem_cache_create("args", SIZE, &args, 0);
	char *one = kmem_cache_alloc(cache, GFP_KERNEL);

	require((uintptr_t)one % 512 == 0 && all(one, 0x5a, SIZE));
	ck_assert_uint_ge(cache_stats(cache).parked + 1, 60);
	args.usersize = 101;
	require_errno(EINVAL, kmem_cache_create("args", SIZE, &args, SLAB_NOWARN));
}
END_TEST

START_TEST(SLAB_flags_are_all_taken_but_one)
{
	static const slab_flags_t flags[] = {
		SLAB_CONSISTENCY_CHECKS,
		SLAB_RED_ZONE,
		SLAB_POISON,
		SLAB_STORE_USER,
		SLAB_TRACE,
		SLAB_HWCACHE_ALIGN,
		SLAB_PANIC,
		SLAB_TEMPORARY,
		SLAB_RECLAIM_ACCOUNT,
		SLAB_ACCOUNT,
		SLAB_NO_MERGE,
		SLAB_NOLEAKTRACE,
		SLAB_NO_USER_FLAGS,
		SLAB_FAILSLAB,
		SLAB_SKIP_KFENCE,
	};
	struct kmem_cache *cache;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		cache = kmem_cache_create("flags", 24, 0, flags[i], NULL);
		ck_assert_ptr_nonnull(cache);
		objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
		require(objects[0] && (flags[i] != SLAB_HWCACHE_ALIGN || cache->pub.stride == 32));
		kmem_cache_free(cache, objects[0]);
		ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	}
}
END_TEST

START_TEST(SLAB_TYPESAFE_BY_RCU_is_refused_without_libkmem_rcu)
{
	/* With it they are tested in tests/rcu. */
	require_errno(EINVAL,
		      kmem_cache_create("rcu", 24, 0, SLAB_TYPESAFE_BY_RCU | SLAB_NOWARN, NULL));
}
END_TEST

START_TEST(GFP_flags_say_who_may_wait)
{
	struct kmem_cache *cache = make(NULL);

	require(gfpflags_allow_blocking(GFP_KERNEL) && gfpflags_allow_blocking(GFP_NOFS));
	require(!gfpflags_allow_blocking(GFP_NOWAIT) && !gfpflags_allow_blocking(GFP_ATOMIC));
	require_errno(EAGAIN, kmem_cache_alloc(cache, GFP_NOWAIT)); /* maps nothing */
	require_errno(EAGAIN, kmem_cache_alloc(cache, GFP_ATOMIC));
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOFAIL | __GFP_ZERO);
	require(objects[0] && all(objects[0], 0, SIZE));
	kmem_cache_free(cache, objects[0]);
	ck_assert_ptr_eq(kmem_cache_alloc(cache, GFP_NOWAIT), objects[0]);
}
END_TEST

START_TEST(kmem_cache_alloc_gives_constructed_objects_again)
{
	struct kmem_cache *cache = make(build);
	void *one = kmem_cache_alloc(cache, GFP_KERNEL);
	unsigned before = nbuilt;

	memset(one, 0x77,
	       SIZE); /* the user keeps the state; here it is seen that nobody resets it */
	kmem_cache_free(cache, one);
	ck_assert_ptr_eq(kmem_cache_alloc(cache, GFP_KERNEL), one);
	require(all(one, 0x77, SIZE));
	ck_assert_uint_eq(nbuilt, before);
}
END_TEST

START_TEST(kmem_cache_zalloc_gives_zeros)
{
	struct kmem_cache *cache = make(NULL);
	void *one = kmem_cache_alloc(cache, GFP_KERNEL);

	memset(one, 0xff, SIZE);
	kmem_cache_free(cache, one);
	ck_assert_ptr_eq(kmem_cache_zalloc(cache, GFP_KERNEL), one);
	require(all(one, 0, SIZE));
}
END_TEST

START_TEST(kmem_cache_alloc_node_and_lru)
{
	struct kmem_cache *cache = make(NULL);

	objects[0] = kmem_cache_alloc_node(cache, GFP_KERNEL, NUMA_NO_NODE);
	objects[1] = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_ZERO, 0);
	objects[2] = kmem_cache_alloc_lru(cache, NULL, GFP_KERNEL);
	require(objects[0] && objects[1] && objects[2] && all(objects[1], 0, SIZE));
	require_errno(EINVAL, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_NOWARN, 100000));
	for (int i = 0; i < 3; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(kmem_cache_alloc_bulk_gives_all_or_none)
{
	struct kmem_cache *cache = make(NULL);

	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, N, objects), 0);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, N, objects), N);
	for (unsigned i = 0; i < N; i++)
		memset(objects[i], (int)i, SIZE);
	for (unsigned i = 0; i < N; i++)
		require(all(objects[i], (int)i, SIZE));
	ck_assert_uint_eq(cache_stats(cache).active, N);
}
END_TEST

START_TEST(kmem_cache_free_bulk_without_a_cache_takes_several)
{
	struct kmem_cache *one = make(NULL), *other = make(NULL);
	void *mixed[4] = {kmem_cache_alloc(one, GFP_KERNEL), kmem_cache_alloc(other, GFP_KERNEL),
			  kmalloc(100, GFP_KERNEL), kmalloc(1 << 20, GFP_KERNEL)};

	kmem_cache_free_bulk(NULL, 4, mixed);
	ck_assert_int_eq(kmem_cache_alloc_bulk(one, GFP_KERNEL, N, objects), N);
	kmem_cache_free_bulk(one, N, objects);
	ck_assert_int_eq(kmem_cache_destroy(one), 0);
	ck_assert_int_eq(kmem_cache_destroy(other), 0);
}
END_TEST

START_TEST(kmem_cache_shrink_says_whether_anything_is_left)
{
	struct kmem_cache *cache = make(NULL);

	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, N, objects), N);
	kmem_cache_free_bulk(cache, N - 1, objects + 1);
	ck_assert_int_eq(kmem_cache_shrink(cache), 1);
	kmem_cache_free(cache, objects[0]);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
}
END_TEST

START_TEST(kmem_cache_size_is_what_was_asked_for)
{
	ck_assert_uint_eq(kmem_cache_size(kmem_cache_create("odd", 13, 64, 0, NULL)), 13);
}
END_TEST

START_TEST(kmem_cache_destroy_of_live_objects_leaves_them)
{
	struct kmem_cache *cache = make(NULL);
	void *one = kmem_cache_alloc(cache, GFP_KERNEL);

	memset(one, 3, SIZE);
	ck_assert_int_eq(kmem_cache_destroy(cache), -EBUSY);
	require(all(one, 3, SIZE));
	kmem_cache_free(cache, one);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_int_eq(kmem_cache_destroy(NULL), 0);
}
END_TEST

START_TEST(kmem_cache_prefill_sheaf_holds_at_least_so_many)
{
	struct kmem_cache *cache = make(NULL);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 70000);

	ck_assert_uint_ge(kmem_cache_sheaf_size(sheaf), 70000);
	ck_assert_uint_ge(cache_stats(cache).active, 70000);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	require_errno(EINVAL, kmem_cache_prefill_sheaf(cache, GFP_KERNEL | __GFP_NOWARN, 0));
}
END_TEST

START_TEST(kmem_cache_alloc_from_sheaf_does_not_fail_before_its_end)
{
	struct kmem_cache *cache = make(NULL);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, N);
	unsigned size = kmem_cache_sheaf_size(sheaf);

	for (unsigned i = 0; i < N; i++)
		require((objects[i] = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf)));
	for (unsigned i = N; i < size; i++)
		require(kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf));
	ck_assert_ptr_null(kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf));
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
}
END_TEST

START_TEST(kmem_cache_refill_and_return_sheaf)
{
	struct kmem_cache *cache = make(NULL);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 10);

	for (unsigned i = 0; i < 5; i++)
		objects[i] = kmem_cache_alloc_from_sheaf(cache, GFP_KERNEL, sheaf);
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 300), 0);
	ck_assert_uint_ge(kmem_cache_sheaf_size(sheaf), 300);
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_NOWAIT, &sheaf, 0), -EINVAL);
	kmem_cache_free_bulk(cache, 5, objects);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(mempool_guarantees_its_minimum)
{
	struct kmem_cache *cache = make(NULL);
	mempool_t *pool = mempool_create_slab_pool(3, cache);

	ck_assert_ptr_nonnull(pool);
	for (int i = 0; i < 3; i++)
		require((objects[i] = mempool_alloc_preallocated(pool)));
	require_errno(ENOMEM, mempool_alloc_preallocated(pool));
	mempool_free(objects[0], pool); /* fills the reserve first */
	ck_assert_ptr_eq(mempool_alloc_preallocated(pool), objects[0]);
	ck_assert_int_eq(mempool_resize(pool, 5), 0);
	for (int i = 0; i < 3; i++)
		mempool_free(objects[i], pool);
	require((objects[0] = mempool_alloc(pool, GFP_KERNEL)));
	mempool_free(objects[0], pool);
	mempool_destroy(pool);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	require_errno(EINVAL, kmem_mempool_create_slab(1, make(build)));
}
END_TEST

START_TEST(kmalloc_and_its_family)
{
	char *block = kzalloc(1000, GFP_KERNEL), *copy;
	volatile size_t huge = SIZE_MAX / 2; /* the compiler would warn */

	for (size_t size = 8; size <= (1 << 20); size *= 2) {
		void *aligned = kmalloc(size, GFP_KERNEL);

		require(aligned && (uintptr_t)aligned % (size < 16 ? 16 : size) == 0);
		kfree(aligned);
	}
	require(all(block, 0, 1000) && ksize(block) >= 1000);
	memset(block, 9, 1000);
	block = krealloc(block, 100000, GFP_KERNEL);
	require(all(block, 9, 1000));
	copy = kmemdup(block, 1000, GFP_KERNEL);
	require(all(copy, 9, 1000));
	kfree(copy);
	copy = kstrdup("row", GFP_KERNEL);
	ck_assert_str_eq(copy, "row");
	kfree(copy);
	kfree(block);
	ck_assert_ptr_eq(kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	ck_assert_ptr_null(kmalloc_array(huge, 3, GFP_KERNEL));
	ck_assert_ptr_null(kcalloc(huge, 3, GFP_KERNEL));
	ck_assert_uint_ge(kmalloc_size_roundup(1000), 1000);
	kvfree(kvmalloc(10 << 20, GFP_KERNEL));
}
END_TEST

static void dump(void)
{
	struct kmem_cache *cache = kmem_cache_create("dumped", SIZE, 0, 0, NULL);

	kmem_dump_obj((char *)kmem_cache_alloc(cache, GFP_KERNEL) + 5);
}

START_TEST(kmem_dump_obj_says_where_an_address_comes_from)
{
	struct last_words words = unit_child(dump);

	ck_assert_int_eq(words.status, 0);
	require(strstr(words.text, "'dumped'") && strstr(words.text, "5 bytes into"));
}
END_TEST

UNIT_MAIN("kernel_rows", kmem_cache_create_takes_both_forms,
	  kmem_cache_args_are_what_the_cache_is_like, SLAB_flags_are_all_taken_but_one,
	  SLAB_TYPESAFE_BY_RCU_is_refused_without_libkmem_rcu, GFP_flags_say_who_may_wait,
	  kmem_cache_alloc_gives_constructed_objects_again, kmem_cache_zalloc_gives_zeros,
	  kmem_cache_alloc_node_and_lru, kmem_cache_alloc_bulk_gives_all_or_none,
	  kmem_cache_free_bulk_without_a_cache_takes_several,
	  kmem_cache_shrink_says_whether_anything_is_left, kmem_cache_size_is_what_was_asked_for,
	  kmem_cache_destroy_of_live_objects_leaves_them,
	  kmem_cache_prefill_sheaf_holds_at_least_so_many,
	  kmem_cache_alloc_from_sheaf_does_not_fail_before_its_end,
	  kmem_cache_refill_and_return_sheaf, mempool_guarantees_its_minimum,
	  kmalloc_and_its_family, kmem_dump_obj_says_where_an_address_comes_from)

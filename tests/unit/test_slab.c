// SPDX-License-Identifier: MIT
/* Slabs: taking, returning, constructing, retiring; each invariant broken on purpose. */
#include "unit.h"

#include "slab/slab.h"

#include <kmem/options.h>

#define SIZE 256u

static struct kmem_cache *cache;
static unsigned nbuilt;

static void build(void *object)
{
	nbuilt++;
	memset(object, 0x5a, SIZE);
}

static struct slab *setup(void (*ctor)(void *))
{
	struct slab *slab;

	cache = kmem_cache_create("slab", SIZE, 0, 0, ctor);
	ck_assert_ptr_nonnull(cache);
	slab = slab_acquire(cache);
	ck_assert_ptr_nonnull(slab);
	return slab;
}

static void put_back(struct slab *slab, void *object)
{
	int index = slab_index(cache, slab, object);

	slab_return(cache, &slab->free[index / 64], 1ull << (index % 64));
}

static int32_t nfree(const struct slab *slab)
{
	return slab_nfree(slab->state);
}

START_TEST(lowest_address_first)
{
	struct slab *slab = setup(NULL);
	char *objects[10], *again;

	ck_assert_uint_eq(slab_take(slab, (void **)objects, 10), 10);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_ptr_eq(objects[i], (char *)slab->base + i * SIZE);
	put_back(slab, objects[7]);
	put_back(slab, objects[3]);
	ck_assert_uint_eq(slab_take(slab, (void **)&again, 1), 1);
	ck_assert_ptr_eq(again, objects[3]);
}
END_TEST

START_TEST(a_slab_gives_all_it_has_and_no_more)
{
	struct slab *slab = setup(NULL);
	unsigned nobjects = cache->pub.slab_objects;
	void *objects[SLAB_OBJECTS];

	ck_assert_uint_eq(slab_take(slab, objects, SLAB_OBJECTS), nobjects);
	ck_assert_int_eq(nfree(slab), 0);
	ck_assert_uint_eq(slab_take(slab, objects, 1), 0);
	slab_release(slab);
	ck_assert_ptr_eq(cache->lists[BUCKET_FULL], slab);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

START_TEST(index_of_what_is_no_object_is_negative)
{
	struct slab *slab = setup(NULL);
	char *base = (char *)slab->base;

	ck_assert_int_eq(slab_index(cache, slab, base + 5 * SIZE), 5);
	ck_assert_int_eq(slab_index(cache, slab, base + 5 * SIZE + 1), -1);
	ck_assert_int_eq(slab_index(cache, slab, base + 6 * SIZE - 1), -1);
	ck_assert_int_eq(slab_index(cache, slab, base + cache->pub.slab_objects * SIZE), -1);
}
END_TEST

/* The division by multiplication, for every size and object, and the bytes beside each. */
START_TEST(index_is_exact_for_all_sizes)
{
	for (unsigned size = 1; size <= KMEM_CACHE_SIZE_MAX; size += 1 + size / 40) {
		struct kmem_cache *one = kmem_cache_create("size", size, 0, 0, NULL);
		struct slab slab = {.base = (uintptr_t)1 << 30};
		unsigned n = one->pub.slab_objects, stride = one->pub.stride;

		for (unsigned i = 0; i < n; i++) {
			const char *object = (const char *)slab.base + (size_t)i * stride;

			require(slab_index(one, &slab, object) == (int)i);
			require(slab_index(one, &slab, object + 1) == -1);
			require(slab_index(one, &slab, object + stride - 1) == -1);
		}
		require((size_t)n * stride <= (size_t)one->pub.slab_pages * PAGE_BYTES);
		require(kmem_cache_destroy(one) == 0);
	}
}
END_TEST

START_TEST(each_object_is_constructed_once)
{
	struct slab *slab = setup(build);
	unsigned char *objects[20];

	ck_assert_uint_eq(slab_take(slab, (void **)objects, 20), 20);
	ck_assert_uint_eq(nbuilt, 20);
	ck_assert_int_eq(objects[19][SIZE - 1], 0x5a);
	for (unsigned i = 0; i < 20; i++)
		put_back(slab, objects[i]);
	ck_assert_uint_eq(slab_take(slab, (void **)objects, 20), 20);
	ck_assert_uint_eq(nbuilt, 20);
	ck_assert_uint_eq(slab_take(slab, (void **)objects, 3), 3);
	ck_assert_uint_eq(nbuilt, 23);
}
END_TEST

static struct slab *victim_slab;
static void *victim;

static void return_twice(void)
{
	put_back(victim_slab, victim);
	put_back(victim_slab, victim);
}

START_TEST(a_second_return_is_reported)
{
	struct last_words words;

	victim_slab = setup(NULL);
	slab_take(victim_slab, &victim, 1);
	words = unit_child(return_twice);
	require(unit_aborted(&words));
	ck_assert_ptr_nonnull(strstr(words.text, "of cache 'slab' came home a second time\n"));
}
END_TEST

START_TEST(a_second_return_is_not_counted)
{
	kmem_option_set("on_error", "continue");
	victim_slab = setup(NULL);
	slab_take(victim_slab, &victim, 1);
	return_twice();
	slab_release(victim_slab);
	ck_assert_int_eq(nfree(victim_slab), (int)cache->pub.slab_objects);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

START_TEST(only_empty_slabs_without_owner_retire)
{
	struct slab *slab = setup(NULL);
	void *object;

	slab_take(slab, &object, 1);
	ck_assert_uint_eq(slab_retire(cache, 0), 0); /* owned */
	slab_release(slab);
	ck_assert_uint_eq(slab_retire(cache, 0), 0); /* an object is out */
	put_back(slab, object);
	ck_assert_uint_eq(cache->pub.nslabs_empty, 1);
	ck_assert_uint_eq(slab_retire(cache, 100000), 0); /* young */
	ck_assert_uint_eq(slab_retire(cache, 0), 1);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	ck_assert_uint_eq(pagemap_id(object), ID_NONE);
}
END_TEST

START_TEST(few_empty_slabs_are_kept)
{
	struct slab *slabs[6];

	setup(NULL);
	for (unsigned i = 0; i < 6; i++)
		slabs[i] = slab_acquire(cache);
	for (unsigned i = 0; i < 6; i++)
		slab_release(slabs[i]);
	ck_assert_uint_eq(cache->pub.nslabs_empty, 2);
	ck_assert_uint_eq(cache->pub.nslabs, 2 + 1);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

START_TEST(the_fullest_with_several_to_give_is_acquired)
{
	struct slab *sparse = setup(NULL), *dense = slab_acquire(cache);
	void *objects[SLAB_OBJECTS];
	unsigned nobjects = cache->pub.slab_objects;

	slab_take(sparse, objects, nobjects / 4);
	slab_take(dense, objects, nobjects - nobjects / 6);
	slab_release(sparse);
	slab_release(dense);
	ck_assert_ptr_eq(slab_acquire(cache), dense);
	ck_assert_ptr_eq(slab_acquire(cache), sparse);
}
END_TEST

/* A fork may come between a change of the count and that of the bits. */
START_TEST(a_recount_mends_what_a_fork_left)
{
	struct slab *slab = setup(NULL);
	void *objects[5];

	slab_take(slab, objects, 5);
	slab_release(slab);
	slab->state -= 3ull << 32;
	ck_assert_ptr_nonnull(cache_check(cache));
	slab_recount_all(cache);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(nfree(slab), (int)cache->pub.slab_objects - 5);
}
END_TEST

/* A slab on a list, some objects out. */
static struct slab *listed(void)
{
	struct slab *slab = setup(NULL);
	void *objects[5];

	slab_take(slab, objects, 5);
	slab_release(slab);
	ck_assert_ptr_null(cache_check(cache));
	return slab;
}

static void expect_broken(const char *invariant)
{
	unit_broken(cache_check(cache), invariant);
}

START_TEST(S1_a_count_that_differs_from_the_bits_is_found)
{
	struct slab *slab = listed();

	slab->state += 1ull << 32;
	expect_broken("S1:");
	slab->state -= 2ull << 32;
	expect_broken("S1:");
}
END_TEST

START_TEST(S2_a_slab_on_the_wrong_list_is_found)
{
	struct slab *slab = listed();

	slab->state |= SLAB_OWNED;
	expect_broken("S2:");
	slab->state &= ~(uint64_t)SLAB_OWNED;
	slab->bucket = BUCKET_FULL;
	expect_broken("S2:");
	slab->bucket = BUCKET_EMPTY;
	cache->lists[BUCKET_EMPTY] = slab;
	cache->lists[BUCKET_MORE] = NULL;
	expect_broken("S2:");
}
END_TEST

START_TEST(S4_an_object_out_above_the_fresh_is_found)
{
	struct slab *slab = listed();

	slab->fresh = 4;
	expect_broken("S4:");
}
END_TEST

START_TEST(S5_a_page_map_that_leads_elsewhere_is_found)
{
	struct slab *slab = listed();

	pagemap_set((void *)slab->base, 1, cache->id + 1, NULL);
	expect_broken("S5:");
	pagemap_set((void *)slab->base, 1, cache->id, cache);
	expect_broken("S5:");
}
END_TEST

START_TEST(S6_room_that_does_not_end_with_the_list_is_found)
{
	struct slab *slab = listed();

	slab->state += 1u << SLAB_ROOM;
	expect_broken("S6:");
	slab->state -= 2u << SLAB_ROOM;
	expect_broken("S6:");
}
END_TEST

/* One by one: each list in turn, whatever the number of objects is divided by. */
START_TEST(returns_one_by_one_pass_through_the_lists)
{
	struct slab *slab = setup(NULL);
	void *objects[SLAB_OBJECTS];
	unsigned bucket = BUCKET_FULL, changes = 0;

	slab_take(slab, objects, cache->pub.slab_objects);
	slab_release(slab);
	for (unsigned i = 0; i < cache->pub.slab_objects; i++) {
		ck_assert_ptr_null(cache_check(cache));
		put_back(slab, objects[i]);
		ck_assert_uint_ge(slab->bucket, bucket);
		changes += slab->bucket != bucket;
		bucket = slab->bucket;
	}
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_uint_eq(bucket, BUCKET_EMPTY);
	ck_assert_uint_eq(changes, BUCKET_EMPTY);
}
END_TEST

UNIT_MAIN("slab", lowest_address_first, a_slab_gives_all_it_has_and_no_more,
	  index_of_what_is_no_object_is_negative, index_is_exact_for_all_sizes,
	  each_object_is_constructed_once, a_second_return_is_reported,
	  a_second_return_is_not_counted, only_empty_slabs_without_owner_retire,
	  few_empty_slabs_are_kept, the_fullest_with_several_to_give_is_acquired,
	  a_recount_mends_what_a_fork_left, S1_a_count_that_differs_from_the_bits_is_found,
	  S2_a_slab_on_the_wrong_list_is_found, S4_an_object_out_above_the_fresh_is_found,
	  S5_a_page_map_that_leads_elsewhere_is_found,
	  S6_room_that_does_not_end_with_the_list_is_found,
	  returns_one_by_one_pass_through_the_lists)

// SPDX-License-Identifier: MIT
/*
 * Objects announced to others: where they lie, and what is kept of them. Nobody listens here but
 * AddressSanitizer in its own build: what it and Memcheck say of it all is in tests/debug.
 */
#include "unit.h"

#include "buddy/settings.h"
#include "lib/debug_block.h"
#include "lib/stats.h"
#include "slab/annotate.h"
#include "slab/debug.h"
#include "slab/slab.h"
#include "slab/thread.h"

#include <kmem.h>
#include <kmem/debug.h>

static struct kmem_cache *cache;
static unsigned nconstructed, ndestructed;

static void construct(void *object)
{
	memset(object, 7, 48);
	nconstructed++;
}

static void destruct(void *object)
{
	ndestructed += ((char *)object)[47] == 7;
}

/* As if somebody listened: what valgrind's requests are to a processor is nothing. */
static void announce(void)
{
	settings.annotate = true;
	if (!UNDER_ASAN)
		annotator = ANNOTATOR_MEMCHECK;
	debug_blocks_start();
	ck_assert(annotate_wanted());
}

static void finish(void)
{
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

START_TEST(nobody_listens)
{
	ck_assert_int_eq(annotator, UNDER_ASAN ? ANNOTATOR_ASAN : ANNOTATOR_NONE);
	ck_assert(!annotate_wanted()); /* in an ASan build of ours, as its tests are of sheaves */
	cache = kmem_cache_create("plain", 59, NULL, 0);
	ck_assert(!cache->gated && !cache->debug.flags);
	ck_assert_uint_eq(cache->pub.stride, 64);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_int_eq(kmem_option_set("annotate", "true"), 0);
	ck_assert_int_eq(annotate_wanted(), UNDER_ASAN);
	ck_assert_int_eq(kmem_option_set("annotate", "false"), 0);
	ck_assert(!annotate_wanted());
	ck_assert_int_eq(kmem_option_set("annotate", "1"), -EINVAL);
}
END_TEST

START_TEST(there_is_room_around_objects)
{
	static const unsigned sizes[][2] = {{1, 0},	{8, 0},	      {59, 0},	 {64, 64},
					    {100, 256}, {4096, 4096}, {5000, 0}, {300000, 0}};
	char *objects[3];

	announce();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned size = sizes[i][0], align = sizes[i][1] ? sizes[i][1] : 8;

		cache = kmem_cache_create("around", size, sizes[i][1], 0, NULL);
		ck_assert(cache->gated && cache->debug.flags & DEBUG_ANNOTATED);
		for (unsigned j = 0; j < 3; j++) {
			objects[j] = kmem_cache_zalloc(cache, GFP_KERNEL);
			ck_assert_uint_eq((uintptr_t)objects[j] % align, 0);
			ck_assert_uint_eq(kmem_usable_size(objects[j]), size);
			memset(objects[j], (int)j + 1, size);
		}
		for (unsigned j = 0; j < 3; j++) {
			ck_assert(objects[j][0] == (char)j + 1 &&
				  objects[j][size - 1] == (char)j + 1);
			kmem_cache_free(cache, objects[j]);
		}
		/* 16 before, 16 behind, and the size between those and the next's. */
		ck_assert_uint_ge(cache->pub.stride, size + 40);
		ck_assert_uint_ge(cache->debug.left, 16);
		ck_assert_uint_ge(cache->debug.asked, size + 16);
		finish();
	}
}
END_TEST

START_TEST(state_is_kept)
{
	struct kmem_cache_args args = {.ctor = construct, .dtor = destruct};
	char *objects[200];

	announce();
	cache = kmem_cache_create("kept", 48, &args, 0);
	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 200, (void **)objects),
				 200);
		for (unsigned i = 0; i < 200; i++)
			ck_assert(objects[i][0] == 7 && objects[i][47] == 7);
		kmem_cache_free_bulk(cache, 200, (void **)objects);
	}
	ck_assert_int_eq(kmem_cache_prealloc(cache, 1000), 0);
	finish();
	ck_assert_uint_ge(nconstructed, 200);
	ck_assert_uint_eq(ndestructed, nconstructed);
}
END_TEST

START_TEST(blocks_are_as_large_as_asked_for)
{
	announce();
	for (size_t nbytes = 1; nbytes < 2000000; nbytes += nbytes / 2 + 1) {
		char *block = kmem_malloc(nbytes), *zeros = kmem_calloc(1, nbytes);

		ck_assert_uint_eq(kmem_usable_size(block), nbytes);
		ck_assert_uint_eq(kmem_usable_size(zeros), nbytes);
		ck_assert(zeros[0] == 0 && zeros[nbytes - 1] == 0);
		memset(block, 5, nbytes);
		block = kmem_realloc(block, nbytes + 7);
		ck_assert_uint_eq(kmem_usable_size(block), nbytes + 7);
		ck_assert(block[0] == 5 && block[nbytes - 1] == 5);
		block = kmem_krealloc(block, nbytes + 9, GFP_KERNEL);
		ck_assert_uint_eq(kmem_usable_size(block), nbytes + 9);
		ck_assert(block[0] == 5 && block[nbytes - 1] == 5);
		kmem_free(block);
		kmem_free(zeros);
		block = kmem_kmalloc(nbytes, GFP_KERNEL | __GFP_ZERO);
		ck_assert_uint_eq(kmem_ksize(block), nbytes);
		ck_assert(block[nbytes - 1] == 0);
		kmem_kfree(block);
	}
	kmem_free(kmem_malloc(0));
	ck_assert_ptr_null(kmem_validate());
}
END_TEST

START_TEST(a_limit_in_bytes_is_the_same)
{
	struct kmem_cache_args args = {.limit_bytes = 10 * 64};
	void *objects[10];

	announce();
	cache = kmem_cache_create("limited", 59, &args, 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_ptr_nonnull(objects[i] = kmem_cache_alloc(cache, GFP_KERNEL));
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN));
	kmem_cache_free_bulk(cache, 10, objects);
	finish();
}
END_TEST

/* Each way to debug a cache, and none: the library itself touches nothing that is closed. */
START_TEST(debugged_as_well)
{
	static const slab_flags_t flags[] = {
		0,
		SLAB_CONSISTENCY_CHECKS,
		SLAB_RED_ZONE,
		SLAB_POISON,
		SLAB_STORE_USER,
		SLAB_RED_ZONE | SLAB_POISON,
		SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_CONSISTENCY_CHECKS,
	};
	struct kmem_cache_args args[] = {{0}, {.ctor = construct, .dtor = destruct}};
	char *objects[100];

	announce();
	for (unsigned i = 0; i < 2 * sizeof(flags) / sizeof(flags[0]); i++) {
		cache = kmem_cache_create("debugged", 59, &args[i % 2], flags[i / 2]);
		ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, (void **)objects),
				 100);
		for (unsigned j = 0; j < 100; j++) {
			ck_assert_uint_eq(kmem_usable_size(objects[j]), 59);
			if (i % 2)
				ck_assert(objects[j][0] == 7 && objects[j][47] == 7);
			else
				memset(objects[j], (int)j, 59);
		}
		ck_assert_ptr_null(kmem_cache_validate(cache));
		kmem_cache_free_bulk(cache, 50, (void **)objects);
		ck_assert_ptr_null(kmem_cache_validate(cache));
		kmem_cache_free_bulk(cache, 50, (void **)objects + 50);
		kmem_cache_shrink(cache);
		finish();
	}
}
END_TEST

/* Where both are wanted others are told, who see more. */
START_TEST(not_hardened_or_guarded_as_well)
{
	void *object;

	announce();
	settings.hardened = true;
	settings.kfence_ms = 1;
	cache = kmem_cache_create("both", 59, NULL, 0);
	ck_assert(cache->debug.flags & DEBUG_ANNOTATED && !cache->hardened);
	for (unsigned i = 0; i < 1000; i++) {
		object = kmem_cache_alloc(cache, GFP_KERNEL);
		require(pagemap_id(object) == cache->id);
		kmem_cache_free(cache, object);
		usleep(i % 100 ? 0 : 2000);
	}
	finish();
}
END_TEST

static void write_behind(void)
{
	volatile char *object;

	announce();
	cache = kmem_cache_create("behind", 59, NULL, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	object[59] = 1;
}

static void read_freed(void)
{
	volatile char *object;

	announce();
	cache = kmem_cache_create("freed", 59, NULL, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, (void *)object);
	(void)object[0];
}

static void free_twice(void)
{
	void *object;

	announce();
	cache = kmem_cache_create("twice", 59, NULL, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, object);
	kmem_cache_free(cache, object);
}

static void free_inside(void)
{
	char *object;

	announce();
	cache = kmem_cache_create("inside", 59, NULL, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, object + 8);
}

static void write_large_freed(void)
{
	volatile char *block;

	announce();
	block = kmem_malloc(100001);
	kmem_free((void *)block);
	block[70000] = 1;
}

static void dies_of(void (*act)(void), const char *why)
{
	struct last_words words = unit_child(act);

	ck_assert_int_ne(words.status, 0);
	ck_assert_msg(strstr(words.text, why) != NULL, "%s", words.text);
}

START_TEST(errors_are_found)
{
	dies_of(free_twice, "Object already free");
	dies_of(free_inside, "Invalid object pointer");
	if (UNDER_ASAN) {
		dies_of(write_behind, "use-after-poison");
		dies_of(read_freed, "use-after-poison");
		dies_of(write_large_freed, "use-after-poison");
	}
}
END_TEST

UNIT_MAIN("annotate", nobody_listens, there_is_room_around_objects, state_is_kept,
	  blocks_are_as_large_as_asked_for, a_limit_in_bytes_is_the_same, debugged_as_well,
	  not_hardened_or_guarded_as_well, errors_are_found)

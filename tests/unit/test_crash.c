// SPDX-License-Identifier: MIT
/*
 * Each crime against the allocator, committed in a child: it must end by SIGABRT after
 * exactly one line that says what was found; with on_error:continue it goes on.
 */
#include "unit.h"

#include "buddy/buddy.h"
#include "lib/front.h"
#include "slab/cache.h"

#include <kmem.h>

#define HEAP_BLOCK ((size_t)100000)

#define FOREIGN                                                                                    \
	"libkmem: foreign pointer: %s(%p): not allocated here, or freed before; another "          \
	"allocator's, on a stack or in static data?\n"

static struct kmem_cache *cache, *other;
static char *victim, *neighbour;
static void (*crime)(void);
static char expected[600];

static struct kmem_cache *make(const char *name)
{
	return kmem_cache_create(name, 64, 0, 0, NULL);
}

static void victim_of_cache(void)
{
	cache = make("crash");
	victim = kmem_cache_alloc(cache, GFP_KERNEL);
	neighbour = kmem_cache_alloc(cache, GFP_KERNEL); /* keeps the slab */
	ck_assert_ptr_nonnull(neighbour);
}

/* A block of a heap and its right neighbour. */
static void victim_of_heap(void)
{
	/* No sheaf between the block and its heap. */
	ck_assert_int_eq(kmem_option_set("thread_cache", "0"), 0);
	victim = kmem_malloc(HEAP_BLOCK);
	neighbour = kmem_malloc(HEAP_BLOCK);
	ck_assert_ptr_nonnull(neighbour);
}

static const char *heap_name(void)
{
	return heap_of(victim, "test")->pub.name;
}

/* After a crime that was only reported, all kinds of memory are to be had. */
static void commit_and_go_on(void)
{
	static const size_t sizes[] = {1, 100, 5000, 40000, 300000, 2000000};

	kmem_option_set("on_error", "continue");
	crime();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *block = kmem_malloc(sizes[i]);

		if (!block)
			_exit(1);
		memset(block, 1, sizes[i]);
		kmem_free(block);
	}
}

/* The crime is answered by abort and this line; or by the line alone. */
static void __attribute__((format(printf, 2, 3))) expect(void (*act)(void), const char *format, ...)
{
	struct last_words words;
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	words = unit_child(act);
	ck_assert_str_eq(words.text, expected);
	ck_assert_msg(unit_aborted(&words), "status %#x", (unsigned)words.status);
	crime = act;
	words = unit_child(commit_and_go_on);
	ck_assert_str_eq(words.text, expected);
	ck_assert_msg(words.status == 0, "with on_error:continue: status %#x",
		      (unsigned)words.status);
}

static void object_twice(void)
{
	kmem_cache_free(cache, victim);
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
}

START_TEST(double_free_within_a_sheaf)
{
	victim_of_cache();
	expect(object_twice,
	       "libkmem: double free: object %p of cache 'crash' came home a second time\n",
	       victim);
}
END_TEST

static void object_home_twice(void)
{
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
}

START_TEST(double_free_after_going_home)
{
	victim_of_cache();
	expect(object_home_twice,
	       "libkmem: double free: object %p of cache 'crash' came home a second time\n",
	       victim);
}
END_TEST

static void object_after_its_slab(void)
{
	kmem_cache_free(cache, neighbour);
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
	kmem_cache_free(cache, victim);
}

START_TEST(double_free_after_the_slab_went)
{
	victim_of_cache();
	expect(object_after_its_slab,
	       "libkmem: foreign pointer: %p freed to cache 'crash' is in no slab\n", victim);
}
END_TEST

static void object_inside(void)
{
	kmem_cache_free(cache, victim + 24);
	kmem_cache_shrink(cache);
}

START_TEST(interior_pointer_to_a_cache)
{
	victim_of_cache();
	expect(object_inside,
	       "libkmem: interior pointer: %p freed to cache 'crash' is 24 bytes into the object "
	       "at %p\n",
	       victim + 24, victim);
}
END_TEST

static void object_to_other(void)
{
	kmem_cache_free(other, victim);
}

START_TEST(object_to_the_wrong_cache)
{
	victim_of_cache();
	other = make("other");
	expect(object_to_other,
	       "libkmem: wrong cache: %p freed to cache 'other' is of cache 'crash'\n", victim);
}
END_TEST

START_TEST(small_block_to_a_cache)
{
	other = make("other");
	victim = kmem_malloc(100);
	expect(object_to_other,
	       "libkmem: wrong cache: %p freed to cache 'other' is of cache 'malloc-112'\n",
	       victim);
}
END_TEST

START_TEST(foreign_pointer_to_a_cache)
{
	other = make("other");
	victim = malloc(100);
	expect(object_to_other,
	       "libkmem: foreign pointer: %p freed to cache 'other' is in no slab\n", victim);
	free(victim);
}
END_TEST

static void free_victim(void)
{
	kmem_free(victim);
}

START_TEST(free_of_another_allocators_block)
{
	victim = malloc(100);
	expect(free_victim, FOREIGN, "free", victim);
	free(victim);
}
END_TEST

START_TEST(free_of_the_stack)
{
	char local[64];

	victim = local;
	expect(free_victim, FOREIGN, "free", victim);
}
END_TEST

START_TEST(free_of_static_data)
{
	victim = expected;
	expect(free_victim, FOREIGN, "free", victim);
}
END_TEST

START_TEST(free_beyond_all_addresses)
{
	victim = (char *)0xfeedfacedeadbee0ul;
	expect(free_victim, FOREIGN, "free", victim);
}
END_TEST

static void realloc_victim(void)
{
	if (kmem_realloc(victim, 10))
		_exit(1);
}

START_TEST(realloc_of_the_stack)
{
	char local[64];

	victim = local;
	expect(realloc_victim, FOREIGN, "realloc", victim);
}
END_TEST

static void size_victim(void)
{
	if (kmem_usable_size(victim))
		_exit(1);
}

START_TEST(usable_size_of_static_data)
{
	victim = expected;
	expect(size_victim, FOREIGN, "usable_size", victim);
}
END_TEST

static void free_victim_twice(void)
{
	kmem_free(victim);
	kmem_free(victim);
}

START_TEST(double_free_of_a_large_block)
{
	victim = kmem_malloc((size_t)3 << 20);
	expect(free_victim_twice, FOREIGN, "free", victim);
}
END_TEST

START_TEST(double_free_of_a_run_in_a_sheaf)
{
	victim = kmem_malloc(300000);
	expect(free_victim_twice, "libkmem: double free: block %p is free already\n", victim);
}
END_TEST

START_TEST(double_free_of_a_run_with_another_in_the_sheaf)
{
	char *before = kmem_malloc(300000);

	victim = kmem_malloc(300000);
	kmem_free(before);
	expect(free_victim_twice, FOREIGN, "free", victim);
}
END_TEST

static void free_inside_then_alloc(void)
{
	kmem_free(victim + 64);
	neighbour = kmem_malloc(300000);
}

START_TEST(interior_pointer_to_a_run)
{
	victim = kmem_malloc(300000);
	expect(free_inside_then_alloc, FOREIGN, "free", victim + 64);
}
END_TEST

START_TEST(double_free_of_a_mapping)
{
	victim = kmem_malloc((size_t)100 << 20);
	expect(free_victim_twice, FOREIGN, "free", victim);
}
END_TEST

static void free_inside_victim(void)
{
	kmem_free(victim + 64);
}

START_TEST(interior_pointer_to_a_large_block)
{
	victim = kmem_malloc((size_t)3 << 20);
	expect(free_inside_victim, FOREIGN, "free", victim + 64);
}
END_TEST

START_TEST(interior_pointer_to_a_heap_block)
{
	victim_of_heap();
	expect(free_inside_victim,
	       "libkmem: free: %p in heap '%s': its header was overwritten, or no block begins "
	       "there\n",
	       victim + 64, heap_name());
}
END_TEST

static void overwrite_head(void)
{
	memset(victim - 8, 0x41, 8);
	kmem_free(victim);
}

START_TEST(heap_header_overwritten)
{
	victim_of_heap();
	expect(overwrite_head,
	       "libkmem: free: %p in heap '%s': its header was overwritten, or no block begins "
	       "there\n",
	       victim, heap_name());
}
END_TEST

static void overrun_victim(void)
{
	size_t nbytes = kmem_usable_size(victim);

	victim[nbytes] = (char)~victim[nbytes];
	kmem_free(victim);
}

START_TEST(heap_block_overrun)
{
	victim_of_heap();
	expect(overrun_victim,
	       "libkmem: heap '%s': the header at %p, next to a block being freed, was "
	       "overwritten\n",
	       heap_name(), victim + kmem_usable_size(victim));
}
END_TEST

START_TEST(double_free_of_a_heap_block)
{
	victim_of_heap();
	expect(free_victim_twice,
	       "libkmem: free: %p in heap '%s': double free, the block is free already\n", victim,
	       heap_name());
}
END_TEST

/* The block's head lies inside a larger free block by then. */
START_TEST(double_free_of_a_heap_block_merged_with_the_one_before)
{
	char *before;

	ck_assert_int_eq(kmem_option_set("thread_cache", "0"), 0);
	before = kmem_malloc(HEAP_BLOCK);
	victim_of_heap();
	ck_assert_ptr_eq(before + kmem_usable_size(before) + 8, victim);
	kmem_free(before);
	expect(free_victim_twice,
	       "libkmem: free: %p in heap '%s': its header was overwritten, or no block begins "
	       "there\n",
	       victim, heap_name());
}
END_TEST

static void sheaf_twice(void)
{
	kmem_free(victim);
	kmem_free(victim);
	kmem_trim();
}

START_TEST(double_free_of_a_heap_block_in_a_sheaf)
{
	char *before = kmem_malloc(HEAP_BLOCK);

	victim = kmem_malloc(40000);
	neighbour = kmem_malloc(40000);
	ck_assert_ptr_nonnull(before);
	expect(sheaf_twice,
	       "libkmem: free: %p in heap '%s': double free, the block is free already\n", victim,
	       heap_name());
}
END_TEST

START_TEST(free_of_pages)
{
	victim = kmem_pages_alloc(2, GFP_KERNEL);
	expect(free_victim, "libkmem: free: %p comes from kmem_pages_alloc: use kmem_pages_free\n",
	       victim);
}
END_TEST

static void pages_free_victim(void)
{
	kmem_pages_free(victim);
}

static void pages_free_twice(void)
{
	kmem_pages_free(victim);
	kmem_pages_free(victim);
}

#define NO_RUN "libkmem: kmem_pages_free: %p is no run of pages in use\n"

START_TEST(pages_free_of_a_block)
{
	victim = kmem_malloc((size_t)2 << 20);
	expect(pages_free_victim, NO_RUN, victim);
}
END_TEST

START_TEST(pages_free_inside)
{
	char *pages = kmem_pages_alloc(2, GFP_KERNEL);

	victim = pages + KMEM_PAGE_SIZE;
	expect(pages_free_victim, NO_RUN, victim);
}
END_TEST

START_TEST(pages_freed_twice)
{
	victim = kmem_pages_alloc(2, GFP_KERNEL);
	expect(pages_free_twice, NO_RUN, victim);
}
END_TEST

static void destroy_twice(void)
{
	kmem_cache_destroy(cache);
	kmem_cache_destroy(cache);
}

START_TEST(cache_destroyed_twice)
{
	cache = make("crash");
	expect(destroy_twice, "libkmem: kmem_cache_destroy: the cache at %p was destroyed before\n",
	       (void *)cache);
}
END_TEST

static void create_or_panic(void)
{
	kmem_cache_create("crash", 0, 0, SLAB_PANIC, NULL);
}

START_TEST(refused_create_panics)
{
	struct last_words words = unit_child(create_or_panic);

	ck_assert_str_eq(words.text, "libkmem: kmem_cache_create: cache 'crash': size is not "
				     "between 1 and 4194304 (size 0, align 0)\n");
	require(unit_aborted(&words));
}
END_TEST

UNIT_MAIN("crash", double_free_within_a_sheaf, double_free_after_going_home,
	  double_free_after_the_slab_went, interior_pointer_to_a_cache, object_to_the_wrong_cache,
	  small_block_to_a_cache, foreign_pointer_to_a_cache, free_of_another_allocators_block,
	  free_of_the_stack, free_of_static_data, free_beyond_all_addresses, realloc_of_the_stack,
	  usable_size_of_static_data, double_free_of_a_large_block, double_free_of_a_run_in_a_sheaf,
	  double_free_of_a_run_with_another_in_the_sheaf, interior_pointer_to_a_run,
	  double_free_of_a_mapping, interior_pointer_to_a_large_block,
	  interior_pointer_to_a_heap_block, heap_header_overwritten, heap_block_overrun,
	  double_free_of_a_heap_block, double_free_of_a_heap_block_merged_with_the_one_before,
	  double_free_of_a_heap_block_in_a_sheaf, free_of_pages, pages_free_of_a_block,
	  pages_free_inside, pages_freed_twice, cache_destroyed_twice, refused_create_panics)

// SPDX-License-Identifier: MIT
/*
 * The published geometry: an object live, free, in a sheaf, a block of a heap, a run and the stack
 * of who allocated are found by kmem/inspect.h alone, as a reader outside finds them.
 */
#include "geometry_reader.h"

#define N 2000

static struct kmem_cache *make(slab_flags_t flags, const struct kmem_cache_args *args)
{
	struct kmem_cache *cache = kmem_cache_create_args("geometry", 100, args, flags);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

START_TEST(objects_live_free_and_in_sheaves)
{
	struct kmem_cache *cache = make(0, NULL);
	void *one = kmem_cache_alloc(cache, GFP_KERNEL), *keeps;

	keeps = kmem_cache_alloc(cache, GFP_KERNEL);
	ck_assert_int_eq(state_of(cache, one), LIVE);
	kmem_cache_free(cache, one);
	ck_assert_int_eq(state_of(cache, one), IN_THREAD);
	kmem_cache_shrink(cache);
	ck_assert_int_eq(state_of(cache, one), HOME);
	ck_assert_int_eq(state_of(cache, keeps), LIVE);
	kmem_cache_free(cache, keeps);
	kmem_cache_shrink(cache);
	ck_assert_uint_eq(id_of(address(keeps)), 0);
}
END_TEST

START_TEST(objects_in_barns)
{
	static void *objects[N];
	struct kmem_cache *cache = make(0, NULL);
	unsigned n[HELD + 1] = {0};

	for (int i = 0; i < N; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (int i = 0; i < N; i++)
		kmem_cache_free(cache, objects[i]);
	for (int i = 0; i < N; i++)
		if (id_of(address(objects[i]))) /* else its slab is gone */
			n[state_of(cache, objects[i])]++;
	ck_assert_uint_eq(n[LIVE] + n[HELD], 0);
	ck_assert_uint_gt(n[IN_BARN], 0);
	ck_assert_uint_gt(n[IN_THREAD], 0);
}
END_TEST

/* Where an object is once it is freed, of a cache that is made under an option. */
static void expect_freed(const char *option, enum state expected)
{
	struct kmem_cache *cache;
	void *one;

	ck_assert_int_eq(kmem_option_set(option, "true"), 0);
	cache = make(0, NULL);
	one = kmem_cache_alloc(cache, GFP_KERNEL);
	ck_assert_int_eq(state_of(cache, one), LIVE);
	kmem_cache_free(cache, one);
	ck_assert_int_eq(state_of(cache, one), expected);
}

START_TEST(objects_in_sheaves_of_a_cache_that_counts)
{
	expect_freed("stats", IN_THREAD);
}
END_TEST

static void construct(void *object)
{
	memset(object, 1, 100);
}

START_TEST(what_a_cache_is_like)
{
	const struct kmem_cache_args args = {.ctor = construct, .limit_objects = 9};
	struct kmem_cache *cache = make(0, &args);
	uint64_t record = address(cache);

	ck_assert_uint_eq(word(record + LAYOUT->cache_ctor), (uintptr_t)construct);
	ck_assert_uint_eq(word(record + LAYOUT->cache_limit), 9);
	ck_assert_uint_eq(word(record + LAYOUT->cache_used), 0);
	ck_assert_ptr_nonnull(kmem_cache_alloc(cache, GFP_KERNEL));
	ck_assert_uint_eq(word(record + LAYOUT->cache_used), 1);
	ck_assert_int_eq(kmem_limit_set(1 << 30), 0);
	ck_assert_uint_eq(ROOT->limit_bytes, 1 << 30);
}
END_TEST

START_TEST(what_waits_in_quarantine)
{
	expect_freed("hardened", HELD);
}
END_TEST

static __attribute__((noinline)) void *allocate_here(struct kmem_cache *cache, uint64_t *caller)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	*caller = (uintptr_t)__builtin_return_address(0);
	return object;
}

START_TEST(who_allocated_a_tracked_object)
{
	struct kmem_cache *cache = make(SLAB_STORE_USER | SLAB_RED_ZONE, NULL);
	const struct kmem_root_track *tracks;
	const struct kmem_root_stack *stack;
	const uint64_t *frames;
	uint64_t caller, record = address(cache);
	bool found = false;
	void *one = allocate_here(cache, &caller);

	ck_assert_int_eq(state_of(cache, one), LIVE);
	ck_assert_uint_eq(half(record + LAYOUT->cache_debug), SLAB_STORE_USER | SLAB_RED_ZONE);
	ck_assert_uint_gt(half(record + LAYOUT->cache_left), 0);
	ck_assert_uint_eq((address(one) - half(record + LAYOUT->cache_left)) % 8, 0);
	tracks = (const void *)((const char *)one + half(record + LAYOUT->cache_tracks));
	ck_assert_uint_eq(tracks[0].tid, (unsigned)getpid());
	ck_assert_uint_eq(tracks[1].tid, 0);
	stack = (const void *)(uintptr_t)chunk_address(tracks[0].stack);
	frames = (const uint64_t *)(stack + 1);
	for (uint64_t i = 0; i < stack->nframes; i++)
		found |= frames[i] == caller;
	ck_assert(found);
	kmem_cache_free(cache, one);
	ck_assert_uint_eq(tracks[1].tid, (unsigned)getpid());
	ck_assert_int_eq(state_of(cache, one), HOME);
}
END_TEST

START_TEST(what_was_asked_of_malloc)
{
	uint64_t record;
	void *one;

	ck_assert_int_eq(kmem_debug_set("Z,malloc-*"), 0);
	one = kmem_malloc(77);
	record = record_of(id_of(address(one)));
	ck_assert_str_eq(cache_at(record)->name, "malloc-80");
	ck_assert_uint_eq(half(address(one) + half(record + LAYOUT->cache_asked)), 77);
}
END_TEST

START_TEST(blocks_of_a_heap)
{
	char *one = kmem_malloc(40000), *next = kmem_malloc(40000);
	unsigned id = id_of(address(one));
	uint64_t head = head_of(address(one));

	ck_assert_ptr_nonnull(next);
	ck_assert_uint_ge(head & 0xfffffff0u, 40008);
	ck_assert_uint_eq(head & (KMEM_BLOCK_FREE | KMEM_BLOCK_END), 0);
	ck_assert_int_eq(
		strncmp(heap_of_span(page_of(address(one)).owner)->name, "malloc-heap-", 12), 0);
	ck_assert_uint_eq(head_of(address(one) + 16), 0);
	ck_assert_uint_ge(id, LAYOUT->first_bin);
	ck_assert_uint_lt(id, LAYOUT->first_bin + LAYOUT->nbins);
	ck_assert(!in_thread(id, false, address(one)));
	kmem_free(one);
	ck_assert(in_thread(id, false, address(one)));
	ck_assert_uint_eq(head_of(address(one)) & KMEM_BLOCK_FREE, 0);
	kmem_trim();
	ck_assert(!in_thread(id, false, address(one)));
	ck_assert_uint_ne(head_of(address(one)) & KMEM_BLOCK_FREE, 0);
}
END_TEST

START_TEST(runs_of_pages)
{
	char *run = kmem_pages_alloc_exact(20 * PAGE, GFP_KERNEL);
	char *two = kmem_pages_alloc_exact(2 * PAGE, GFP_KERNEL);
	char *large = kmem_malloc(5 << 20), *own = kmem_malloc(100 << 20);

	ck_assert_uint_eq(kind_of(address(run)), KMEM_PAGE_RUN);
	ck_assert_uint_eq(page_of(address(run)).npages, 20);
	ck_assert_uint_eq(kind_of(address(run) + PAGE), KMEM_PAGE_NONE);
	ck_assert_uint_eq(kind_of(address(two)), KMEM_PAGE_RUN);
	ck_assert_uint_eq(kind_of(address(large)), KMEM_PAGE_LARGE);
	ck_assert_uint_eq(page_of(address(large)).npages, 1280);
	ck_assert_uint_eq(page_of(address(large)).bits >> 8 & 1, 0);
	ck_assert_uint_eq(page_of(address(own)).bits, KMEM_PAGE_LARGE | 0x100);
	kmem_free(large);
	ck_assert_uint_eq(kind_of(address(large)), KMEM_PAGE_DIRTY);
	ck_assert_uint_ge(page_of(address(large)).bits >> 9, 1280);
	kmem_pages_free(two);
	ck_assert_uint_eq(kind_of(address(two)), KMEM_PAGE_BUDDY_DIRTY);
	ck_assert_uint_eq(page_of(address(two)).bits >> 9, 2);
	kmem_pages_free(run);
	kmem_trim();
	ck_assert_uint_ne(kind_of(address(large)), KMEM_PAGE_DIRTY);
}
END_TEST

/* The descriptors of a zone, free runs' on their two ends, add up to what it says is free. */
START_TEST(a_zone_by_its_descriptors)
{
	const struct kmem_root_zone *zone;
	const struct kmem_root_page *pages;
	uint64_t ndirty = 0, nclean = 0;

	kmem_free(kmem_malloc(3 << 20));
	kmem_free(kmem_malloc(100));
	zone = (const struct kmem_root_zone *)(uintptr_t)ROOT->zones;
	pages = (const struct kmem_root_page *)(uintptr_t)word(ROOT->zones + LAYOUT->zone_pages);
	ck_assert_uint_eq(address(pages), leaf_of(zone->base) + LAYOUT->leaf_pages +
						  (zone->base >> 12 & 0x3ffff) * sizeof(*pages));
	for (uint64_t i = 0; i < zone->committed;) {
		unsigned kind = pages[i].bits & 0xff, n = pages[i].bits >> 9;
		bool dirty = kind == KMEM_PAGE_DIRTY || kind == KMEM_PAGE_BUDDY_DIRTY;
		bool clean = kind == KMEM_PAGE_CLEAN || kind == KMEM_PAGE_BUDDY_CLEAN;

		ndirty += dirty ? n : 0;
		nclean += clean ? n : 0;
		i += dirty || clean ? n : 1;
	}
	ck_assert_uint_gt(ndirty, 0);
	ck_assert_uint_eq(ndirty, zone->dirty);
	ck_assert_uint_eq(nclean, zone->clean);
}
END_TEST

START_TEST(sizes_are_said)
{
	ck_assert_uint_eq(ROOT->layout_size, sizeof(struct kmem_root_layout));
	ck_assert_uint_ge(LAYOUT->leaf_size,
			  LAYOUT->leaf_pages + ((1u << 18) * sizeof(struct kmem_root_page)));
	ck_assert_uint_ge(LAYOUT->leaf_pages, (1u << 18) * sizeof(uint16_t));
	ck_assert_uint_eq(id_of(address(&errno)), 0);
}
END_TEST

UNIT_MAIN("geometry", objects_live_free_and_in_sheaves, objects_in_barns,
	  objects_in_sheaves_of_a_cache_that_counts, what_a_cache_is_like, what_waits_in_quarantine,
	  who_allocated_a_tracked_object, what_was_asked_of_malloc, blocks_of_a_heap, runs_of_pages,
	  a_zone_by_its_descriptors, sizes_are_said)

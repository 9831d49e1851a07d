// SPDX-License-Identifier: MIT
/* The published root, whole from the first instruction on: kmem/inspect.h. */
#include "buddy/root.h"

#include "buddy/buddy.h"
#include "buddy/stacks.h"
#include "buddy/zone.h"
#include "lib/classes.h"
#include "lib/heap.h"
#include "lib/start.h"
#include "slab/barn.h"
#include "slab/cache_place.h"
#include "slab/guard_pool.h"
#include "slab/marks.h"
#include "slab/thread.h"
#include "slab/track.h"

/* Published as they are: kmem/inspect.h says what is in them. */
_Static_assert(sizeof(struct kmem_root_page) == sizeof(struct page), "a page's descriptor");
_Static_assert(offsetof(struct page, npages) == offsetof(struct kmem_root_page, npages), "length");
_Static_assert(KMEM_PAGE_GUARDED == (int)PAGE_GUARDED && KMEM_PAGE_SPAN == (int)PAGE_HEAP, "kinds");
_Static_assert(sizeof(struct kmem_root_track) == sizeof(struct track), "a track");
_Static_assert(sizeof(struct kmem_root_chunk) == sizeof(struct meta_chunk), "a chunk of records");
_Static_assert(sizeof(struct kmem_root_pool) == sizeof(struct guard_pool) &&
		       offsetof(struct kmem_root_pool, objects) ==
			       offsetof(struct guard_pool, objects),
	       "the pool of guarded objects");
_Static_assert(sizeof(((struct guarded *)0)->name) == 64, "a guarded object's name");
_Static_assert(KMEM_GUARD_LIVE == (int)GUARD_LIVE && KMEM_GUARD_OPEN == (int)GUARD_OPEN, "states");
_Static_assert(KMEM_BLOCK_FREE == BLOCK_FREE && KMEM_BLOCK_PREV_FREE == BLOCK_PREV_FREE &&
		       KMEM_BLOCK_END == BLOCK_END && KMEM_BLOCK_QUICK == BLOCK_QUICK,
	       "a block's flags");

struct kmem_root root_record = {
	.magic = KMEM_ROOT_MAGIC,
	.version = KMEM_ROOT_VERSION,
	.size = sizeof(struct kmem_root),
	.cache_size = sizeof(struct kmem_cache),
	.thread_size = sizeof(struct thread),
	.slot_size = sizeof(struct slot),
	.shelf_size = sizeof(struct shelf),
	.zone_size = sizeof(struct zone),
	.heap_size = sizeof(struct heap),
	.max_caches = ID_LIMIT,
	.ncaches = ID_USER,
	.release = "0.1",
	.caches = (uintptr_t)cache_table,
	.block_secret = (uintptr_t)&block_secret,
	.page_lock = (uintptr_t)&buddy_lock,
	.map = (uintptr_t)&pagemap,
	.map_leaves = (uintptr_t)pagemap.root,
	.chunks = (uintptr_t)meta_chunks,
	.map_entries = ROOT_SIZE,
	.layout_size = sizeof(struct kmem_root_layout),
	.layout =
		{
			.leaf_size = sizeof(struct leaf),
			.leaf_pages = offsetof(struct leaf, page),
			.zone_pages = offsetof(struct zone, pages),
			.slab_size = SLAB_RECORD,
			.slab_state = offsetof(struct slab, state),
			.slab_base = offsetof(struct slab, base),
			.slab_free = offsetof(struct slab, free),
			.slab_words = SLAB_WORDS,
			.slab_cache = offsetof(struct slab, cache),
			.slab_fresh = offsetof(struct slab, fresh),
			.slab_marks = offsetof(struct marked_slab, held),
			.span_next = offsetof(struct span, next),
			.span_heap = offsetof(struct span, heap),
			.span_base = offsetof(struct span, base),
			.span_nbytes = offsetof(struct span, nbytes),
			.heap_spans = offsetof(struct heap, spans),
			.cache_barns = offsetof(struct kmem_cache, barns),
			.cache_limit = offsetof(struct kmem_cache, limit),
			.cache_used = offsetof(struct kmem_cache, used),
			.cache_ctor = offsetof(struct kmem_cache, ctor),
			.cache_hardened = offsetof(struct kmem_cache, hardened),
			.cache_debug = offsetof(struct kmem_cache, debug.flags),
			.cache_left = offsetof(struct kmem_cache, debug.left),
			.cache_tracks = offsetof(struct kmem_cache, debug.tracks),
			.cache_asked = offsetof(struct kmem_cache, debug.asked),
			.barn_size = sizeof(struct barn),
			.barn_full = offsetof(struct barn, full),
			.nbarns = BARNS,
			.first_bin = ID_FRONTS,
			.nbins = NFRONTS,
			.nchunks = META_CHUNKS,
			.chunk_size = sizeof(struct meta_chunk),
			.cache_lock = offsetof(struct kmem_cache, lock),
			.cache_lists = offsetof(struct kmem_cache, lists),
			.nlists = BUCKETS,
			.slab_next = offsetof(struct slab, next),
			.slab_list = offsetof(struct slab, bucket),
			.heap_lock = offsetof(struct heap, lock),
			.span_live = offsetof(struct span, live),
			.cache_waiting = offsetof(struct kmem_cache, nwaiting),
			.guard_size = sizeof(struct guarded),
			.guard_state = offsetof(struct guarded, state),
			.guard_nbytes = offsetof(struct guarded, nbytes),
			.guard_object = offsetof(struct guarded, object),
			.guard_tracks = offsetof(struct guarded, tracks),
			.guard_name = offsetof(struct guarded, name),
			.guard_pool = (uintptr_t)&guard_pool,
			.zone_node = offsetof(struct zone, node),
			.cache_places = offsetof(struct kmem_cache, places),
			.place_next = offsetof(struct cache_place, next),
			.place_node = offsetof(struct cache_place, node),
			.place_nslabs = offsetof(struct cache_place, nslabs),
			.place_barns = offsetof(struct cache_place, barns),
			.place_lists = offsetof(struct cache_place, lists),
		},
};

/*
 * Every layer refers to the root, the root to start-up: so a static link that
 * takes any part of the core takes its constructor and its note as well.
 */
__attribute__((used)) static void (*const anchor)(void) = start;

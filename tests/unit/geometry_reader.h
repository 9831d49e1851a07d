/* SPDX-License-Identifier: MIT */
/* A reader of the published geometry, by kmem/inspect.h alone, in the process itself. */
#ifndef TESTS_UNIT_GEOMETRY_READER_H
#define TESTS_UNIT_GEOMETRY_READER_H

#include "unit.h"

#include "buddy/root.h"

#include <kmem.h>

#define ROOT   (&root_record)
#define LAYOUT (&root_record.layout)
#define PAGE   4096u

/* What a reader outside would copy out of the target. */
static inline uint64_t word(uint64_t addr)
{
	uint64_t value;

	memcpy(&value, (const void *)(uintptr_t)addr, sizeof(value));
	return value;
}

static inline uint32_t half(uint64_t addr)
{
	return word(addr & ~7ull) >> (addr & 4) * 8 & UINT32_MAX;
}

static inline uint64_t address(const void *object)
{
	return (uintptr_t)object;
}

/* The leaf of the map for an address; 0: none. */
static inline uint64_t leaf_of(uint64_t addr)
{
	uint64_t gib = addr >> 30;
	uint64_t distance = gib < ROOT->map_entries ? word(ROOT->map_leaves + gib * 8) : 0;

	return distance ? ROOT->map + distance : 0;
}

static inline unsigned id_of(uint64_t addr)
{
	uint64_t leaf = leaf_of(addr), at = leaf + (addr >> 12 & 0x3ffff) * 2;

	return leaf ? word(at & ~7ull) >> (at & 6) * 8 & UINT16_MAX : 0;
}

static inline struct kmem_root_page page_of(uint64_t addr)
{
	struct kmem_root_page page;
	uint64_t leaf = leaf_of(addr);

	require(leaf);
	memcpy(&page,
	       (const void *)(uintptr_t)(leaf + LAYOUT->leaf_pages +
					 (addr >> 12 & 0x3ffff) * sizeof(page)),
	       sizeof(page));
	return page;
}

static inline unsigned kind_of(uint64_t addr)
{
	return page_of(addr).bits & 0xff;
}

static inline uint64_t record_of(unsigned id)
{
	return word(ROOT->caches + id * 8ull);
}

static inline const struct kmem_root_cache *cache_at(uint64_t record)
{
	return (const struct kmem_root_cache *)(uintptr_t)record;
}

/* Of what 32 bits name. */
static inline uint64_t chunk_address(uint32_t index)
{
	const struct kmem_root_chunk *chunks =
		(const struct kmem_root_chunk *)(uintptr_t)ROOT->chunks;
	uint64_t offset = (uint64_t)(index & ((1u << 27) - 1)) << 4;

	require(index && index >> 27 < LAYOUT->nchunks && LAYOUT->chunk_size == sizeof(chunks[0]) &&
		offset < chunks[index >> 27].used);
	return chunks[index >> 27].base + offset;
}

static inline bool sheaf_has(uint64_t sheaf, unsigned n, uint64_t addr)
{
	bool found = false;

	for (unsigned i = 1; i <= n; i++)
		found |= word(sheaf + i * 8) == addr;
	return found;
}

static inline bool slot_has(struct kmem_root_slot slot, bool counted, uint64_t addr)
{
	if (counted && slot.sp) {
		slot.mask = (16ull << (slot.sp & 7)) - 8;
		slot.sp &= ~7ull;
	}
	return sheaf_has(slot.sp & ~slot.mask, (unsigned)(slot.sp & slot.mask) / 8, addr);
}

static inline bool in_thread(unsigned id, bool counted, uint64_t addr)
{
	const struct kmem_root_thread *thread;
	bool found = false;

	for (uint64_t at = ROOT->threads; at; at = thread->next) {
		const struct kmem_root_shelf *shelf;

		thread = (const struct kmem_root_thread *)(uintptr_t)at;
		require(id < thread->nslots);
		shelf = (const struct kmem_root_shelf *)(uintptr_t)(thread->shelves -
								    (uint64_t)id *
									    ROOT->shelf_size);
		found |= slot_has(((const struct kmem_root_slot *)(uintptr_t)thread->slots)[id],
				  counted, addr);
		found |= slot_has(shelf->spare, false, addr);
	}
	return found;
}

static inline bool in_barn(uint64_t record, uint64_t addr)
{
	uint64_t barns = word(record + LAYOUT->cache_barns);
	bool found = false;

	for (unsigned i = 0; barns && i < LAYOUT->nbarns; i++) {
		uint32_t index = half(barns + i * LAYOUT->barn_size + LAYOUT->barn_full);

		while (index) {
			uint64_t sheaf = chunk_address(index);

			found |= sheaf_has(sheaf, (2u << half(sheaf)) - 1, addr);
			index = half(sheaf + 4);
		}
	}
	return found;
}

enum state { LIVE, HOME, IN_THREAD, IN_BARN, HELD };

/* An object's state, by its address; all on the way is as it should be. */
static inline enum state state_of(const struct kmem_cache *cache, const void *object)
{
	uint64_t addr = address(object), slab = page_of(addr).owner, record, index;
	const struct kmem_root_cache *pub;

	require(slab && slab % LAYOUT->slab_size == 0);
	record = word(slab + LAYOUT->slab_cache);
	pub = cache_at(record);
	require(record == address(cache) && record == record_of(id_of(addr)));
	require(pub->id == id_of(addr) && strcmp(pub->name, kmem_cache_name(cache)) == 0);
	index = (addr - word(slab + LAYOUT->slab_base)) / pub->stride;
	require(kind_of(word(slab + LAYOUT->slab_base) - half(record + LAYOUT->cache_left)) ==
		KMEM_PAGE_SLAB);
	require(index < pub->slab_objects && index < LAYOUT->slab_words * 64u);
	require(addr == word(slab + LAYOUT->slab_base) + index * pub->stride);
	require((uint32_t)half(slab + LAYOUT->slab_fresh) <= pub->slab_objects);
	if (word(slab + LAYOUT->slab_free + index / 64 * 8) >> index % 64 & 1)
		return HOME;
	if (in_thread(pub->id, pub->counted, addr))
		return IN_THREAD;
	if (in_barn(record, addr))
		return IN_BARN;
	if ((half(record + LAYOUT->cache_debug) || word(record + LAYOUT->cache_hardened) & 0xff) &&
	    word(slab + LAYOUT->slab_marks + index / 64 * 8) >> index % 64 & 1)
		return HELD;
	return LIVE;
}

/* The head of the block that begins at addr, found by a walk through its span; 0: there is none. */
static inline uint64_t head_of(uint64_t addr)
{
	uint64_t span = page_of(addr).owner, base = word(span + LAYOUT->span_base);
	uint64_t at = base + 8, end = base + word(span + LAYOUT->span_nbytes);

	require(kind_of(base) == KMEM_PAGE_SPAN && addr - base < end - base);
	while (at < end && !(word(at) & KMEM_BLOCK_END) && word(at) & ~15ull) {
		if (at + 8 == addr)
			return word(at);
		at += word(at) & 0xfffffff0u;
	}
	return 0;
}

/* Is the span in the list of its heap, and that in the root's? */
static inline const struct kmem_root_heap *heap_of_span(uint64_t span)
{
	uint64_t heap = word(span + LAYOUT->span_heap), at = word(heap + LAYOUT->heap_spans);
	const struct kmem_root_heap *record = NULL;

	while (at && at != span)
		at = word(at + LAYOUT->span_next);
	require(at == span);
	for (at = ROOT->heaps; at && at != heap; at = record->next)
		record = (const struct kmem_root_heap *)(uintptr_t)at;
	require(at == heap);
	return (const struct kmem_root_heap *)(uintptr_t)heap;
}

#endif

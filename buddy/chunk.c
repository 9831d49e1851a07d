// SPDX-License-Identifier: MIT
/* Buddies in chunks: see chunk.h. */
#include "buddy/chunk.h"

#include "buddy/report.h"

static const enum page_kind buddy_kind[BLOCK_STATES] = {PAGE_BUDDY_DIRTY, PAGE_BUDDY_CLEAN};

static bool is_buddy(const struct page *page)
{
	return page->kind == PAGE_BUDDY_DIRTY || page->kind == PAGE_BUDDY_CLEAN;
}

static enum block_state buddy_state(const struct page *page)
{
	return page->kind == PAGE_BUDDY_CLEAN ? BLOCK_CLEAN : BLOCK_DIRTY;
}

/* The least order of blocks with room for npages. */
static unsigned order_for(size_t npages)
{
	return npages > 1 ? 64 - (unsigned)__builtin_clzl(npages - 1) : 0;
}

/* The order of the largest block that begins at index and does not pass end. */
static unsigned order_at(uint32_t index, uint32_t end)
{
	unsigned aligned = (unsigned)__builtin_ctz(index | CHUNK_PAGES);
	unsigned most = 31 - (unsigned)__builtin_clz(end - index);

	return aligned < most ? aligned : most;
}

static void list_add(struct zone *zone, uint32_t index, unsigned order, enum block_state state,
		     uint32_t stamp)
{
	struct page *page = &zone->pages[index];

	page->kind = buddy_kind[state];
	page->length = 1u << order;
	page->stamp = stamp;
	block_list_link(&zone->buddies[state][order], zone->pages, index);
	zone->orders[state] |= 1u << order;
}

static void list_del(struct zone *zone, uint32_t index)
{
	struct page *page = &zone->pages[index];
	enum block_state state = buddy_state(page);
	struct block_list *list = &zone->buddies[state][__builtin_ctz(page->length)];

	block_list_unlink(list, zone->pages, index);
	if (list->head == LIST_END)
		zone->orders[state] &= ~page->length;
	page->kind = PAGE_NONE;
}

/* Pages of the chunk of index became free, or are so no longer. */
static void count_pages(struct zone *zone, uint32_t index, enum block_state state, int npages)
{
	uint8_t *chunk = chunk_count(zone, index);

	*chunk = (uint8_t)(*chunk + npages);
	zone_count(zone, state, (uint64_t)(int64_t)npages);
}

/* Enter [index, end) as blocks whose buddies are in use. */
static void add_rest(struct zone *zone, uint32_t index, uint32_t end, enum block_state state,
		     uint32_t stamp)
{
	for (uint32_t next; index < end; index = next) {
		unsigned order = order_at(index, end);

		list_add(zone, index, order, state, stamp);
		next = index + (1u << order);
	}
}

/* Take the first npages of the free block at index. */
static void cut(struct zone *zone, uint32_t index, uint32_t npages)
{
	const struct page *page = &zone->pages[index];
	enum block_state state = buddy_state(page);

	list_del(zone, index);
	add_rest(zone, index + npages, index + page->length, state, page->stamp);
	count_pages(zone, index, state, -(int)npages);
}

uint32_t chunk_take(struct zone *zone, size_t npages, size_t align_pages, enum block_state state)
{
	unsigned order = order_for(npages > align_pages ? npages : align_pages);
	uint32_t fits = zone->orders[state] >> order << order, index;

	if (!fits)
		return LIST_END;
	index = zone->buddies[state][__builtin_ctz(fits)].head;
	cut(zone, index, (uint32_t)npages);
	return index;
}

void chunk_open(struct zone *zone, uint32_t index, size_t npages, enum block_state state)
{
	uint32_t stamp = zone->pages[index].stamp;

	ASSERT(index % CHUNK_PAGES == 0 && !chunk_holds(zone, index));
	*chunk_count(zone, index) = CHUNK_FULL;
	add_rest(zone, index + (uint32_t)npages, index + CHUNK_PAGES, state, stamp);
	count_pages(zone, index, state, (int)(CHUNK_PAGES - npages));
}

/* A block becomes free, and one with its buddy as long as that is free too. */
static void merge(struct zone *zone, uint32_t index, unsigned order, enum block_state state,
		  uint32_t stamp)
{
	uint32_t most = 1u << order; /* the age of the whole is that of its largest part */

	for (; order < CHUNK_ORDER; order++) {
		uint32_t npages = 1u << order;
		const struct page *buddy = &zone->pages[index ^ npages];

		if (buddy->kind != buddy_kind[state] || buddy->length != npages)
			break;
		if (npages > most) {
			most = npages;
			stamp = buddy->stamp;
		}
		list_del(zone, index ^ npages);
		index &= ~npages;
	}
	list_add(zone, index, order, state, stamp);
}

/* The chunk from index on, all free, to the runs; its blocks of one state that touch are one there.
 */
static void close_chunk(struct zone *zone, uint32_t index)
{
	uint32_t end = index + CHUNK_PAGES;

	*chunk_count(zone, index) = 0;
	for (uint32_t next = index; index < end; index = next) {
		enum page_kind kind = zone->pages[index].kind;
		enum block_state state = buddy_state(&zone->pages[index]);
		uint32_t stamp = 0, most = 0;

		for (; next < end && zone->pages[next].kind == kind;
		     next += zone->pages[next].length) {
			if (zone->pages[next].length > most) {
				most = zone->pages[next].length;
				stamp = zone->pages[next].stamp;
			}
			list_del(zone, next);
		}
		zone_count(zone, state, 0 - (uint64_t)(next - index));
		zone_insert(zone, index, next - index, state, stamp);
	}
}

static bool is_whole(const struct zone *zone, uint32_t index)
{
	return *chunk_count(zone, index) == CHUNK_FULL + CHUNK_PAGES;
}

/* The chunk from index on has become all free: it is the spare one, if there is no other. */
static void settle(struct zone *zone, uint32_t index)
{
	if (zone->spare == LIST_END || !is_whole(zone, zone->spare))
		zone->spare = index;
	else if (zone->spare != index)
		close_chunk(zone, index);
}

void chunk_insert(struct zone *zone, uint32_t index, size_t npages, enum block_state state,
		  uint32_t stamp)
{
	uint32_t first = index & ~(CHUNK_PAGES - 1), end = index + (uint32_t)npages;

	if (npages == 0)
		return;
	ASSERT(end <= first + CHUNK_PAGES);
	zone->pages[index].kind = PAGE_NONE;
	count_pages(zone, index, state, (int)npages);
	for (uint32_t next; index < end; index = next) {
		unsigned order = order_at(index, end);

		next = index + (1u << order);
		merge(zone, index, order, state, stamp);
	}
	if (is_whole(zone, first))
		settle(zone, first);
}

bool chunk_return_spare(struct zone *zone)
{
	uint32_t index = zone->spare;
	bool whole = index != LIST_END && is_whole(zone, index);

	zone->spare = LIST_END;
	if (whole)
		close_chunk(zone, index);
	return whole;
}

bool chunk_claim(struct zone *zone, uint32_t index, size_t npages)
{
	uint32_t end = index + (uint32_t)npages;

	if (npages > (-index & (CHUNK_PAGES - 1)))
		return false;
	for (uint32_t i = index; i < end; i += zone->pages[i].length)
		if (!is_buddy(&zone->pages[i]))
			return false;
	for (uint32_t i = index, next; i < end; i = next) {
		next = i + zone->pages[i].length;
		cut(zone, i, next < end ? next - i : end - i);
	}
	return true;
}

void chunk_remove(struct zone *zone, uint32_t index, uint32_t npages)
{
	enum block_state state = buddy_state(&zone->pages[index]);

	for (uint32_t i = index; i < index + npages; i += zone->pages[i].length)
		list_del(zone, i);
	zone->pages[index].kind = PAGE_BUSY;
	count_pages(zone, index, state, -(int)npages);
}

// SPDX-License-Identifier: MIT
/* The runs of a zone: lists, cutting, merging. See zone.h. */
#include "buddy/zone.h"

#include "buddy/report.h"
#include "buddy/sys.h"

#include <errno.h>

#define LOOKS	   8u /* blocks of a list tried for one that fits, or that fits with others */
#define NEIGHBOURS 8u /* blocks on either side of one it is joined with */

_Static_assert(LEAF_CHUNKS *CHUNK_PAGES == LEAF_PAGES, "a byte for each chunk");
_Static_assert(ZONE_LISTS == (LEAF_SHIFT - PAGE_SHIFT - 3) * 8 + 8 + 1, "the last list is a GiB's");

static const enum page_kind state_kind[BLOCK_STATES] = {PAGE_DIRTY, PAGE_CLEAN};

void zone_init(struct zone *zone, void *base, size_t npages)
{
	struct leaf *leaf = pagemap_leaf(base);

	zone->pub.base = (uintptr_t)base;
	zone->pub.npages = npages;
	zone->pages = pagemap_page(base);
	zone->chunk = &leaf->chunk[LEAF_CHUNKS - 1 - (zone->pages - leaf->page) / CHUNK_PAGES];
	zone->spare = LIST_END;
	zone->node = -1;
	for (int state = 0; state < BLOCK_STATES; state++) {
		for (unsigned list = 0; list < ZONE_LISTS; list++)
			zone->lists[state][list] = BLOCK_LIST_EMPTY;
		for (unsigned order = 0; order <= CHUNK_ORDER; order++)
			zone->buddies[state][order] = BLOCK_LIST_EMPTY;
	}
}

static enum block_state block_state(const struct page *page)
{
	return page->kind == PAGE_CLEAN ? BLOCK_CLEAN : BLOCK_DIRTY;
}

static bool is_free(const struct page *page)
{
	return page->kind == PAGE_DIRTY || page->kind == PAGE_CLEAN;
}

static void list_add(struct zone *zone, uint32_t index, uint32_t npages, enum block_state state,
		     uint32_t stamp)
{
	unsigned list = zone_list(npages);
	struct page *first = &zone->pages[index], *last = first + npages - 1;

	last->kind = first->kind = state_kind[state];
	last->length = first->length = npages;
	first->stamp = stamp;
	block_list_link(&zone->lists[state][list], zone->pages, index);
	zone->mask[state][list / 64] |= 1ull << list % 64;
	zone_count(zone, state, npages);
}

static void list_del(struct zone *zone, uint32_t index)
{
	struct page *page = &zone->pages[index];
	enum block_state state = block_state(page);
	unsigned number = zone_list(page->length);
	struct block_list *list = &zone->lists[state][number];

	block_list_unlink(list, zone->pages, index);
	if (list->head == LIST_END)
		zone->mask[state][number / 64] &= ~(1ull << number % 64);
	zone_count(zone, state, 0 - (uint64_t)page->length);
	page[page->length - 1].kind = page->kind = PAGE_NONE;
}

void zone_remove(struct zone *zone, uint32_t index)
{
	list_del(zone, index);
	zone->pages[index].kind = PAGE_BUSY;
}

/* The block at index has its end elsewhere now, and the stamp if it is in another list. */
static void list_resize(struct zone *zone, uint32_t index, uint32_t npages, uint32_t stamp)
{
	struct page *first = &zone->pages[index];
	enum block_state state = block_state(first);
	uint32_t old = first->length;

	if (zone_list(old) != zone_list(npages)) {
		list_del(zone, index);
		list_add(zone, index, npages, state, stamp);
		return;
	}
	first[old - 1].kind = PAGE_NONE;
	first[npages - 1].kind = first->kind = state_kind[state];
	first[npages - 1].length = first->length = npages;
	zone_count(zone, state, (uint64_t)npages - old);
}

/* The block at index begins npages further up now, in the same list. */
static void list_shift(struct zone *zone, uint32_t index, uint32_t npages)
{
	struct page *page = &zone->pages[index], *to = page + npages;
	enum block_state state = block_state(page);
	struct block_list *list = &zone->lists[state][zone_list(page->length)];
	uint32_t rest = page->length - npages;

	*to = *page;
	to[rest - 1].length = to->length = rest;
	page->kind = PAGE_NONE;
	if (to->prev == LIST_END)
		list->head = index + npages;
	else
		zone->pages[to->prev].next = index + npages;
	if (to->next == LIST_END)
		list->tail = index + npages;
	else
		zone->pages[to->next].prev = index + npages;
	zone_count(zone, state, 0 - (uint64_t)npages);
}

void zone_insert(struct zone *zone, uint32_t index, size_t npages, enum block_state state,
		 uint32_t stamp)
{
	uint32_t end = index + (uint32_t)npages, most = (uint32_t)npages;

	if (npages == 0)
		return;
	zone->pages[index].kind = PAGE_NONE;
	if (end < zone->pub.committed && zone->pages[end].kind == state_kind[state]) {
		const struct page *next = &zone->pages[end];

		/* The age of the whole is that of its largest part. */
		if (next->length > most) {
			most = next->length;
			stamp = next->stamp;
		}
		list_del(zone, end);
		end += next->length;
	}
	if (index > 0 && zone->pages[index - 1].kind == state_kind[state]) {
		index -= zone->pages[index - 1].length;
		if (zone->pages[index].length > most)
			stamp = zone->pages[index].stamp;
		list_resize(zone, index, end - index, stamp);
		return;
	}
	list_add(zone, index, end - index, state, stamp);
}

int zone_grow(struct zone *zone, uint64_t npages)
{
	uint64_t top = zone->pub.committed;
	uint64_t step = top / 8 < GROW_MIN ? GROW_MIN : top / 8 > GROW_MAX ? GROW_MAX : top / 8;
	uint64_t granule = sys_page_size() >> PAGE_SHIFT;
	uint64_t need = (npages + granule - 1) & ~(granule - 1);
	uint64_t goal = (top + step + granule - 1) & ~(granule - 1);

	if (need > zone->pub.npages)
		return -ENOSPC;
	if (goal < need)
		goal = need;
	if (goal > zone->pub.npages)
		goal = zone->pub.npages;
	/* Where so much is refused, a limit is near: what is needed, then. */
	for (;; goal = need) {
		void *start = zone_address(zone, (uint32_t)top);

		if (pagemap_commit(start, goal - top) == 0 &&
		    sys_commit(start, (goal - top) << PAGE_SHIFT) == 0)
			break;
		if (goal <= need)
			return -ENOMEM;
	}
	sys_core_show(zone_address(zone, (uint32_t)top), (goal - top) << PAGE_SHIFT);
	__atomic_store_n(&zone->pub.committed, goal, __ATOMIC_RELAXED);
	zone_insert(zone, (uint32_t)top, goal - top, BLOCK_CLEAN, 0);
	return 0;
}

/* The first list from number on that is not empty; ZONE_LISTS: none. */
static unsigned list_from(const struct zone *zone, enum block_state state, unsigned number)
{
	unsigned word = number / 64;
	uint64_t bits = zone->mask[state][word] & ~0ull << number % 64;

	while (!bits) {
		if (++word == ZONE_WORDS)
			return ZONE_LISTS;
		bits = zone->mask[state][word];
	}
	return word * 64 + (unsigned)__builtin_ctzll(bits);
}

/* The last list below number that is not empty; ZONE_LISTS: none. */
static unsigned list_below(const struct zone *zone, enum block_state state, unsigned number)
{
	while (number > 0) {
		unsigned word = (number - 1) / 64;
		uint64_t bits = zone->mask[state][word] & ~0ull >> (63 - (number - 1) % 64);

		if (bits)
			return word * 64 + 63 - (unsigned)__builtin_clzll(bits);
		number = word * 64;
	}
	return ZONE_LISTS;
}

/* Take [start, end) out of the free blocks from index on, the first of which holds start. */
static void cut(struct zone *zone, uint32_t index, uint32_t start, uint32_t end)
{
	for (uint32_t next; index < end; index = next) {
		struct page *page = &zone->pages[index];
		enum block_state state = block_state(page);

		next = index + page->length;
		if (index == start && next > end &&
		    zone_list(next - end) == zone_list(page->length)) {
			list_shift(zone, index, end - index);
			return;
		}
		list_del(zone, index);
		if (index < start) {
			page[start - index].stamp = page->stamp; /* for chunk_open */
			list_add(zone, index, start - index, state, page->stamp);
		}
		if (next > end)
			list_add(zone, end, next - end, state, page->stamp);
	}
}

/* The first page in the block from index on at which npages begin aligned, or LIST_END. */
static uint32_t fit(const struct zone *zone, uint32_t index, size_t npages, size_t align_pages)
{
	uint64_t first = (zone->pub.base >> PAGE_SHIFT) + index;
	uint64_t skip = -first & (align_pages - 1);

	return skip + npages <= zone->pages[index].length ? index + (uint32_t)skip : LIST_END;
}

uint32_t zone_take(struct zone *zone, size_t npages, size_t align_pages, enum block_state state)
{
	unsigned list = list_from(zone, state, zone_list(npages));

	for (; list < ZONE_LISTS; list = list_from(zone, state, list + 1)) {
		uint32_t index = zone->lists[state][list].head;

		for (unsigned n = 0; index != LIST_END && n < LOOKS; n++) {
			uint32_t start = fit(zone, index, npages, align_pages);

			if (start != LIST_END) {
				cut(zone, index, start, start + (uint32_t)npages);
				return start;
			}
			index = zone->pages[index].next;
		}
	}
	return LIST_END;
}

/* The free pages from the block at index on, until there are enough or its patience ends. */
static uint32_t free_after(const struct zone *zone, uint32_t index, size_t enough)
{
	uint32_t end = index;

	for (unsigned n = 0; n <= NEIGHBOURS && end - index < enough; n++) {
		if (end >= zone->pub.committed || !is_free(&zone->pages[end]))
			break;
		end += zone->pages[end].length;
	}
	return end;
}

/* The same from end downward: the first of them. */
static uint32_t free_before(const struct zone *zone, uint32_t end, size_t enough)
{
	uint32_t index = end;

	for (unsigned n = 0; n <= NEIGHBOURS && end - index < enough; n++) {
		if (index == 0 || !is_free(&zone->pages[index - 1]))
			break;
		index -= zone->pages[index - 1].length;
	}
	return index;
}

/* Take npages from a block and its neighbours, behind it first. */
static uint32_t take_around(struct zone *zone, uint32_t block, size_t npages)
{
	uint32_t end = free_after(zone, block, npages), first = block, start = block;

	if (end - block < npages) {
		first = free_before(zone, block, npages - (end - block));
		if (end - first < npages)
			return LIST_END;
		start = end - (uint32_t)npages;
	}
	cut(zone, first, start, start + (uint32_t)npages);
	return start;
}

uint32_t zone_take_joined(struct zone *zone, size_t npages, enum block_state state)
{
	unsigned list = list_below(zone, state, ZONE_LISTS), looks = 0;

	for (; list < ZONE_LISTS; list = list_below(zone, state, list)) {
		uint32_t index = zone->lists[state][list].head, taken;

		for (; index != LIST_END; index = zone->pages[index].next) {
			if (++looks > LOOKS)
				return LIST_END;
			taken = take_around(zone, index, npages);
			if (taken != LIST_END)
				return taken;
		}
	}
	return LIST_END;
}

uint32_t zone_top(const struct zone *zone)
{
	return free_before(zone, (uint32_t)zone->pub.committed, SIZE_MAX);
}

uint32_t zone_top_clean(const struct zone *zone)
{
	uint32_t top = (uint32_t)zone->pub.committed;
	bool clean = top > 0 && zone->pages[top - 1].kind == PAGE_CLEAN;

	return clean ? top - zone->pages[top - 1].length : top;
}

void zone_take_top(struct zone *zone, uint32_t index, size_t npages)
{
	uint32_t first = (uint32_t)zone->pub.committed;

	while (first > index)
		first -= zone->pages[first - 1].length;
	cut(zone, first, index, index + (uint32_t)npages);
}

bool zone_claim(struct zone *zone, uint32_t index, size_t npages)
{
	uint64_t end = index + (uint64_t)npages;

	for (uint32_t i = index; i < end; i += zone->pages[i].length)
		if (i >= zone->pub.committed || !is_free(&zone->pages[i]))
			return false;
	cut(zone, index, index, (uint32_t)end);
	return true;
}

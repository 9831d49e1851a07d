// SPDX-License-Identifier: MIT
/* Blocks within one zone: lists, split, merge. See zone.h. */
#include "buddy/zone.h"

#include "buddy/report.h"
#include "buddy/sys.h"

#include <errno.h>

#define GROW_MIN 64u   /* pages to commit at a time: 256 KiB … */
#define GROW_MAX 4096u /* … to 16 MiB, an eighth of what is committed */

static const enum page_kind state_kind[BLOCK_STATES] = {PAGE_DIRTY, PAGE_CLEAN};

void zone_init(struct zone *zone, void *base, size_t npages)
{
	*zone = (struct zone){.pub = {.base = (uintptr_t)base, .npages = npages},
			      .pages = pagemap_page(base)};
	for (int state = 0; state < BLOCK_STATES; state++)
		for (int order = 0; order <= ZONE_ORDER_MAX; order++)
			zone->lists[state][order] = (struct block_list){LIST_END, LIST_END};
}

static enum block_state block_state(const struct page *page)
{
	return page->kind == PAGE_CLEAN ? BLOCK_CLEAN : BLOCK_DIRTY;
}

static bool is_free(const struct page *page)
{
	return page->kind == PAGE_DIRTY || page->kind == PAGE_CLEAN;
}

static uint64_t *state_pages(struct zone *zone, enum block_state state)
{
	return state == BLOCK_CLEAN ? &zone->pub.clean : &zone->pub.dirty;
}

static void count_pages(struct zone *zone, enum block_state state, uint64_t add)
{
	uint64_t *count = state_pages(zone, state);

	__atomic_store_n(count, *count + add, __ATOMIC_RELAXED);
}

static void list_add(struct zone *zone, uint32_t index, unsigned order, enum block_state state,
		     uint32_t stamp)
{
	struct block_list *list = &zone->lists[state][order];
	struct page *page = &zone->pages[index];

	page->kind = (uint8_t)state_kind[state];
	page->order = (uint8_t)order;
	page->stamp = stamp;
	page->prev = LIST_END;
	page->next = list->head;
	if (list->head == LIST_END)
		list->tail = index;
	else
		zone->pages[list->head].prev = index;
	list->head = index;
	zone->mask[state] |= 1u << order;
	count_pages(zone, state, 1ull << order);
}

static void list_del(struct zone *zone, uint32_t index, enum page_kind kind)
{
	struct page *page = &zone->pages[index];
	enum block_state state = block_state(page);
	struct block_list *list = &zone->lists[state][page->order];

	if (page->prev == LIST_END)
		list->head = page->next;
	else
		zone->pages[page->prev].next = page->next;
	if (page->next == LIST_END)
		list->tail = page->prev;
	else
		zone->pages[page->next].prev = page->prev;
	if (list->head == LIST_END)
		zone->mask[state] &= ~(1u << page->order);
	count_pages(zone, state, 0 - (1ull << page->order));
	page->kind = (uint8_t)kind;
}

void zone_remove(struct zone *zone, uint32_t index)
{
	list_del(zone, index, PAGE_BUSY);
}

/* Add one aligned block, merging it with its buddies for as long as they match. */
static void insert_block(struct zone *zone, uint32_t index, unsigned order, enum block_state state,
			 uint32_t stamp)
{
	for (; order < ZONE_ORDER_MAX; order++) {
		uint32_t buddy = index ^ (1u << order);

		if (buddy + (1u << order) > zone->pub.committed ||
		    zone->pages[buddy].kind != state_kind[state] ||
		    zone->pages[buddy].order != order)
			break;
		list_del(zone, buddy, PAGE_NONE);
		index &= ~(1u << order);
	}
	list_add(zone, index, order, state, stamp);
}

void zone_insert(struct zone *zone, uint32_t index, size_t npages, enum block_state state,
		 uint32_t stamp)
{
	if (npages > 0)
		zone->pages[index].kind = PAGE_NONE;
	while (npages > 0) {
		unsigned fit = 63 - (unsigned)__builtin_clzl(npages);
		unsigned align = index ? (unsigned)__builtin_ctz(index) : ZONE_ORDER_MAX;
		unsigned order = fit < align ? fit : align;

		insert_block(zone, index, order, state, stamp);
		index += 1u << order;
		npages -= (size_t)1 << order;
	}
}

int zone_grow(struct zone *zone, unsigned order)
{
	uint64_t top = zone->pub.committed;
	uint64_t need = ((top + (1ull << order) - 1) & ~((1ull << order) - 1)) + (1ull << order);
	uint64_t step = top / 8 < GROW_MIN ? GROW_MIN : top / 8 > GROW_MAX ? GROW_MAX : top / 8;
	uint64_t granule = sys_page_size() >> PAGE_SHIFT;
	uint64_t goal = need > top + step ? need : (top + step + granule - 1) & ~(granule - 1);

	need = (need + granule - 1) & ~(granule - 1);
	if (need > zone->pub.npages)
		return -ENOSPC;
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

uint32_t zone_take(struct zone *zone, unsigned order, enum block_state state)
{
	uint32_t orders = zone->mask[state] >> order << order;
	unsigned found;
	uint32_t index, stamp;

	if (!orders)
		return LIST_END;
	found = (unsigned)__builtin_ctz(orders);
	index = zone->lists[state][found].head;
	stamp = zone->pages[index].stamp;
	list_del(zone, index, PAGE_NONE);
	while (found > order) {
		found--;
		list_add(zone, index + (1u << found), found, state, stamp);
	}
	return index;
}

void zone_coalesce(struct zone *zone)
{
	/* Upward, as a merged block belongs to the next order. */
	for (unsigned order = 0; order < ZONE_ORDER_MAX; order++) {
		uint32_t index = zone->lists[BLOCK_DIRTY][order].head, next;

		for (; index != LIST_END; index = next) {
			uint32_t buddy = index ^ (1u << order);
			uint32_t stamp = zone->pages[index].stamp;

			next = zone->pages[index].next;
			if (buddy + (1u << order) > zone->pub.committed ||
			    zone->pages[buddy].kind != PAGE_CLEAN ||
			    zone->pages[buddy].order != order)
				continue;
			list_del(zone, index, PAGE_NONE);
			list_del(zone, buddy, PAGE_NONE);
			insert_block(zone, index & ~(1u << order), order + 1, BLOCK_DIRTY, stamp);
		}
	}
}

/* The free block that begins at index, or NULL: one that ends the claim's patience. */
static const struct page *claim_next(const struct zone *zone, uint32_t index)
{
	const struct page *page = &zone->pages[index];

	return index < zone->pub.committed && is_free(page) ? page : NULL;
}

bool zone_claim(struct zone *zone, uint32_t index, size_t npages)
{
	uint32_t end = index + (uint32_t)npages;
	const struct page *page;

	if (npages > zone->pub.npages - index)
		return false;
	for (uint32_t i = index; i < end; i += 1u << page->order) {
		page = claim_next(zone, i);
		if (!page)
			return false;
	}
	for (uint32_t i = index; i < end;) {
		struct page *head = &zone->pages[i];
		enum block_state state = block_state(head);
		uint32_t block_end = i + (1u << head->order);

		list_del(zone, i, PAGE_NONE);
		if (block_end > end)
			zone_insert(zone, end, block_end - end, state, head->stamp);
		i = block_end;
	}
	return true;
}

static const char *check_list(const struct zone *zone, enum block_state state, unsigned order,
			      uint64_t *npages)
{
	uint32_t prev = LIST_END;

	for (uint32_t i = zone->lists[state][order].head; i != LIST_END; i = zone->pages[i].next) {
		const struct page *page = &zone->pages[i];
		uint32_t buddy = i ^ (1u << order);

		if (i + (1u << order) > zone->pub.committed || i & ((1u << order) - 1))
			return "Z1: a free block lies outside or askew";
		if (page->kind != state_kind[state] || page->order != order || page->prev != prev)
			return "Z1: a free block's descriptor disagrees with its list";
		if (order < ZONE_ORDER_MAX && buddy + (1u << order) <= zone->pub.committed &&
		    zone->pages[buddy].kind == page->kind && zone->pages[buddy].order == order)
			return "Z2: two free buddies are apart";
		for (uint32_t k = 1; k < 1u << order; k++)
			if (zone->pages[i + k].kind != PAGE_NONE)
				return "Z1: a page inside a free block has a kind";
		*npages += 1ull << order;
		prev = i;
	}
	return zone->lists[state][order].tail == prev ? NULL : "Z1: a list's tail is wrong";
}

const char *zone_check(const struct zone *zone)
{
	for (unsigned state = 0; state < BLOCK_STATES; state++) {
		uint64_t npages = 0;

		for (unsigned order = 0; order <= ZONE_ORDER_MAX; order++) {
			const char *wrong = check_list(zone, state, order, &npages);

			if (wrong)
				return wrong;
			if ((zone->lists[state][order].head != LIST_END) !=
			    (zone->mask[state] >> order & 1))
				return "Z3: a mask bit is wrong";
		}
		if (npages != (state == BLOCK_CLEAN ? zone->pub.clean : zone->pub.dirty))
			return "Z4: the count of free pages is wrong";
	}
	return NULL;
}

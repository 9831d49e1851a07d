// SPDX-License-Identifier: MIT
/* The invariants of a zone, as zone.h has them, looked for on both levels. */
#include "buddy/chunk.h"

static const enum page_kind run_kind[BLOCK_STATES] = {PAGE_DIRTY, PAGE_CLEAN};
static const enum page_kind buddy_kind[BLOCK_STATES] = {PAGE_BUDDY_DIRTY, PAGE_BUDDY_CLEAN};

static const char *check_run(const struct zone *zone, enum block_state state, unsigned list,
			     uint32_t index)
{
	const struct page *first = &zone->pages[index];
	uint32_t npages = first->length, end = index + npages;

	if (npages == 0 || end > zone->pub.committed)
		return "Z1: a free run lies outside";
	if (first->kind != run_kind[state] || zone_list(npages) != list)
		return "Z1: a free run's descriptor disagrees with its list";
	if (first[npages - 1].kind != first->kind || first[npages - 1].length != npages)
		return "Z1: a free run's descriptors disagree";
	for (uint32_t i = 1; i + 1 < npages; i++)
		if (first[i].kind != PAGE_NONE)
			return "Z1: a page inside a free run has a kind";
	for (uint32_t i = 0; i < npages; i++)
		if (chunk_holds(zone, index + i))
			return "Z8: a free run has a page in a chunk";
	if (end < zone->pub.committed && zone->pages[end].kind == first->kind)
		return "Z2: two free runs touch";
	if (index > 0 && zone->pages[index - 1].kind == first->kind)
		return "Z2: two free runs touch";
	return NULL;
}

static const char *check_runs(const struct zone *zone, enum block_state state, unsigned list,
			      uint64_t *npages)
{
	uint32_t prev = LIST_END;

	for (uint32_t i = zone->lists[state][list].head; i != LIST_END; i = zone->pages[i].next) {
		const char *wrong = check_run(zone, state, list, i);

		if (wrong)
			return wrong;
		if (zone->pages[i].prev != prev)
			return "Z1: a free run's links disagree";
		*npages += zone->pages[i].length;
		prev = i;
	}
	if ((zone->lists[state][list].head != LIST_END) !=
	    (zone->mask[state][list / 64] >> list % 64 & 1))
		return "Z3: a mask bit is wrong";
	return zone->lists[state][list].tail == prev ? NULL : "Z1: a list's tail is wrong";
}

static const char *check_buddy(const struct zone *zone, enum block_state state, unsigned order,
			       uint32_t index)
{
	uint32_t npages = 1u << order;
	const struct page *first = &zone->pages[index], *buddy = &zone->pages[index ^ npages];

	if (index % npages || index + npages > zone->pub.committed || !chunk_holds(zone, index))
		return "Z5: a free block of a chunk lies outside";
	if (first->kind != buddy_kind[state] || first->length != npages)
		return "Z5: a descriptor disagrees with its order";
	for (uint32_t i = 1; i < npages; i++)
		if (first[i].kind != PAGE_NONE)
			return "Z5: a page inside a free block has a kind";
	if (order < CHUNK_ORDER && buddy->kind == first->kind && buddy->length == npages)
		return "Z6: a block and its buddy are free";
	return NULL;
}

static const char *check_order(const struct zone *zone, enum block_state state, unsigned order,
			       uint64_t *npages)
{
	const struct block_list *list = &zone->buddies[state][order];
	uint32_t prev = LIST_END;

	for (uint32_t i = list->head; i != LIST_END; i = zone->pages[i].next) {
		const char *wrong = check_buddy(zone, state, order, i);

		if (wrong)
			return wrong;
		if (zone->pages[i].prev != prev)
			return "Z5: a free block's links disagree";
		*npages += 1u << order;
		prev = i;
	}
	if ((list->head != LIST_END) != (zone->orders[state] >> order & 1))
		return "Z3: an order's bit is wrong";
	return list->tail == prev ? NULL : "Z5: a list's tail is wrong";
}

/* The free pages of the chunk at index. */
static const char *check_chunk(const struct zone *zone, uint32_t index)
{
	uint32_t nfree = 0;

	for (uint32_t i = 0; i < CHUNK_PAGES; i++) {
		const struct page *page = &zone->pages[index + i];

		if (page->kind == PAGE_BUDDY_DIRTY || page->kind == PAGE_BUDDY_CLEAN)
			nfree += page->length;
	}
	if (*chunk_count(zone, index) != CHUNK_FULL + nfree)
		return "Z7: a chunk's count is wrong";
	if (nfree == CHUNK_PAGES && index != zone->spare)
		return "Z7: a chunk is all free";
	return NULL;
}

static const char *check_chunks(const struct zone *zone)
{
	for (uint32_t i = 0; i + CHUNK_PAGES <= zone->pub.committed; i += CHUNK_PAGES) {
		const char *wrong = chunk_holds(zone, i) ? check_chunk(zone, i) : NULL;

		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *check_state(const struct zone *zone, enum block_state state)
{
	const char *wrong = NULL;
	uint64_t npages = 0;

	for (unsigned list = 0; list < ZONE_LISTS && !wrong; list++)
		wrong = check_runs(zone, state, list, &npages);
	for (unsigned order = 0; order <= CHUNK_ORDER && !wrong; order++)
		wrong = check_order(zone, state, order, &npages);
	if (wrong)
		return wrong;
	if (npages != (state == BLOCK_CLEAN ? zone->pub.clean : zone->pub.dirty))
		return "Z4: the count of free pages is wrong";
	return NULL;
}

const char *zone_check(const struct zone *zone)
{
	const char *wrong = NULL;

	for (unsigned state = 0; state < BLOCK_STATES && !wrong; state++)
		wrong = check_state(zone, state);
	return wrong ? wrong : check_chunks(zone);
}

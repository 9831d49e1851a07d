// SPDX-License-Identifier: MIT
/* Runs of pages: see run.h. */
#include "buddy/run.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "buddy/settings.h"
#include "buddy/sys.h"

#include <string.h>

#define MOVE_LEAST ((size_t)1 << 20)  /* less is copied: a mapping costs several system calls */
#define HUGE_PART  ((size_t)32 << 20) /* no huge pages for less */

static void count_mapped(size_t add)
{
	__atomic_fetch_add(&root_record.mapped_bytes, add, __ATOMIC_RELAXED);
}

/* Make room for the descriptor of a mapping's first page. 0 or -errno. */
static int map_prepare(void *base)
{
	int err = pagemap_cover(base);

	return err ? err : pagemap_commit(base, 1);
}

/* Describe a prepared mapping in the page map. */
static void map_enter(void *base, size_t npages, enum page_kind kind)
{
	struct page *page = pagemap_page(base);

	page->npages = (uint32_t)npages;
	page->kind = (uint8_t)kind;
	page->mapped = 1;
	pagemap_tag(base, ID_PAGES);
	count_mapped(npages << PAGE_SHIFT);
}

static void map_leave(void *base, size_t npages)
{
	pagemap_page(base)->kind = PAGE_NONE;
	pagemap_tag(base, ID_NONE);
	count_mapped(0 - (npages << PAGE_SHIFT));
}

static size_t map_bytes(size_t npages)
{
	return sys_page_up(npages << PAGE_SHIFT);
}

static void *map_alloc(size_t npages, size_t align_pages, enum page_kind kind)
{
	size_t nbytes = map_bytes(npages);
	void *base = npages > UINT32_MAX ? NULL : sys_map(nbytes, align_pages << PAGE_SHIFT);

	if (!base)
		return NULL;
	if (map_prepare(base) < 0) {
		sys_unmap(base, nbytes);
		return NULL;
	}
	map_enter(base, npages, kind);
	if (settings.thp == THP_ALWAYS && nbytes >= HUGE_PART)
		sys_advise_huge(base, nbytes, SYS_THP_ALWAYS);
	else if (settings.thp == THP_NEVER)
		sys_advise_huge(base, nbytes, SYS_THP_NEVER);
	return base;
}

void *run_alloc(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed)
{
	size_t most = npages > align_pages ? npages : align_pages;
	void *base = NULL;

	if (most <= RUN_ZONE_MAX >> PAGE_SHIFT)
		base = buddy_alloc(npages, align_pages, kind, zeroed);
	if (base) {
		pagemap_tag(base, ID_PAGES);
		return base;
	}
	*zeroed = true;
	return map_alloc(npages, align_pages, kind);
}

struct page *run_find(const void *addr, enum page_kind kind)
{
	struct page *page;

	if ((uintptr_t)addr & (PAGE_BYTES - 1) || pagemap_id(addr) != ID_PAGES)
		return NULL;
	page = pagemap_page(addr);
	return page->kind == kind ? page : NULL;
}

void run_free(void *base)
{
	struct page *page = pagemap_page(base);
	size_t npages = page->npages;

	if (page->mapped) {
		map_leave(base, npages);
		sys_unmap(base, map_bytes(npages));
		return;
	}
	pagemap_tag(base, ID_NONE);
	buddy_free(base, npages);
}

/* Its pages to a new place, the descriptor of which is ready before they come. */
static void *map_move(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	void *to = sys_reserve(map_bytes(npages), sys_page_size());

	if (!to)
		return NULL;
	if (map_prepare(to) < 0) {
		sys_unmap(to, map_bytes(npages));
		return NULL;
	}
	/* Out of the map first: the old address may be somebody else's at once. */
	map_leave(base, old_npages);
	if (sys_remap_to(base, map_bytes(old_npages), map_bytes(npages), to) < 0) {
		map_enter(base, old_npages, kind);
		return NULL;
	}
	map_enter(to, npages, kind);
	return to;
}

static void *map_resize_to(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	if (npages > UINT32_MAX)
		return NULL;
	if (map_bytes(npages) != map_bytes(old_npages) &&
	    sys_remap(base, map_bytes(old_npages), map_bytes(npages)) < 0)
		return map_move(base, old_npages, npages, kind);
	pagemap_page(base)->npages = (uint32_t)npages;
	count_mapped((npages - old_npages) << PAGE_SHIFT);
	return base;
}

/* What grows will grow again: addresses for an eighth more, which costs no memory until used. */
static void *map_resize(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	void *resized = NULL;

	if (npages > old_npages)
		resized = map_resize_to(base, old_npages, npages + npages / 8, kind);
	return resized ? resized : map_resize_to(base, old_npages, npages, kind);
}

/* Pages of a zone to a mapping of their own; the zone keeps the range, now zeros. */
static void *run_move(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	size_t nbytes = old_npages << PAGE_SHIFT;
	bool whole = nbytes == map_bytes(old_npages);
	void *moved = whole && nbytes >= MOVE_LEAST ? sys_move(base, nbytes) : NULL;
	void *grown = NULL;

	if (!moved)
		return NULL;
	if (map_prepare(moved) == 0) {
		map_enter(moved, old_npages, kind);
		grown = map_resize(moved, old_npages, npages, kind);
		if (!grown)
			map_leave(moved, old_npages);
	}
	if (!grown) {
		memcpy(base, moved, nbytes);
		sys_unmap(moved, nbytes);
		return NULL;
	}
	pagemap_tag(base, ID_NONE);
	buddy_free(base, old_npages);
	return grown;
}

static void *zone_resize(void *base, struct page *page, size_t npages)
{
	size_t old = page->npages;

	pagemap_tag(base, ID_PAGES);

	if (npages < old) {
		page->npages = (uint32_t)npages;
		buddy_free((char *)base + (npages << PAGE_SHIFT), old - npages);
		return base;
	}
	if (npages > old && !buddy_extend(base, old, npages - old))
		return run_move(base, old, npages, page->kind);
	page->npages = (uint32_t)npages;
	return base;
}

void *run_resize(void *base, size_t npages)
{
	struct page *page = pagemap_page(base);

	if (page->mapped)
		return map_resize(base, page->npages, npages, page->kind);
	return zone_resize(base, page, npages);
}

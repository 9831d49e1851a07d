// SPDX-License-Identifier: MIT
/* Runs of pages: see run.h. */
#include "buddy/run.h"

#include "buddy/buddy.h"
#include "buddy/limit.h"
#include "buddy/root.h"
#include "buddy/settings.h"
#include "buddy/sys.h"

#include <string.h>

#define MOVE_LEAST ((size_t)1 << 20)  /* less is copied: a mapping costs several system calls */
#define HUGE_PART  ((size_t)32 << 20) /* no huge pages for less */

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
}

static void map_leave(void *base)
{
	pagemap_page(base)->kind = PAGE_NONE;
	pagemap_tag(base, ID_NONE);
}

static size_t map_bytes(size_t npages)
{
	return sys_page_up(npages << PAGE_SHIFT);
}

/* A page of descriptors and one of ids may come to be touched for a mapping. */
#define MAP_TABLES (2 * sys_page_size())

/*
 * Of what mapped_bytes and limit_tables count, that for which a thread's call may be under way:
 * the child of a fork has no such thread, and nobody who would use or unmap it.
 */
static struct {
	uint64_t nbytes, tables;
} in_flight; /* guarded by the page lock */

static void count_locked(uint64_t nbytes, uint64_t tables)
{
	__atomic_fetch_add(&root_record.mapped_bytes, nbytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&limit_tables, tables, __ATOMIC_RELAXED);
}

static void fly_locked(uint64_t nbytes, uint64_t tables)
{
	in_flight.nbytes += nbytes;
	in_flight.tables += tables;
}

/* Count what a call is to bring, if there is room. */
static bool count_begin(size_t nbytes, size_t tables)
{
	bool fits;

	lock_take(&buddy_lock, LOCK_PAGES);
	fits = limit_fits_locked(nbytes + tables);
	if (fits) {
		count_locked(nbytes, tables);
		fly_locked(nbytes, tables);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
	return fits;
}

/* A call is to take away what is counted. */
static void uncount_begin(size_t nbytes, size_t tables)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	fly_locked(nbytes, tables);
	lock_release(&buddy_lock, LOCK_PAGES);
}

/* The call was made, and left this, or not. */
static void count_end(size_t nbytes, size_t tables, bool there)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	fly_locked(0 - (uint64_t)nbytes, 0 - (uint64_t)tables);
	if (!there)
		count_locked(0 - (uint64_t)nbytes, 0 - (uint64_t)tables);
	lock_release(&buddy_lock, LOCK_PAGES);
}

void runs_after_fork(void)
{
	count_locked(0 - in_flight.nbytes, 0 - in_flight.tables);
	in_flight.nbytes = in_flight.tables = 0;
}

/* A mapping with a descriptor, counted. */
static void *map_new(size_t nbytes, size_t align)
{
	void *base;

	if (!count_begin(nbytes, MAP_TABLES))
		return NULL;
	base = sys_map(nbytes, align);
	if (base && map_prepare(base) < 0) {
		sys_unmap(base, nbytes);
		base = NULL;
	}
	count_end(nbytes, MAP_TABLES, base);
	return base;
}

static void *map_alloc(unsigned place, size_t npages, size_t align_pages, enum page_kind kind)
{
	size_t nbytes = map_bytes(npages);
	void *base = npages > UINT32_MAX ? NULL : map_new(nbytes, align_pages << PAGE_SHIFT);

	if (!base)
		return NULL;
	map_enter(base, npages, kind);
	place_bind(place, base, nbytes);
	if (settings.thp == THP_ALWAYS && nbytes >= HUGE_PART)
		sys_advise_huge(base, nbytes, SYS_THP_ALWAYS);
	else if (settings.thp == THP_NEVER)
		sys_advise_huge(base, nbytes, SYS_THP_NEVER);
	return base;
}

static void *run_alloc_here(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed)
{
	size_t most = npages > align_pages ? npages : align_pages;
	void *base = NULL;

	limit_forget();
	if (most <= RUN_ZONE_MAX >> PAGE_SHIFT)
		base = buddy_alloc(npages, align_pages, kind, zeroed);
	if (base) {
		pagemap_tag(base, ID_PAGES);
		return base;
	}
	/* What a limit refuses in zones is not to be had as mappings, which cost calls. */
	if (limit_has_refused())
		return NULL;
	*zeroed = true;
	return map_alloc(0, npages, align_pages, kind);
}

void *run_alloc(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed)
{
	if (places_several())
		return run_alloc_by(place_by((struct place_policy){0}), npages, align_pages, kind,
				    zeroed);
	return run_alloc_here(npages, align_pages, kind, zeroed);
}

/* Nobody but who asks will touch it: of another node only if it can be bound. */
static bool may_map(const struct place_walk *walk)
{
	return !walk->only || walk->place >= PLACE_POLICIES || walk->place == place_here();
}

void *run_alloc_by(struct place_walk walk, size_t npages, size_t align_pages, enum page_kind kind,
		   bool *zeroed)
{
	size_t most = npages > align_pages ? npages : align_pages;
	struct place_walk at = walk;
	void *base = NULL;

	limit_forget();
	if (most <= RUN_ZONE_MAX >> PAGE_SHIFT)
		do
			base = buddy_alloc_at(&at, npages, align_pages, kind, zeroed);
		while (!base && place_walk_next(&at));
	if (base) {
		pagemap_tag(base, ID_PAGES);
		return base;
	}
	if (limit_has_refused() || !may_map(&walk) ||
	    (walk.only && !place_has_room(walk.place, npages << PAGE_SHIFT)))
		return NULL;
	*zeroed = true;
	return map_alloc(walk.place, npages, align_pages, kind);
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
		map_leave(base);
		uncount_begin(map_bytes(npages), MAP_TABLES);
		sys_unmap(base, map_bytes(npages));
		count_end(map_bytes(npages), MAP_TABLES, false);
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
	map_leave(base);
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
	return base;
}

/* The same, counted: what it grows by before, what it shrinks by after. */
static void *map_resize_counted(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	size_t old = map_bytes(old_npages), nbytes = map_bytes(npages);
	size_t more = nbytes > old ? nbytes - old : 0, less = old > nbytes ? old - nbytes : 0;
	void *resized;

	if (more && !count_begin(more, 0))
		return NULL;
	if (less)
		uncount_begin(less, 0);
	resized = map_resize_to(base, old_npages, npages, kind);
	if (more || less)
		count_end(more + less, 0, !resized == !more);
	return resized;
}

/* What grows will grow again: addresses for an eighth more, which costs no memory until used. */
static void *map_resize(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	void *resized = NULL;

	/* It may bear the id of a bin, whose blocks are longer, or shorter, than it will be. */
	pagemap_tag(base, ID_PAGES);
	if (npages > old_npages)
		resized = map_resize_counted(base, old_npages, npages + npages / 8, kind);
	return resized ? resized : map_resize_counted(base, old_npages, npages, kind);
}

/*
 * The pages of a run are in a mapping now, and no longer where the zone counts them; less
 * than none are so again.
 */
static void count_moved(size_t nbytes)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	count_locked(nbytes, 0 - (uint64_t)nbytes);
	lock_release(&buddy_lock, LOCK_PAGES);
}

/* Room for a mapping's tables now, and for what it will grow by as far as can be seen. */
static bool may_move(size_t more)
{
	return limit_fits(MAP_TABLES + more) && limit_reserve(&limit_tables, MAP_TABLES);
}

/* In pieces, so that little is there twice. */
static void move_back(char *base, char *moved, size_t nbytes)
{
	for (size_t n; nbytes > 0; base += n, moved += n, nbytes -= n) {
		n = nbytes < MOVE_LEAST ? nbytes : MOVE_LEAST;
		memcpy(base, moved, n);
		sys_unmap(moved, n);
	}
}

/* Pages of a zone to a mapping of their own; the zone keeps the range, now zeros. */
static void *run_move(void *base, size_t old_npages, size_t npages, enum page_kind kind)
{
	size_t nbytes = old_npages << PAGE_SHIFT;
	void *moved, *grown = NULL;

	if (nbytes != map_bytes(old_npages) || nbytes < MOVE_LEAST ||
	    !may_move(map_bytes(npages - old_npages)))
		return NULL;
	moved = sys_move(base, nbytes);
	if (!moved) {
		limit_return(&limit_tables, MAP_TABLES);
		return NULL;
	}
	count_moved(nbytes);
	if (map_prepare(moved) == 0) {
		map_enter(moved, old_npages, kind);
		grown = map_resize(moved, old_npages, npages, kind);
		if (!grown)
			map_leave(moved);
	}
	if (!grown) {
		move_back(base, moved, nbytes);
		count_moved(0 - nbytes);
		limit_return(&limit_tables, MAP_TABLES);
		return NULL;
	}
	pagemap_tag(base, ID_NONE);
	buddy_free_moved(base, old_npages);
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
	void *resized = page->mapped ? map_resize(base, page->npages, npages, page->kind)
				     : zone_resize(base, page, npages);

	/* What was refused on the way was more than it takes. */
	if (resized)
		limit_forget();
	return resized;
}

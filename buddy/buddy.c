// SPDX-License-Identifier: MIT
/* Zones together: see buddy.h. */
#include "buddy/buddy.h"

#include "buddy/meta.h"
#include "buddy/relief.h"
#include "buddy/root.h"
#include "buddy/settings.h"
#include "buddy/sys.h"

#include <errno.h>

#define COALESCE_FIRST 8u /* orders from a MiB on */
#define ZONE_FIRST     ((size_t)32 << 20)
#define ZONE_LEAST     ((size_t)1 << 20)
#define ZONE_MOST      ((size_t)1 << LEAF_SHIFT)
#define ZONE_LARGE     ((size_t)128 << 20) /* its descriptors, half a MiB, come near a huge page */

struct lock buddy_lock;
static struct zone *last_zone;	      /* guarded by the lock */
static size_t next_zone = ZONE_FIRST; /* guarded by the lock */

struct zone *buddy_zones(void)
{
	/* acquire: pairs with the release in zone_publish */
	return (struct zone *)__atomic_load_n(&root_record.zones, __ATOMIC_ACQUIRE);
}

/* Append the zone to the list, which only grows. */
static void zone_publish(struct zone *zone)
{
	uint64_t *link = last_zone ? &last_zone->pub.next : &root_record.zones;

	/* release: pairs with the acquire in buddy_zones and zone_next */
	__atomic_store_n(link, (uintptr_t)zone, __ATOMIC_RELEASE);
	last_zone = zone;
	next_zone = zone->pub.npages << (PAGE_SHIFT + 1);
	if (next_zone > ZONE_MOST)
		next_zone = ZONE_MOST;
}

static void zone_advise(void *base, size_t nbytes)
{
	sys_core_hide(base, nbytes);
	if (nbytes >= ZONE_LARGE)
		pagemap_advise(base);
	if (settings.thp == THP_ALWAYS)
		sys_advise_huge(base, nbytes, SYS_THP_ALWAYS);
	else
		sys_advise_huge(base, nbytes, SYS_THP_NEVER);
}

static struct meta_pool zone_pool = {.nbytes = sizeof(struct zone), .align = 64};

static void zone_discard(struct zone *zone)
{
	sys_unmap((void *)zone->pub.base, zone->pub.npages << PAGE_SHIFT);
	meta_pool_put(&zone_pool, zone);
}

/* Reserve and cover a zone of nbytes. 0 or -ENOMEM. */
static int zone_try(struct zone *zone, size_t nbytes)
{
	void *base = sys_reserve(nbytes, nbytes);

	if (!base)
		return -ENOMEM;
	if (pagemap_cover(base) < 0) {
		sys_unmap(base, nbytes);
		return -ENOMEM;
	}
	zone_advise(base, nbytes);
	zone_init(zone, base, nbytes >> PAGE_SHIFT);
	return 0;
}

/* A zone with room for a block of the order, which nobody knows yet; a refusal halves it. */
static struct zone *zone_create(unsigned order)
{
	size_t least = PAGE_BYTES << order < ZONE_LEAST ? ZONE_LEAST : PAGE_BYTES << order;
	struct zone *zone = meta_pool_get(&zone_pool);
	size_t nbytes;

	if (!zone)
		return NULL;
	lock_take(&buddy_lock, LOCK_PAGES);
	nbytes = next_zone < least ? least : next_zone;
	lock_release(&buddy_lock, LOCK_PAGES);
	for (; nbytes >= least; nbytes /= 2)
		if (zone_try(zone, nbytes) == 0)
			return zone;
	meta_pool_put(&zone_pool, zone);
	return NULL;
}

static uint64_t dirty_pages(void)
{
	uint64_t npages = 0;

	for_each_zone (zone)
		npages += __atomic_load_n(&zone->pub.dirty, __ATOMIC_RELAXED);
	return npages;
}

/* A free block of the order from any zone: dirty, else clean. */
static void *take_free(unsigned order, bool *zeroed, struct zone **from)
{
	for (unsigned state = 0; state < BLOCK_STATES; state++)
		for_each_zone (zone) {
			uint32_t index = zone_take(zone, order, state);

			if (index == LIST_END)
				continue;
			*zeroed = state == BLOCK_CLEAN;
			*from = zone;
			return zone_address(zone, index);
		}
	return NULL;
}

/* From above a watermark. *refused: the system would not commit more. */
static void *take_above(unsigned order, bool *zeroed, struct zone **from, bool *refused)
{
	for_each_zone (zone) {
		int err = zone_grow(zone, order);

		*refused |= err == -ENOMEM;
		if (err)
			continue;
		*zeroed = true;
		*from = zone;
		return zone_address(zone, zone_take(zone, order, BLOCK_CLEAN));
	}
	return NULL;
}

/* NULL: *refused says whether the system had no more, or the zones no room. */
static void *take_locked(unsigned order, bool *zeroed, struct zone **from, bool *refused)
{
	void *base = take_free(order, zeroed, from);

	/* Much is wanted: rather what is there, in pieces of two kinds, than more. */
	if (!base && order >= COALESCE_FIRST && dirty_pages() >= 1ull << (order - 1)) {
		for_each_zone (zone)
			zone_coalesce(zone);
		base = take_free(order, zeroed, from);
	}
	return base ? base : take_above(order, zeroed, from, refused);
}

/* take_locked, marked and cut to size. */
static void *alloc_locked(size_t npages, unsigned order, enum page_kind kind, bool *zeroed,
			  bool *refused)
{
	struct zone *zone;
	void *base = take_locked(order, zeroed, &zone, refused);

	if (base) {
		uint32_t index = zone_index(zone, base);

		zone->pages[index].kind = (uint8_t)kind;
		zone->pages[index].npages = (uint32_t)npages;
		zone->pages[index].mapped = 0;
		zone_insert(zone, index + (uint32_t)npages, ((size_t)1 << order) - npages,
			    *zeroed ? BLOCK_CLEAN : BLOCK_DIRTY, *zeroed ? 0 : sys_now_ms());
	}
	return base;
}

static unsigned order_of(size_t npages)
{
	return npages <= 1 ? 0 : 64 - (unsigned)__builtin_clzl(npages - 1);
}

/*
 * Enter the new zone, unless another thread has made room meanwhile, or nothing
 * can be committed. Its descriptors may have been those of another thread's zone
 * that was discarded: they are written under the lock only.
 */
static void *alloc_in_new_zone(struct zone *fresh, size_t npages, unsigned order,
			       enum page_kind kind, bool *zeroed)
{
	bool refused = false, entered = false;
	void *base;

	lock_take(&buddy_lock, LOCK_PAGES);
	base = alloc_locked(npages, order, kind, zeroed, &refused);
	if (!base && zone_grow(fresh, order) == 0) {
		zone_publish(fresh);
		entered = true;
		base = alloc_locked(npages, order, kind, zeroed, &refused);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
	if (!entered)
		zone_discard(fresh);
	return base;
}

static void *alloc_anywhere(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed)
{
	unsigned order = order_of(npages > align_pages ? npages : align_pages);
	bool refused = false;
	struct zone *fresh;
	void *base;

	if (order > ZONE_ORDER_MAX)
		return NULL;
	lock_take(&buddy_lock, LOCK_PAGES);
	base = alloc_locked(npages, order, kind, zeroed, &refused);
	lock_release(&buddy_lock, LOCK_PAGES);
	if (base || refused)
		return base;
	fresh = zone_create(order);
	return fresh ? alloc_in_new_zone(fresh, npages, order, kind, zeroed) : NULL;
}

void *buddy_alloc(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed)
{
	void *base = alloc_anywhere(npages, align_pages, kind, zeroed);

	if (base && *zeroed)
		relief_check();
	return base;
}

static struct zone *zone_of(const void *addr)
{
	for_each_zone (zone)
		if (zone_holds(zone, addr))
			return zone;
	return NULL;
}

bool buddy_holds(const void *addr)
{
	return zone_of(addr) != NULL;
}

void buddy_free(void *base, size_t npages)
{
	struct zone *zone = zone_of(base);
	uint32_t now = sys_now_ms();

	lock_take(&buddy_lock, LOCK_PAGES);
	zone_insert(zone, zone_index(zone, base), npages, BLOCK_DIRTY, now);
	lock_release(&buddy_lock, LOCK_PAGES);
}

bool buddy_extend(void *base, size_t npages, size_t more)
{
	struct zone *zone = zone_of(base);
	uint32_t end;
	bool claimed;

	if (!zone)
		return false;
	end = zone_index(zone, base) + (uint32_t)npages;
	lock_take(&buddy_lock, LOCK_PAGES);
	claimed = zone_claim(zone, end, more);
	lock_release(&buddy_lock, LOCK_PAGES);
	return claimed;
}

const char *buddy_check(void)
{
	const char *wrong = NULL;

	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone)
		wrong = wrong ? wrong : zone_check(zone);
	lock_release(&buddy_lock, LOCK_PAGES);
	return wrong;
}

// SPDX-License-Identifier: MIT
/* Zones: which there are, reserved, widened and listed. See zones.h. */
#include "buddy/zones.h"

#include "buddy/buddy.h"
#include "buddy/meta.h"
#include "buddy/place.h"
#include "buddy/report.h"
#include "buddy/root.h"
#include "buddy/settings.h"
#include "buddy/sys.h"

#include <errno.h>

#define ZONE_FIRST ((size_t)32 << 20)
#define ZONE_LEAST ((size_t)1 << 20)
#define ZONE_MOST  ((size_t)1 << LEAF_SHIFT)
#define ZONE_LARGE ((size_t)128 << 20) /* its descriptors, half a MiB, come near a huge page */

static struct meta_pool zone_pool = {.nbytes = sizeof(struct zone), .align = 64};
static struct zone *last_zone; /* guarded by the page lock */

struct zone *buddy_zones(void)
{
	/* acquire: pairs with the release in zones_publish_locked */
	return (struct zone *)__atomic_load_n(&root_record.zones, __ATOMIC_ACQUIRE);
}

void zones_publish_locked(struct zone *zone)
{
	uint64_t *link = last_zone ? &last_zone->pub.next : &root_record.zones;

	/* Under the lock, as the nodes may have been read since it was made. */
	zone->node = place_node(zone->place);
	/* release: pairs with the acquire in buddy_zones and zone_next */
	__atomic_store_n(link, (uintptr_t)zone, __ATOMIC_RELEASE);
	last_zone = zone;
}

/* For nbytes from base on, that end a zone of whole bytes. */
static void advise(void *base, size_t nbytes, size_t whole)
{
	sys_core_hide(base, nbytes);
	if (whole >= ZONE_LARGE)
		pagemap_advise(base);
	if (settings.thp == THP_ALWAYS)
		sys_advise_huge(base, nbytes, SYS_THP_ALWAYS);
	else
		sys_advise_huge(base, nbytes, SYS_THP_NEVER);
}

void zones_discard(struct zone *zone)
{
	sys_unmap((void *)zone->pub.base, zone->pub.npages << PAGE_SHIFT);
	meta_pool_put(&zone_pool, zone);
}

/* Reserve and cover a zone of nbytes. 0 or -ENOMEM. */
static int reserve(struct zone *zone, unsigned place, size_t nbytes)
{
	void *base = sys_reserve_roomy(nbytes, ZONE_MOST);

	if (!base)
		base = sys_reserve(nbytes, nbytes);
	if (!base)
		return -ENOMEM;
	if (pagemap_cover(base) < 0) {
		sys_unmap(base, nbytes);
		return -ENOMEM;
	}
	advise(base, nbytes, nbytes);
	zone_init(zone, base, nbytes >> PAGE_SHIFT);
	zone->place = place;
	place_bind(place, base, nbytes);
	return 0;
}

/* The place's last zone and its bytes; NULL and 0. */
static struct zone *get_last(unsigned place, size_t *nbytes)
{
	struct zone *last = NULL;

	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone)
		if (zone->place == place)
			last = zone;
	*nbytes = last ? last->pub.npages << PAGE_SHIFT : 0;
	lock_release(&buddy_lock, LOCK_PAGES);
	return last;
}

struct zone *zones_create(unsigned place, size_t npages)
{
	size_t least = npages << PAGE_SHIFT, nbytes;
	struct zone *zone = meta_pool_get(&zone_pool);

	if (!zone)
		return NULL;
	least = least < ZONE_LEAST ? ZONE_LEAST : (size_t)1 << (64 - __builtin_clzl(least - 1));
	nbytes = get_last(place, &nbytes) ? 2 * nbytes : ZONE_FIRST;
	if (nbytes > ZONE_MOST)
		nbytes = ZONE_MOST;
	if (nbytes < least)
		nbytes = least;
	for (; nbytes >= least; nbytes /= 2)
		if (reserve(zone, place, nbytes) == 0)
			return zone;
	meta_pool_put(&zone_pool, zone);
	return NULL;
}

bool zones_widen(unsigned place)
{
	size_t nbytes;
	struct zone *zone = get_last(place, &nbytes);
	char *end;

	if (!zone || 2 * nbytes > ZONE_MOST - (zone->pub.base & (ZONE_MOST - 1)))
		return false;
	end = (char *)zone->pub.base + nbytes;
	if (!sys_reserve_at(end, nbytes))
		return false;
	advise(end, nbytes, 2 * nbytes);
	place_bind(place, end, nbytes);
	lock_take(&buddy_lock, LOCK_PAGES);
	/* Whoever has the range behind the zone is alone in this. */
	ASSERT(zone->pub.npages << PAGE_SHIFT == nbytes);
	__atomic_store_n(&zone->pub.npages, nbytes >> (PAGE_SHIFT - 1), __ATOMIC_RELAXED);
	lock_release(&buddy_lock, LOCK_PAGES);
	return true;
}

struct zone *buddy_zone(const void *addr)
{
	for_each_zone (zone)
		if (zone_holds(zone, addr))
			return zone;
	return NULL;
}

bool buddy_holds(const void *addr)
{
	return buddy_zone(addr) != NULL;
}

// SPDX-License-Identifier: MIT
/* Idle pages before clean ones: see gather.h. */
#include "buddy/gather.h"

#include "buddy/buddy.h"
#include "buddy/lock.h"

#define REST_FIRST   256 /* pages, a MiB: small programs never come here */
#define REST_LEAST   64
#define REST_SHARE   16 /* of what the zones have in use or dirty */
#define PAGE_OBJECTS 16 /* objects on their way home and back that cost as much as a clean page */

size_t (*gather_hook)(void);
_Atomic long gather_rest = REST_FIRST;

/* Dirty free pages; all that are not clean. */
static long count_pages(long *resident)
{
	long dirty = 0;

	*resident = 0;
	for_each_zone (zone) {
		dirty += (long)__atomic_load_n(&zone->pub.dirty, __ATOMIC_RELAXED);
		*resident += (long)zone_resident(zone);
	}
	return dirty;
}

void gather(size_t npages)
{
	long resident, before = count_pages(&resident), cost, came;
	long rest = resident / REST_SHARE;

	ASSERT(lock_none_held());
	/* Others need not follow meanwhile. */
	atomic_store_explicit(&gather_rest, rest < REST_LEAST ? REST_LEAST : rest,
			      memory_order_relaxed);
	cost = gather_hook ? (long)gather_hook() / PAGE_OBJECTS : 0;
	came = count_pages(&resident) - before;
	if (came >= (long)npages && came >= cost)
		atomic_store_explicit(&gather_rest, 0, memory_order_relaxed);
	else if (cost > rest)
		atomic_store_explicit(&gather_rest, cost, memory_order_relaxed);
}

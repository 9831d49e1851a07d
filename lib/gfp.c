// SPDX-License-Identifier: MIT
/* malloc with the kernel's flags: see gfp.h. */
#include "lib/gfp.h"

#include "lib/front.h"
#include "lib/malloc.h"

#include <errno.h>
#include <kmem/cache.h>
#include <string.h>

/* From the thread's sheaf of the bin, unless what is on top must be dealt with under a lock. */
static void *large_at_hand(size_t nbytes)
{
	unsigned index = front_index(nbytes);
	struct slot *slot = &thread_slots[ID_FRONTS + index];
	void *block;

	if (!slot_pop(slot, &block))
		return NULL;
	if (front_holds(index, block))
		return block;
	slot_push(slot, block);
	return NULL;
}

static void *at_hand(size_t nbytes)
{
	struct kmem_cache *cache;
	void *block = NULL;

	if (nbytes > SMALL_MAX) {
		block = nbytes <= FRONT_MAX ? large_at_hand(nbytes) : NULL;
	} else {
		cache = cache_of(ID_CLASSES + class_index(nbytes ? nbytes : 1));
		block = cache ? kmem_cache_alloc(cache, GFP_NOWAIT) : NULL;
	}
	if (!block)
		errno = EAGAIN;
	return block;
}

void *gfp_malloc(size_t nbytes, gfp_t flags)
{
	void *block = flags & __GFP_DIRECT_RECLAIM ? facade_malloc(nbytes) : at_hand(nbytes);

	if (block && flags & __GFP_ZERO)
		memset(block, 0, nbytes);
	return block;
}

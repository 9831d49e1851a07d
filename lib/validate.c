// SPDX-License-Identifier: MIT
/* All there is to check, for the program. */
#include "buddy/buddy.h"
#include "lib/classes.h"
#include "lib/heaps.h"
#include "lib/private_heap.h"
#include "slab/debug.h"
#include "slab/slab.h"
#include "slab/thread.h"

#include <kmem/debug.h>

/* What a sheaf holds is of the cache, begins an object, and is not at home. */
static const char *check_slot(const struct kmem_cache *cache, const struct slot *slot)
{
	void *const *at = (void *const *)(slot->sp & ~(slot->mask | 7));

	for (unsigned i = 1; i <= slot_fill(slot); i++) {
		struct slab *slab = pagemap_id(at[i]) == cache->id ? slab_of(at[i]) : NULL;
		int index = slab ? slab_index(cache, slab, at[i]) : -1;

		if (index < 0)
			return "a sheaf holds what is no object of its cache";
		if (slab_is_home(slab, (uint32_t)index))
			return "a sheaf holds an object that is at home";
	}
	return NULL;
}

static const char *check_sheaves(const struct kmem_cache *cache)
{
	const char *wrong = NULL;

	for_each_thread (thread) {
		lock_take(&thread->lock, LOCK_THREAD);
		if (thread_shelf(thread, cache->id)->used)
			wrong = check_slot(cache, thread_slot(thread, cache->id));
		if (!wrong && thread_shelf(thread, cache->id)->used)
			wrong = check_slot(cache, shelf_spare(thread_shelf(thread, cache->id)));
		lock_release(&thread->lock, LOCK_THREAD);
		if (wrong)
			break;
	}
	return wrong;
}

const char *kmem_cache_validate(struct kmem_cache *cache)
{
	const char *wrong = cache_check(cache);

	if (!wrong && !id_is_front(cache->id))
		wrong = check_sheaves(cache);
	if (!wrong && cache->debug.flags && !debug_validate(cache))
		wrong = "an object was damaged, see the report";
	return wrong;
}

static const char *check_heaps(void)
{
	const char *wrong = NULL;

	lock_take(&heaps_lock, LOCK_HEAPS);
	for_each_heap (heap)
		/* A heap of one thread has no lock to hold it still. */
		if (!wrong && heap_has_lock(heap))
			wrong = heap_validate(heap);
	lock_release(&heaps_lock, LOCK_HEAPS);
	return wrong;
}

const char *kmem_validate(void)
{
	const char *wrong = NULL;

	for (unsigned id = ID_FIRST; !wrong && id < cache_ids(); id++)
		if (cache_of(id) && cache_of(id)->pub.id)
			wrong = kmem_cache_validate(cache_of(id));
	if (!wrong)
		wrong = check_heaps();
	return wrong ? wrong : buddy_check();
}

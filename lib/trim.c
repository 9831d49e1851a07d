// SPDX-License-Identifier: MIT
/* Everything unused back to the system, now. */
#include "buddy/buddy.h"
#include "lib/core.h"
#include "lib/front.h"
#include "slab/reclaim.h"
#include "slab/slot.h"

#include <kmem/malloc.h>

int kmem_trim(void)
{
	struct thread *thread = thread_known();
	size_t npages;

	threads_ask_trim(NULL);
	if (thread)
		thread_pass(thread);
	lock_take(&cache_lock, LOCK_CACHES);
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id))
			cache_drain(cache_of(id));
	lock_release(&cache_lock, LOCK_CACHES);
	npages = reclaim_trim();
	npages += front_purge(0, MOST_PAGES);
	npages += buddy_purge(0);
	return npages > 0;
}

CORE_DEFINE(trim);

// SPDX-License-Identifier: MIT
/* Everything unused back to the system, now. */
#include "lib/trim.h"

#include "buddy/buddy.h"
#include "lib/core.h"
#include "lib/debug_block.h"
#include "lib/front.h"
#include "lib/private_heap.h"
#include "slab/damaged.h"
#include "slab/rcu.h"
#include "slab/reclaim.h"
#include "slab/shade.h"
#include "slab/slot.h"

#include <kmem/malloc.h>

void trim_sheaves(bool ready)
{
	struct thread *thread = thread_mine();

	threads_ask_trim_all(ready);
	if (thread)
		thread_pass(thread);
	lock_take(&cache_lock, LOCK_CACHES);
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id) && (ready || !cache_of(id)->nowait))
			cache_drain(cache_of(id));
	lock_release(&cache_lock, LOCK_CACHES);
	damaged_pass();
	debug_blocks_drain();
	rcu_wake();
}

int kmem_trim(void)
{
	size_t npages;

	trim_sheaves(true);
	npages = reclaim_trim();
	npages += front_purge(0, MOST_PAGES);
	lock_take(&reclaim_lock, LOCK_RECLAIM);
	npages += private_heaps_purge_locked(0, MOST_PAGES);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	npages += buddy_purge(0);
	return npages > 0;
}

CORE_DEFINE(trim);

// SPDX-License-Identifier: MIT
/* Start-up: settings, hooks; then, when the constructor runs, fork and the other core. */
#include "lib/start.h"

#include "buddy/buddy.h"
#include "buddy/gather.h"
#include "buddy/meta.h"
#include "buddy/place.h"
#include "buddy/relief.h"
#include "buddy/settings.h"
#include "buddy/shortage.h"
#include "buddy/sys.h"
#include "lib/debug_block.h"
#include "lib/failslab.h"
#include "lib/fork.h"
#include "lib/front.h"
#include "lib/options.h"
#include "lib/private_heap.h"
#include "lib/record.h"
#include "lib/shortage.h"
#include "lib/twin.h"
#include "slab/annotate.h"
#include "slab/background.h"
#include "slab/gather.h"
#include "slab/reclaim.h"
#include "slab/shade.h"

_Atomic bool started;
static struct lock start_lock;

void start_lock_take(void)
{
	lock_take(&start_lock, LOCK_INIT);
}

void start_lock_release(void)
{
	lock_release(&start_lock, LOCK_INIT);
}

void start_lock_visit(void (*act)(struct lock *))
{
	act(&start_lock);
}

/* The large tables are sparse: a huge page under them would be resident for a few bytes. */
static void table_advise(const void *table, size_t nbytes)
{
	uintptr_t page = sys_page_size();
	uintptr_t start = ((uintptr_t)table + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)table + nbytes) & ~(page - 1);

	sys_advise_huge((void *)start, end - start, SYS_THP_NEVER);
}

/* With the reclaim lock. */
static size_t purge_heaps(uint32_t age_ms, size_t most)
{
	size_t npages = front_purge(age_ms, most);

	return npages < most ? npages + private_heaps_purge_locked(age_ms, most - npages) : npages;
}

void start(void)
{
	/* The table of caches is too small for one. */
	table_advise(&pagemap, sizeof(pagemap));
	start_lock_take();
	if (!atomic_load_explicit(&started, memory_order_relaxed)) {
		options_start();
		annotate_start();
		debug_blocks_start();
		decay_hook = purge_heaps;
		relief_hook = reclaim_relief;
		gather_hook = gather_idle;
		shortage_hook = shortage_next;
		failslab_start();
		/* release: pairs with the acquire in start_ensure */
		atomic_store_explicit(&started, true, memory_order_release);
	}
	start_lock_release();
}

/* In libkmem-malloc, if that is in the process. */
extern const char kmem_core_override __attribute__((weak));

/* Early, so that other libraries' fork handlers, run before ours, still find an allocator. */
__attribute__((constructor(101))) static void start_late(void)
{
	start_ensure();
	places_read();
	background_allow();
	twin_check();
	if (&kmem_core_override && !settings.ptracer_any && !shade_hooks)
		fork_register_if_threaded();
	else
		fork_register();
}

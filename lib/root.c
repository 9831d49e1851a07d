// SPDX-License-Identifier: MIT
/* The published root, whole from the first instruction on: kmem/inspect.h. */
#include "buddy/root.h"

#include "buddy/zone.h"
#include "lib/heap.h"
#include "lib/start.h"
#include "slab/cache.h"
#include "slab/thread.h"

struct kmem_root root_record = {
	.magic = KMEM_ROOT_MAGIC,
	.version = KMEM_ROOT_VERSION,
	.size = sizeof(struct kmem_root),
	.cache_size = sizeof(struct kmem_cache),
	.thread_size = sizeof(struct thread),
	.slot_size = sizeof(struct slot),
	.shelf_size = sizeof(struct shelf),
	.zone_size = sizeof(struct zone),
	.heap_size = sizeof(struct heap),
	.max_caches = ID_LIMIT,
	.ncaches = ID_USER,
	.release = "0.1",
	.caches = (uintptr_t)cache_table,
};

/*
 * Every layer refers to the root, the root to start-up: so a static link that
 * takes any part of the core takes its constructor and its note as well.
 */
__attribute__((used)) static void (*const anchor)(void) = start;

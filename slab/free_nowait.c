// SPDX-License-Identifier: MIT
/* Frees that wait for nobody: see free_nowait.h. */
#include "slab/free_nowait.h"

#include "slab/shade.h"
#include "slab/sheaves.h"
#include "slab/slot.h"
#include "slab/slot_load.h"

/* An empty sheaf that the cache has, of that level or another; NULL: none. */
static struct sheaf *empty_at_hand(struct kmem_cache *cache, unsigned level)
{
	struct sheaf *sheaf = barn_take_empty(cache, level);

	for (level = 0; !sheaf && level <= cache->level_max; level++)
		sheaf = barn_take_empty(cache, level);
	return sheaf;
}

/* An empty sheaf into the slot; the full one that was there becomes the spare, or goes to the barn.
 */
static void free_to_empty(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			  struct shelf *shelf)
{
	unsigned level = slot->mask ? sheaf_level(slot_sheaf(slot)) : cache->level_first;
	struct sheaf *empty = empty_at_hand(cache, level);
	struct slot full;

	if (!empty) {
		atomic_store_explicit(&cache->short_of_empty, true, memory_order_relaxed);
		return;
	}
	full = slot_unload(slot);
	if (full.mask && (shelf_spare(shelf)->mask || cache->no_spare)) {
		thread_discharge(thread, cache, full.mask);
		barn_put(&barns_of(cache)[thread->number % BARNS], slot_sheaf(&full));
		shelf_count(&shelf->pub.lent, full.mask / 8);
	} else if (full.mask) {
		slot_load(shelf_spare(shelf), full);
	}
	thread_charge(thread, cache, sheaf_mask(sheaf_level(empty)));
	slot_load(slot, hold_empty(empty));
}

void free_nowait(struct thread *thread, struct kmem_cache *cache, void *object)
{
	struct slot *slot;
	struct shelf *shelf;

	if (!thread && shaded()) {
		shade_hooks->free(cache, object);
		return;
	}
	if (!thread || cache->gated) {
		free_uncached(cache, object);
		return;
	}
	slot = thread_slot(thread, cache->id);
	shelf = thread_shelf(thread, cache->id);
	shelf_enlist(thread, shelf, cache->id);
	if (shelf_spare(shelf)->mask && !slot_has_objects(shelf_spare(shelf)))
		slot_swap(slot, shelf_spare(shelf));
	else
		free_to_empty(thread, cache, slot, shelf);
	if (!slot_push(slot, object))
		shelf_send_home(cache, shelf, &object, 1);
}

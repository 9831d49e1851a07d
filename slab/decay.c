// SPDX-License-Identifier: MIT
/*
 * Aging, done in passing: a thread that has come as far as the slabs, the heaps
 * or the pages looks at the clock, and once in a decay period sends home what has
 * lain idle in its own sheaves since the last time; four times in one, the first
 * of all threads to notice ages the barns, the empty slabs, the heaps and the
 * free pages of the process. Of these it gives back a piece, so that its caller
 * does not wait long, and the next ones soon after. Where there is a thread for
 * it (background.h) it is called instead.
 */
#include "buddy/buddy.h"
#include "buddy/settings.h"
#include "buddy/sys.h"
#include "slab/background.h"
#include "slab/cache_place.h"
#include "slab/damaged.h"
#include "slab/guard.h"
#include "slab/rcu.h"
#include "slab/reclaim.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"

#define EVICT_VISITS  2	 /* shelves looked at for each slow operation at the bound */
#define PASSING_SHARE 4	 /* of a decay period, from one look at the process to the next ... */
#define PIECE_SHARE   64 /* ... and from one piece of old pages to the next */
#define PIECE_PAGES   ((size_t)8192) /* 32 MiB: a few milliseconds */

size_t (*decay_hook)(uint32_t age_ms, size_t most);

_Atomic uint32_t trim_epoch;
static _Atomic uint32_t trim_all_epoch, trim_ready_epoch;
static _Atomic uint32_t age_turn_ms, piece_turn_ms;
static _Atomic bool more_pieces; /* the last one was not all that was old enough */

/* Has what the thread has there not been used since the last look, and does its cache age? */
static bool shelf_idle(struct thread *thread, unsigned id)
{
	const struct slot *slot = thread_slot(thread, id);
	struct shelf *shelf = thread_shelf(thread, id);
	uint16_t sp = (uint16_t)__atomic_load_n(&slot->sp, __ATOMIC_RELAXED);
	bool same = shelf->seen_sp == sp && shelf->seen_last == shelf->last;

	shelf->seen_sp = sp;
	shelf->seen_last = shelf->last;
	return same && !shelf_bare(slot, shelf) && !cache_of(id)->nowait;
}

/* Was it asked for since the thread last passed? */
static bool asked_since(const struct thread *thread, const _Atomic uint32_t *epoch)
{
	return (int32_t)(atomic_load_explicit(epoch, memory_order_relaxed) - thread->epoch) > 0;
}

/* Flush the thread's idle slots and those of caches that were asked for. */
static void flush_idle(struct thread *thread)
{
	bool all = asked_since(thread, &trim_all_epoch);
	bool ready = asked_since(thread, &trim_ready_epoch);

	lock_take(&thread->lock, LOCK_THREAD);
	for (unsigned id = thread->used; id; id = thread_shelf(thread, id)->next) {
		struct kmem_cache *cache = cache_of(id);
		bool idle = shelf_idle(thread, id);

		/* Bare: nothing to flush, and the record may be another cache's just now. */
		if (!shelf_bare(thread_slot(thread, id), thread_shelf(thread, id)) &&
		    (idle || (cache->nowait ? ready : all) ||
		     asked_since(thread, &cache->trim_epoch)))
			thread_flush(thread, cache);
	}
	lock_release(&thread->lock, LOCK_THREAD);
}

void thread_evict(struct thread *thread)
{
	lock_take(&thread->lock, LOCK_THREAD);
	for (int n = 0; n < EVICT_VISITS && thread_at_bound(thread); n++) {
		unsigned id = thread->hand ? thread->hand : thread->used;

		thread->hand = thread_shelf(thread, id)->next;
		if (shelf_idle(thread, id))
			thread_flush(thread, cache_of(id));
	}
	lock_release(&thread->lock, LOCK_THREAD);
}

static void age_caches(void)
{
	if (!lock_try(&cache_lock, LOCK_CACHES))
		return;
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id))
			cache_decay(cache_of(id));
	lock_release(&cache_lock, LOCK_CACHES);
	damaged_pass();
}

/*
 * About a piece of what is old enough, free pages, which the rest leaves, last; how
 * many pages went. A fork waits for it, as its child would lack what is in hand.
 */
static size_t give_piece(uint32_t decay_ms)
{
	size_t npages = reclaim_age(decay_ms, PIECE_PAGES);

	if (npages >= PIECE_PAGES || !lock_try(&reclaim_lock, LOCK_RECLAIM))
		return npages;
	if (decay_hook)
		npages += decay_hook(decay_ms, PIECE_PAGES - npages);
	if (npages < PIECE_PAGES)
		npages += buddy_purge_some(decay_ms, PIECE_PAGES - npages);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	return npages;
}

/* So much later, one thread for all: others find the time already moved on. */
static bool turn(_Atomic uint32_t *last_ms, uint32_t now, uint32_t after_ms)
{
	uint32_t last = atomic_load_explicit(last_ms, memory_order_relaxed);

	return now - last > after_ms &&
	       atomic_compare_exchange_strong_explicit(last_ms, &last, now, memory_order_relaxed,
						       memory_order_relaxed);
}

/* true: there is more to give back, soon. */
static bool process_pass(uint32_t now)
{
	uint32_t decay_ms = settings_decay_ms();
	bool more = atomic_load_explicit(&more_pieces, memory_order_relaxed);

	if (background_takes())
		return false;
	if (turn(&age_turn_ms, now, decay_ms / PASSING_SHARE)) {
		age_caches();
		more = true;
	}
	if (more && turn(&piece_turn_ms, now, decay_ms / PIECE_SHARE)) {
		more = give_piece(decay_ms) >= PIECE_PAGES;
		atomic_store_explicit(&more_pieces, more, memory_order_relaxed);
	}
	return more;
}

size_t decay_process(void)
{
	uint32_t decay_ms = settings_decay_ms();
	size_t npages, total = 0;

	age_caches();
	do {
		npages = give_piece(decay_ms);
		total += npages;
	} while (npages >= PIECE_PAGES);
	rcu_wake();
	return total;
}

void decay_pass(void)
{
	struct thread *thread = thread_known();

	if (thread)
		thread_pass(thread);
	else
		process_pass(sys_now_ms());
}

bool thread_pass_slow(struct thread *thread)
{
	/* acquire: what was asked for in this epoch; pairs with threads_ask_trim */
	uint32_t epoch = atomic_load_explicit(&trim_epoch, memory_order_acquire);
	uint32_t now = sys_now_ms();

	if (now - thread->pass_ms > settings_decay_ms() || thread->epoch != epoch) {
		thread->pass_ms = now;
		if (places_several())
			thread_note_move(thread);
		flush_idle(thread);
		thread->epoch = epoch;
	}
	if (process_pass(now))
		thread_pass_soon(thread);
	rcu_wake();
	return guard_pass(thread, now);
}

/* Two of them, or one, say what is asked in the epoch that begins now. */
static void ask_trim(_Atomic uint32_t *what, _Atomic uint32_t *also)
{
	uint32_t epoch;

	lock_take(&cache_lock, LOCK_CACHES);
	epoch = atomic_load_explicit(&trim_epoch, memory_order_relaxed) + 1;
	atomic_store_explicit(what, epoch, memory_order_relaxed);
	if (also)
		atomic_store_explicit(also, epoch, memory_order_relaxed);
	/* release: the request; pairs with the acquire in thread_pass */
	atomic_store_explicit(&trim_epoch, epoch, memory_order_release);
	lock_release(&cache_lock, LOCK_CACHES);
}

void threads_ask_trim(struct kmem_cache *cache)
{
	ask_trim(&cache->trim_epoch, NULL);
}

void threads_ask_trim_all(bool ready)
{
	ask_trim(&trim_all_epoch, ready ? &trim_ready_epoch : NULL);
}

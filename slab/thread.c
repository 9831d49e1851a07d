// SPDX-License-Identifier: MIT
/* Thread records: birth, death, growth. See thread.h. */
#include "slab/thread.h"

#include "buddy/limit.h"
#include "buddy/root.h"
#include "buddy/sys.h"
#include "slab/background.h"
#include "slab/cache_place.h"
#include "slab/damaged.h"
#include "slab/shade.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"

#include <errno.h>
#include <pthread.h>

#define IDS_STEP 256u /* ids made readable at a time */

__thread struct slot *thread_slots __attribute__((tls_model("initial-exec"))) =
	(struct slot *)pagemap.zeros;
/* For libkmem-malloc's malloc and free: see lib/core.h. */
extern __thread struct slot *kmem_core_thread_slots
	__attribute__((alias("thread_slots"), visibility("default")));

struct lock threads_lock;
static struct thread *idle;	   /* guarded by threads_lock */
static uint32_t nslots = IDS_STEP; /* readable in each record; set under threads_lock */
static uint32_t nthreads;	   /* records ever made; guarded by threads_lock */
static pthread_key_t key;
static enum { KEY_NONE, KEY_MADE, KEY_REFUSED } key_state; /* guarded by threads_lock */

struct thread *thread_first(void)
{
	/* acquire: pairs with the release in thread_create */
	return (struct thread *)__atomic_load_n(&root_record.threads, __ATOMIC_ACQUIRE);
}

struct thread *thread_next(const struct thread *thread)
{
	return (struct thread *)thread->pub.next;
}

/*
 * Where in a page the record begins: behind the shelves of malloc's sizes to 4 KiB, which
 * is what stdio takes. Nearly all of malloc's slots fill the rest of the page, so that a
 * thread that needs no more touches one.
 */
#define RECORD_LEAD (38 * sizeof(struct shelf))

/* Bytes of whole pages before the record, for so many ids, and RECORD_LEAD. */
static size_t front_bytes(uint32_t nids)
{
	return sys_page_up(nids * sizeof(struct shelf) - RECORD_LEAD) + RECORD_LEAD;
}

static size_t record_bytes(uint32_t nids)
{
	size_t slots = sizeof(struct thread) + (nids + 1) * sizeof(struct slot);

	return front_bytes(nids) - RECORD_LEAD + sys_page_up(RECORD_LEAD + slots);
}

/* Commit the ids below nids around the record at thread, nbytes more than before. */
static int commit(struct thread *thread, uint32_t nids, uint32_t max_ids, size_t nbytes)
{
	uintptr_t page = sys_page_size();
	uintptr_t start = (uintptr_t)thread_shelf(thread, nids - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)thread_slot(thread, nids) + page - 1) & ~(page - 1);

	if (nids > max_ids || !limit_reserve(&limit_tables, nbytes))
		return -ENOMEM;
	if (sys_commit((void *)start, end - start) < 0) {
		limit_return(&limit_tables, nbytes);
		return -ENOMEM;
	}
	/* The first record is small enough for any core, and start-up short of calls. */
	if (thread_first())
		sys_core_show((void *)start, end - start);
	return 0;
}

/* Reserve a record, for fewer ids where a limit is near. */
static struct thread *thread_reserve(uint32_t *max_ids)
{
	char *base = NULL;

	for (*max_ids = ID_LIMIT; *max_ids >= IDS_STEP; *max_ids /= 2) {
		base = sys_reserve(record_bytes(*max_ids), sys_page_size());
		if (base)
			break;
	}
	if (!base)
		return NULL;
	if (thread_first())
		sys_core_hide(base, record_bytes(*max_ids));
	return (struct thread *)(base + front_bytes(*max_ids));
}

/* Reserve outside the lock, commit and enter under it. */
static struct thread *thread_create(void)
{
	uint32_t max_ids;
	struct thread *thread = NULL;
	int err;

	/* Its addresses cost calls, which a thread that is refused would make again and again. */
	if (limit_fits(record_bytes(__atomic_load_n(&nslots, __ATOMIC_RELAXED))))
		thread = thread_reserve(&max_ids);
	if (!thread)
		return NULL;
	lock_take(&threads_lock, LOCK_THREADS);
	err = commit(thread, nslots, max_ids, record_bytes(nslots));
	if (!err) {
		thread->max_ids = max_ids;
		thread->number = nthreads++;
		thread->pub.slots = (uintptr_t)thread_slot(thread, 0);
		thread->pub.shelves = (uintptr_t)thread_shelf(thread, 0);
		thread->pub.nslots = nslots;
		thread->pub.next = (uintptr_t)thread_first();
		/* release: pairs with the acquire in thread_first */
		__atomic_store_n(&root_record.threads, (uintptr_t)thread, __ATOMIC_RELEASE);
	}
	lock_release(&threads_lock, LOCK_THREADS);
	if (!err)
		return thread;
	sys_unmap((char *)thread - front_bytes(max_ids), record_bytes(max_ids));
	return NULL;
}

static void at_exit(void *slots)
{
	thread_detach((struct thread *)slots - 1);
	if (shade_hooks)
		shade_hooks->end();
	background_dismiss();
}

/* Without a key nobody would hear of the thread's end: then it has no record either. */
static bool key_ready_locked(void)
{
	if (key_state == KEY_NONE)
		key_state = pthread_key_create(&key, at_exit) == 0 ? KEY_MADE : KEY_REFUSED;
	return key_state == KEY_MADE;
}

struct thread *thread_attach(void)
{
	bool ready, refused = limit_has_refused();
	struct thread *thread = NULL;

	if (thread_slots == SLOTS_EXITED)
		return NULL;
	if (thread_slots == SLOTS_SHADED)
		return thread_mine();
	lock_take(&threads_lock, LOCK_THREADS);
	ready = key_ready_locked();
	if (ready && idle) {
		thread = idle;
		idle = thread->next_idle;
	}
	lock_release(&threads_lock, LOCK_THREADS);
	if (ready && !thread)
		thread = thread_create();
	if (!thread) {
		/* It goes on without; what it asks for may be had. */
		if (!refused)
			limit_forget();
		return NULL;
	}
	__atomic_store_n(&thread->pub.tid, sys_tid(), __ATOMIC_RELAXED);
	/* Of one that vanished in a fork, or never came back from a constructor. */
	thread->wish = NULL;
	thread_place(thread);
	thread_slots = thread_slot(thread, 0);
	/* May allocate, if many keys were made before ours: by now it can. */
	if (pthread_setspecific(key, thread_slots) != 0) {
		thread_detach(thread);
		return NULL;
	}
	if (shaded())
		shade_drop();
	return thread;
}

void thread_detach(struct thread *thread)
{
	if (thread == thread_mine())
		thread_slots = SLOTS_EXITED;
	thread_flush_all(thread);
	__atomic_store_n(&thread->pub.tid, 0, __ATOMIC_RELAXED);
	lock_take(&threads_lock, LOCK_THREADS);
	thread->next_idle = idle;
	idle = thread;
	lock_release(&threads_lock, LOCK_THREADS);
	damaged_pass();
}

/* No more than once, however often the records behind it are refused. */
static int grow_locked(struct thread *thread, uint32_t want)
{
	uint32_t ready = thread->pub.nslots;
	int err;

	if (ready >= want)
		return 0;
	err = commit(thread, want, thread->max_ids, record_bytes(want) - record_bytes(ready));
	if (!err)
		__atomic_store_n(&thread->pub.nslots, want, __ATOMIC_RELAXED);
	return err;
}

int threads_commit(unsigned id)
{
	uint32_t want = (id / IDS_STEP + 1) * IDS_STEP;
	int err = 0;

	lock_take(&threads_lock, LOCK_THREADS);
	if (want > nslots) {
		for_each_thread (thread)
			if (!err)
				err = grow_locked(thread, want);
		/* Where some could not grow, those that did stay so. */
		if (!err)
			__atomic_store_n(&nslots, want, __ATOMIC_RELAXED);
	}
	lock_release(&threads_lock, LOCK_THREADS);
	return err;
}

/* A thread that vanished while it took objects lowered the count of its slab already. */
static void recount(struct thread *thread)
{
	for (unsigned id = thread->used; id; id = thread_shelf(thread, id)->next)
		if (shelf_slab(thread_shelf(thread, id)))
			slab_recount(shelf_slab(thread_shelf(thread, id)));
}

/* A thread that vanished while it returned objects may have raised the count and noted nothing. */
static void unsettle(void)
{
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id) && cache_of(id)->nowait)
			atomic_store_explicit(&cache_of(id)->unsettled, true, memory_order_relaxed);
}

void threads_after_fork(void)
{
	struct thread *self = thread_mine();

	unsettle();

	if (self)
		__atomic_store_n(&self->pub.tid, sys_tid(), __ATOMIC_RELAXED);
	for_each_thread (thread)
		if (thread != self && thread->pub.tid) {
			recount(thread);
			thread_detach(thread);
		}
}

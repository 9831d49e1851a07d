// SPDX-License-Identifier: MIT
/* Slabs that wait for a grace period: see rcu.h. */
#include "slab/rcu.h"

#include "buddy/report.h"
#include "buddy/root.h"
#include "buddy/settings.h"
#include "slab/damaged.h"
#include "slab/guard.h"
#include "slab/shade.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"

static const struct rcu_ops *_Atomic ops;
static _Atomic bool waiting; /* slabs were deferred, and nobody was called since */

const struct rcu_ops *rcu_ops_get(void)
{
	/* acquire: libkmem-rcu is set up; pairs with rcu_ops_set */
	return atomic_load_explicit(&ops, memory_order_acquire);
}

void rcu_ops_set(const struct rcu_ops *given)
{
	/* release: what is behind it; pairs with rcu_ops_get */
	atomic_store_explicit(&ops, given, memory_order_release);
}

static size_t slab_bytes(const struct slab *slab)
{
	return (size_t)slab->cache->pub.slab_pages << PAGE_SHIFT;
}

static void count_slab(struct rcu_queue *queue, uint64_t n, uint64_t nbytes)
{
	__atomic_fetch_add(&queue->waiting.slabs, n, __ATOMIC_RELAXED);
	__atomic_fetch_add(&queue->waiting.slab_bytes, nbytes, __ATOMIC_RELAXED);
}

static void push(struct rcu_queue *queue, struct slab *slab)
{
	struct slab *first = atomic_load_explicit(&queue->slabs, memory_order_relaxed);

	do
		slab->next = first;
	/* release: the slab, and its objects' last uses; pairs with who takes the queue */
	while (!atomic_compare_exchange_weak_explicit(&queue->slabs, &first, slab,
						      memory_order_release, memory_order_relaxed));
}

void rcu_defer(struct slab *slab)
{
	atomic_fetch_add_explicit(&slab->cache->nwaiting, 1, memory_order_relaxed);
	count_slab(slab->cache->rcu, 1, slab_bytes(slab));
	push(slab->cache->rcu, slab);
	/* release: the queue; pairs with rcu_wake */
	atomic_store_explicit(&waiting, true, memory_order_release);
}

void rcu_wake(void)
{
	/* acquire: pairs with rcu_defer */
	if (__builtin_expect(atomic_load_explicit(&waiting, memory_order_relaxed), 0) &&
	    atomic_exchange_explicit(&waiting, false, memory_order_acquire))
		rcu_ops_get()->wake();
}

int rcu_drain(struct rcu_queue *queue)
{
	return rcu_ops_get() ? rcu_ops_get()->drain(queue) : 0;
}

int rcu_drain_all(unsigned most_ms)
{
	return rcu_ops_get() ? rcu_ops_get()->drain_all(most_ms) : 0;
}

static size_t object_bytes(const struct kmem_cache *cache, const void *object)
{
	if (pagemap_id(object) == cache->id)
		return cache->pub.stride;
	if (guard_holds(object) && guard_cache(object) == cache)
		return guard_check(object, "kmem_cache_free_rcu") ? cache->pub.stride : 0;
	object_wrong(cache, object);
	return 0;
}

static struct rcu_queue *queue_of(const void *object)
{
	const struct kmem_cache *cache = object_cache(object);

	return cache ? cache->rcu : NULL;
}

static struct slab *next_slab(const struct slab *slab)
{
	return slab->next;
}

static void requeue(struct rcu_queue *queue, struct slab *chain)
{
	struct slab *next;

	for (; chain; chain = next) {
		next = chain->next;
		push(queue, chain);
	}
}

static void free_slab(struct rcu_queue *queue, struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;

	count_slab(queue, -(uint64_t)1, -(uint64_t)slab_bytes(slab));
	slab_free(slab);
	/* release: the record's last use; pairs with destroy_try */
	atomic_fetch_sub_explicit(&cache->nwaiting, 1, memory_order_release);
}

static void flush(void)
{
	struct thread *thread = thread_mine();

	if (thread)
		thread_flush_all(thread);
	/* Not when it frees: its own locks are held then. */
	damaged_pass();
}

static void publish(struct kmem_root_waiting *waiting)
{
	waiting->next = root_record.layout.waiting;
	/* release: the record; pairs with the acquire in stats.c */
	__atomic_store_n(&root_record.layout.waiting, (uintptr_t)waiting, __ATOMIC_RELEASE);
}

static size_t pending_most(void)
{
	return __atomic_load_n(&settings.rcu_pending, __ATOMIC_RELAXED);
}

static void report_block(const char *what, const void *block)
{
	report("%s: %p", what, block);
}

const struct rcu_core rcu_core_calls = {
	.object_bytes = object_bytes,
	.queue_of = queue_of,
	.next_slab = next_slab,
	.requeue = requeue,
	.free_slab = free_slab,
	.flush = flush,
	.publish = publish,
	.pending_most = pending_most,
	.report = report_block,
};

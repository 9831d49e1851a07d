// SPDX-License-Identifier: MIT
/* The public calls, and what the core calls. */
#include "lib/rcu/domain.h"
#include "lib/rcu/fork.h"

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/malloc.h>
#include <kmem/rcu.h>
#include <stdio.h>

const struct rcu_core *rcu_core;

/* Any of a few, the same for each thread. */
static struct shard *own_shard(struct domain *domain)
{
	static _Atomic unsigned nthreads;
	static __thread unsigned number;

	if (!number)
		number = 1 + atomic_fetch_add_explicit(&nthreads, 1, memory_order_relaxed) % SHARDS;
	return &domain->shards[number - 1];
}

/* Into the open batch, if there is one or a fresh one is given; that is then NULL. */
static bool add(struct shard *shard, struct batch **fresh, void *object, size_t nbytes,
		struct batch **full)
{
	struct batch *batch;

	pthread_mutex_lock(&shard->lock);
	if (!shard->open) {
		shard->open = *fresh;
		*fresh = NULL;
	}
	batch = shard->open;
	if (batch) {
		batch->objects[batch->nobjects++] = object;
		batch->nbytes += nbytes;
		if (batch->nobjects == BATCH_OBJECTS || batch->nbytes >= BATCH_BYTES) {
			*full = batch;
			shard->open = NULL;
		}
	}
	pthread_mutex_unlock(&shard->lock);
	return batch;
}

static struct batch *make_batch(void)
{
	struct batch *batch =
		kmem_kmalloc(sizeof(*batch), GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);

	if (batch)
		*batch = (struct batch){0};
	return batch;
}

/* false: there is no memory to note it down. */
static bool defer(struct domain *domain, void *object, size_t nbytes, bool sleeps)
{
	struct batch *fresh = NULL, *full = NULL;
	struct shard *shard = own_shard(domain);

	while (!add(shard, &fresh, object, nbytes, &full)) {
		fresh = make_batch();
		if (!fresh)
			return false;
	}
	kmem_free(fresh);
	if (full)
		domain_close(domain, full, sleeps);
	else if (!atomic_load_explicit(&domain->dirty, memory_order_relaxed) ||
		 !atomic_load_explicit(&domain->working, memory_order_relaxed))
		domain_note(domain);
	return true;
}

int kmem_cache_free_rcu(struct kmem_cache *cache, void *object)
{
	size_t nbytes = object ? rcu_core->object_bytes(cache, object) : 0;
	struct domain *domain;

	if (!nbytes)
		return 0;
	domain = (struct domain *)rcu_core->queue_of(cache);
	if (!domain)
		domain = domain_of(NULL);
	if (domain && defer(domain, object, nbytes, false))
		return 0;
	if (!domain || !domain_synchronize(domain, false))
		return -ENOMEM;
	kmem_cache_free(cache, object);
	return 0;
}

void kmem_kfree_rcu(void *block, struct kmem_rcu_room *room)
{
	size_t nbytes = kmem_ksize(block);
	struct link *link = (struct link *)room;

	if (!nbytes || defer(domain_of(NULL), block, nbytes, false))
		return;
	link->block = block;
	domain_link(domain_of(NULL), link);
}

void kmem_kfree_rcu_mightsleep(void *block)
{
	size_t nbytes = kmem_ksize(block);

	if (!nbytes || defer(domain_of(NULL), block, nbytes, true))
		return;
	if (domain_synchronize(domain_of(NULL), true))
		kmem_kfree(block);
	else
		rcu_core->report(
			"kmem_kfree_rcu_mightsleep: without memory, in a read-side critical "
			"section, a block is lost",
			block);
}

static int drain_all(bool sleeps)
{
	int drained = 0;

	/* acquire: pairs with the release in enter */
	for (struct domain *domain = atomic_load_explicit(&domains, memory_order_acquire); domain;
	     domain = domain->next) {
		int result = domain_drain(domain, sleeps);

		if (result != 0 && drained >= 0)
			drained = result;
	}
	return drained;
}

int kmem_rcu_barrier(void)
{
	int drained = drain_all(true);

	if (drained < 0)
		rcu_core->report("kmem_rcu_barrier: called in a read-side critical section, or by "
				 "what it waits for, near",
				 __builtin_return_address(0));
	return drained < 0 ? drained : 0;
}

static struct rcu_queue *queue(const struct rcu_flavor_struct *flavor)
{
	struct domain *domain = domain_of(flavor);

	return domain ? &domain->queue : NULL;
}

static void wake(void)
{
	/* acquire: pairs with the release in enter */
	for (struct domain *domain = atomic_load_explicit(&domains, memory_order_acquire); domain;
	     domain = domain->next)
		if (atomic_load_explicit(&domain->queue.slabs, memory_order_relaxed))
			domain_note(domain);
}

static bool drain(bool sleeps)
{
	return drain_all(sleeps) > 0;
}

static __attribute__((constructor)) void set_up(void)
{
	static const struct rcu_ops ops = {.queue = queue, .wake = wake, .drain = drain};

	domain_set_up_default();
	domains_survive_fork();
	rcu_core = kmem_private_rcu_attach(&ops);
}

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

/*
 * Into the open batch, if there is one or a fresh one is given; that is then NULL. *filled: the
 * bytes of the batch that is full by that.
 */
static bool add(struct shard *shard, struct batch **fresh, void *object, size_t nbytes,
		size_t *filled)
{
	struct batch *batch;

	rcu_lock(&shard->lock);
	if (!shard->open) {
		shard->open = *fresh;
		*fresh = NULL;
	}
	batch = shard->open;
	if (batch) {
		batch->objects[batch->nobjects++] = object;
		batch->nbytes += nbytes;
		count_objects(&shard->waiting, 1, nbytes);
		if (batch->nobjects == BATCH_OBJECTS || batch->nbytes >= BATCH_BYTES) {
			list_push(&shard->full, &batch->node);
			shard->open = NULL;
			*filled = batch->nbytes;
		}
	}
	rcu_unlock(&shard->lock);
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
	struct shard *shard = own_shard(domain);
	struct batch *fresh = NULL;
	size_t filled = 0;

	while (!add(shard, &fresh, object, nbytes, &filled)) {
		fresh = make_batch();
		if (!fresh)
			return false;
	}
	kmem_free(fresh);
	if (filled)
		domain_filled(domain, filled, sleeps);
	else
		domain_wake(domain);
	return true;
}

/* Of the flavour of its cache, so that who destroys the cache need wait for no other. */
static struct domain *domain_for(const void *object)
{
	struct domain *domain = (struct domain *)rcu_core->queue_of(object);

	return domain ? domain : domain_of(NULL);
}

int kmem_cache_free_rcu(struct kmem_cache *cache, void *object)
{
	size_t nbytes = object ? rcu_core->object_bytes(cache, object) : 0;
	struct domain *domain;

	if (!nbytes)
		return 0;
	domain = domain_for(object);
	if (defer(domain, object, nbytes, false))
		return 0;
	if (!domain_synchronize(domain, false))
		return -ENOMEM;
	kmem_cache_free(cache, object);
	return 0;
}

void kmem_kfree_rcu(void *block, struct kmem_rcu_room *room)
{
	size_t nbytes = kmem_ksize(block);
	struct link *link = (struct link *)room;

	if (!nbytes || defer(domain_for(block), block, nbytes, false))
		return;
	link->block = block;
	domain_link(domain_for(block), link);
}

void kmem_kfree_rcu_mightsleep(void *block)
{
	size_t nbytes = kmem_ksize(block);

	if (!nbytes || defer(domain_for(block), block, nbytes, true))
		return;
	if (domain_synchronize(domain_for(block), true))
		kmem_kfree(block);
	else
		rcu_core->report(
			"kmem_kfree_rcu_mightsleep: without memory, in a read-side critical "
			"section, a block is lost",
			block);
}

static int drain_all(bool sleeps, unsigned most_ms)
{
	int drained = 0;

	for (struct domain *domain = domains_first(); domain; domain = domain->next) {
		int result = domain_drain(domain, sleeps, most_ms);

		if (result != 0 && drained >= 0)
			drained = result;
	}
	return drained;
}

int kmem_rcu_barrier(void)
{
	int drained = drain_all(true, 0);

	if (drained < 0)
		rcu_core->report("kmem_rcu_barrier: called in a read-side critical section, or by "
				 "what it waits for, near",
				 __builtin_return_address(0));
	return drained < 0 ? drained : 0;
}

static struct rcu_queue *queue(const struct rcu_flavor_struct *flavor)
{
	struct domain *domain = domain_of(flavor);

	if (!domain)
		return NULL;
	domain_start(domain, false);
	return &domain->queue;
}

static void wake(void)
{
	for (struct domain *domain = domains_first(); domain; domain = domain->next)
		if (atomic_load_explicit(&domain->queue.slabs, memory_order_relaxed))
			domain_wake_for_slabs(domain);
}

static int drain(struct rcu_queue *queue)
{
	return domain_drain(queue ? (struct domain *)queue : domain_of(NULL), true, 0);
}

static int drain_for_memory(unsigned most_ms)
{
	return drain_all(false, most_ms);
}

/* Before the program's own constructors; what they call finds it done. */
static __attribute__((constructor(101))) void set_up(void)
{
	static const struct rcu_ops ops = {
		.queue = queue, .wake = wake, .drain = drain, .drain_all = drain_for_memory};

	domains_set_up();
	rcu_core = kmem_private_rcu_attach(&ops);
	domain_publish(domain_of(NULL));
	domains_survive_fork();
}

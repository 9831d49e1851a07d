// SPDX-License-Identifier: MIT
/* The thread of a domain, and its passes: see domain.h. */
#include "lib/rcu/domain.h"

#include <kmem/malloc.h>
#include <signal.h>

#define GATHER_MS 20u /* from the first that waits to the pass */

/* Batches that nobody has closed; what is added from now on is noted again. */
static void take_open(struct domain *domain)
{
	/* acquire: what was noted; pairs with the release in domain_note */
	atomic_exchange_explicit(&domain->dirty, false, memory_order_acq_rel);
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *shard = &domain->shards[i];
		struct batch *batch;

		pthread_mutex_lock(&shard->lock);
		batch = shard->open;
		shard->open = NULL;
		pthread_mutex_unlock(&shard->lock);
		if (!batch)
			continue;
		pthread_mutex_lock(&domain->lock);
		domain->pending += batch->nbytes;
		batch->next = domain->grace;
		domain->grace = batch;
		pthread_mutex_unlock(&domain->lock);
	}
}

/* All that waits is of this pass; whether somebody waits for it. */
static bool take(struct domain *domain)
{
	bool waited_for;

	pthread_mutex_lock(&domain->lock);
	domain->passes_begun++;
	domain->grace = domain->closed;
	domain->closed = NULL;
	domain->grace_links = domain->links;
	domain->links = NULL;
	waited_for = domain->nwaiters;
	pthread_mutex_unlock(&domain->lock);
	take_open(domain);
	pthread_mutex_lock(&domain->lock);
	/* acquire: the slabs; pairs with the release in rcu_defer */
	domain->grace_slabs =
		atomic_exchange_explicit(&domain->queue.slabs, NULL, memory_order_acquire);
	pthread_mutex_unlock(&domain->lock);
	return waited_for;
}

/* What is taken off a list is out of a fork child's sight, so it is one at a time. */
static struct batch *next_batch(struct domain *domain)
{
	struct batch *batch;

	pthread_mutex_lock(&domain->lock);
	batch = domain->grace;
	if (batch)
		domain->grace = batch->next;
	pthread_mutex_unlock(&domain->lock);
	return batch;
}

static void free_batches(struct domain *domain)
{
	struct batch *batch;

	while ((batch = next_batch(domain))) {
		kmem_cache_free_bulk(NULL, batch->nobjects, batch->objects);
		pthread_mutex_lock(&domain->lock);
		domain->pending -= batch->nbytes;
		if (domain->nthrottled)
			pthread_cond_broadcast(&domain->done);
		pthread_mutex_unlock(&domain->lock);
		kmem_free(batch);
	}
}

static struct link *next_link(struct domain *domain)
{
	struct link *link;

	pthread_mutex_lock(&domain->lock);
	link = domain->grace_links;
	if (link)
		domain->grace_links = link->next;
	pthread_mutex_unlock(&domain->lock);
	return link;
}

static struct slab *next_slab(struct domain *domain)
{
	struct slab *slab;

	pthread_mutex_lock(&domain->lock);
	slab = domain->grace_slabs;
	if (slab)
		domain->grace_slabs = rcu_core->next_slab(slab);
	pthread_mutex_unlock(&domain->lock);
	return slab;
}

static void pass(struct domain *domain)
{
	bool waited_for = take(domain);
	struct link *link;
	struct slab *slab;

	pthread_mutex_lock(&domain->grace_lock);
	domain->flavor->update_synchronize_rcu();
	pthread_mutex_unlock(&domain->grace_lock);
	free_batches(domain);
	while ((link = next_link(domain)))
		kmem_free(link->block);
	while ((slab = next_slab(domain)))
		rcu_core->free_slab(slab);
	if (waited_for)
		rcu_core->flush();
	pthread_mutex_lock(&domain->lock);
	domain->passes_done = domain->passes_begun;
	pthread_cond_broadcast(&domain->done);
	pthread_mutex_unlock(&domain->lock);
}

/* Sleep while nothing waits; what the thread's sheaves hold is of no use to it meanwhile. */
static void sleep_locked(struct domain *domain)
{
	pthread_mutex_unlock(&domain->lock);
	rcu_core->flush();
	pthread_mutex_lock(&domain->lock);
	while (!domain_waits_locked(domain))
		pthread_cond_wait(&domain->work, &domain->lock);
}

/* Until a pass is due. */
static void gather(struct domain *domain)
{
	uint64_t until_ms;

	pthread_mutex_lock(&domain->lock);
	if (!domain_waits_locked(domain))
		sleep_locked(domain);
	until_ms = domain_now_ms() + GATHER_MS;
	while (!domain->nwaiters && domain->pending < BATCH_BYTES &&
	       domain_wait_locked(domain, &domain->work, until_ms))
		;
	pthread_mutex_unlock(&domain->lock);
}

static void *work(void *domain)
{
	rcu_worker = true;
	for (;;) {
		gather(domain);
		pass(domain);
	}
	return NULL;
}

/* Without the program's signals: its handlers are no business of this thread. */
static bool make_thread(struct domain *domain)
{
	pthread_attr_t detached;
	sigset_t all, before;
	pthread_t thread;
	bool made;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	made = pthread_create(&thread, &detached, work, domain) == 0;
	pthread_attr_destroy(&detached);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (made)
		pthread_setname_np(thread, "kmem-rcu");
	return made;
}

void domain_start(struct domain *domain, bool passes)
{
	if (atomic_load_explicit(&domain->working, memory_order_relaxed) ||
	    atomic_exchange_explicit(&domain->working, true, memory_order_acquire))
		return;
	if (make_thread(domain))
		return;
	if (passes)
		pass(domain);
	/* release: the pass; pairs with the acquire above */
	atomic_store_explicit(&domain->working, false, memory_order_release);
}

// SPDX-License-Identifier: MIT
/* See fork.h. */
#include "lib/rcu/fork.h"

#include "lib/rcu/domain.h"

#include <kmem/kmalloc.h>
#include <time.h>

#define GRACE_MS 1000 /* that a fork waits for passes, in all */

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

void domains_lock(void)
{
	rcu_lock(&making);
}

void domains_unlock(void)
{
	rcu_unlock(&making);
}

/* Its own fork handlers, which the program calls, wait for grace periods, and may have done so. */
extern const struct rcu_flavor_struct urcu_bp_flavor __attribute__((weak));

static bool is_bp(const struct domain *domain)
{
	return &urcu_bp_flavor && domain->flavor == &urcu_bp_flavor;
}

/* bp is not asked whether this is a reader: it would register it, under a lock that it may hold. */
static bool lock_grace(struct domain *domain, uint64_t until_ms)
{
	bool waits = !is_bp(domain) && !domain->flavor->read_ongoing();
	const struct timespec rest = {.tv_nsec = 100000};

	atomic_store_explicit(&domain->fork_waits, true, memory_order_relaxed);
	while (pthread_mutex_trylock(&domain->grace_lock) != 0) {
		if (!waits || domain_now_ms() > until_ms)
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	}
	return true;
}

static void lock_graces(void)
{
	uint64_t until_ms = domain_now_ms() + GRACE_MS;

	for (struct domain *domain = domains_first(); domain; domain = domain->next)
		domain->grace_held = lock_grace(domain, until_ms);
}

static void before(void)
{
	pthread_mutex_lock(&making);
	lock_graces();
	for (struct domain *domain = domains_first(); domain; domain = domain->next) {
		pthread_mutex_lock(&domain->lock);
		for (unsigned i = 0; i < SHARDS; i++)
			pthread_mutex_lock(&domain->shards[i].lock);
	}
	rcu_forking = true;
}

static void in_parent(void)
{
	rcu_forking = false;
	for (struct domain *domain = domains_first(); domain; domain = domain->next) {
		for (unsigned i = 0; i < SHARDS; i++)
			pthread_mutex_unlock(&domain->shards[i].lock);
		pthread_mutex_unlock(&domain->lock);
		atomic_store_explicit(&domain->fork_waits, false, memory_order_relaxed);
		if (domain->grace_held)
			pthread_mutex_unlock(&domain->grace_lock);
	}
	pthread_mutex_unlock(&making);
}

/* What a pass had taken waits for the next. */
static void take_back(struct domain *domain)
{
	list_append(&domain->shards[0].full, domain->grace);
	list_append(&domain->links, domain->grace_links);
	rcu_core->requeue(&domain->queue, domain->grace_slabs);
	domain->grace = NULL;
	domain->grace_links = NULL;
	domain->grace_slabs = NULL;
}

/* The bytes of the shard's full batches. */
static size_t count_shard(struct shard *shard)
{
	size_t nbytes = 0;

	shard->waiting.objects = shard->waiting.object_bytes = 0;
	for (const struct node *node = shard->full; node; node = node->next) {
		const struct batch *batch = (const struct batch *)node;

		nbytes += batch->nbytes;
		count_objects(&shard->waiting, batch->nobjects, batch->nbytes);
	}
	if (shard->open)
		count_objects(&shard->waiting, shard->open->nobjects, shard->open->nbytes);
	return nbytes;
}

static void count(struct domain *domain)
{
	struct kmem_root_waiting *waiting = &domain->queue.waiting;
	size_t nbytes = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		nbytes += count_shard(&domain->shards[i]);
	atomic_store_explicit(&domain->pending, nbytes, memory_order_relaxed);
	waiting->objects = waiting->object_bytes = 0;
	for (const struct node *node = domain->links; node; node = node->next)
		count_objects(waiting, 1, kmem_ksize(((const struct link *)node)->block));
}

static void in_child(void)
{
	for (struct domain *domain = domains_first(); domain; domain = domain->next) {
		domain_set_conditions(domain); /* those that waited are gone */
		if (!domain->grace_held) {
			pthread_mutex_init(&domain->grace_lock, NULL);
			domain->stuck |= domain->in_period && !is_bp(domain);
		}
		take_back(domain);
		count(domain);
		domain->passes_done = domain->passes_wanted = domain->passes_begun;
		domain->nthrottled = 0;
		atomic_store_explicit(&domain->asleep, false, memory_order_relaxed);
		atomic_store_explicit(&domain->working, false, memory_order_relaxed);
	}
	rcu_busy = false;
	in_parent();
}

void domains_survive_fork(void)
{
	pthread_atfork(before, in_parent, in_child);
}

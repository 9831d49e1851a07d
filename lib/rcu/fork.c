// SPDX-License-Identifier: MIT
/* See fork.h. */
#include "lib/rcu/fork.h"

#include "lib/rcu/domain.h"

#include <time.h>

/*
 * How long a fork waits for a grace period: liburcu's lock is held in one, and a child that
 * found it so could never wait for another.
 */
#define GRACE_MS 100

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

void domains_lock(void)
{
	pthread_mutex_lock(&making);
}

void domains_unlock(void)
{
	pthread_mutex_unlock(&making);
}

static struct domain *first(void)
{
	/* acquire: pairs with the release in enter */
	return atomic_load_explicit(&domains, memory_order_acquire);
}

/* Unless this thread is a reader, for whom the period waits. */
static void lock_grace(struct domain *domain)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += GRACE_MS * 1000000l;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	domain->grace_held = !domain->flavor->read_ongoing() &&
			     pthread_mutex_timedlock(&domain->grace_lock, &until) == 0;
}

static void before(void)
{
	domains_lock();
	for (struct domain *domain = first(); domain; domain = domain->next) {
		lock_grace(domain);
		pthread_mutex_lock(&domain->lock);
		for (unsigned i = 0; i < SHARDS; i++)
			pthread_mutex_lock(&domain->shards[i].lock);
	}
}

static void in_parent(void)
{
	for (struct domain *domain = first(); domain; domain = domain->next) {
		for (unsigned i = 0; i < SHARDS; i++)
			pthread_mutex_unlock(&domain->shards[i].lock);
		pthread_mutex_unlock(&domain->lock);
		if (domain->grace_held)
			pthread_mutex_unlock(&domain->grace_lock);
	}
	domains_unlock();
}

/* What a pass had taken waits for the next. */
static void take_back(struct domain *domain)
{
	struct batch **last = &domain->closed;
	struct link **last_link = &domain->links;

	domain->pending = 0;
	for (; *last; last = &(*last)->next)
		domain->pending += (*last)->nbytes;
	*last = domain->grace;
	for (; *last; last = &(*last)->next)
		domain->pending += (*last)->nbytes;
	while (*last_link)
		last_link = &(*last_link)->next;
	*last_link = domain->grace_links;
	domain->grace = NULL;
	domain->grace_links = NULL;
	rcu_core->requeue(&domain->queue, domain->grace_slabs);
	domain->grace_slabs = NULL;
}

static void in_child(void)
{
	for (struct domain *domain = first(); domain; domain = domain->next) {
		/* Those that waited, and one in a grace period, are gone. */
		domain_set_conditions(domain);
		if (!domain->grace_held)
			pthread_mutex_init(&domain->grace_lock, NULL);
		take_back(domain);
		domain->passes_done = domain->passes_begun;
		domain->nwaiters = domain->nthrottled = 0;
		atomic_store_explicit(&domain->working, false, memory_order_relaxed);
		atomic_store_explicit(&domain->dirty, true, memory_order_relaxed);
	}
	rcu_worker = false;
	in_parent();
}

void domains_survive_fork(void)
{
	pthread_atfork(before, in_parent, in_child);
}

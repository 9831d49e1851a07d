// SPDX-License-Identifier: MIT
/* Domains: who defers to them, and who waits for them. See domain.h. */
#include "lib/rcu/domain.h"

#include "lib/rcu/fork.h"

#include <errno.h>
#include <kmem/malloc.h>
#include <time.h>

#define HELD_UP_MS 100u /* at most, for a batch closed */
#define LOOK_MS	   100u /* after so long a waiter looks whether there is a worker still */

struct domain *_Atomic domains;
__thread bool rcu_worker;

uint64_t domain_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool domain_wait_locked(struct domain *domain, pthread_cond_t *cond, uint64_t until_ms)
{
	struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
				 .tv_nsec = (long)(until_ms % 1000) * 1000000};

	return pthread_cond_timedwait(cond, &domain->lock, &until) != ETIMEDOUT;
}

static struct domain *find(const struct rcu_flavor_struct *flavor)
{
	/* acquire: pairs with the release in enter */
	struct domain *domain = atomic_load_explicit(&domains, memory_order_acquire);

	while (domain && domain->flavor != flavor)
		domain = domain->next;
	return domain;
}

static void enter(struct domain *domain)
{
	domain->next = atomic_load_explicit(&domains, memory_order_relaxed);
	/* release: the domain; pairs with the acquire in find */
	atomic_store_explicit(&domains, domain, memory_order_release);
}

void domain_set_conditions(struct domain *domain)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&domain->work, &monotonic);
	pthread_cond_init(&domain->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static void set_locks(struct domain *domain)
{
	pthread_mutex_init(&domain->grace_lock, NULL);
	pthread_mutex_init(&domain->lock, NULL);
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&domain->shards[i].lock, NULL);
	domain_set_conditions(domain);
}

void domain_set_up_default(void)
{
	static struct domain memb = {.flavor = &urcu_memb_flavor};

	set_locks(&memb);
	enter(&memb);
}

static struct domain *make(const struct rcu_flavor_struct *flavor)
{
	struct domain *fresh = kmem_aligned_alloc(64, sizeof(*fresh)), *domain;

	if (!fresh)
		return NULL;
	*fresh = (struct domain){.flavor = flavor};
	set_locks(fresh);
	domains_lock();
	domain = find(flavor);
	if (!domain)
		enter(fresh);
	domains_unlock();
	if (!domain)
		return fresh;
	kmem_free(fresh);
	return domain;
}

struct domain *domain_of(const struct rcu_flavor_struct *flavor)
{
	struct domain *domain;

	if (!flavor)
		flavor = &urcu_memb_flavor;
	domain = find(flavor);
	return domain ? domain : make(flavor);
}

bool domain_may_wait(struct domain *domain, bool sleeps, bool *online)
{
	const struct rcu_flavor_struct *flavor = domain->flavor;

	*online = false;
	if (rcu_worker)
		return false;
	if (!flavor->read_ongoing())
		return true;
	if (!sleeps)
		return false;
	/* In other flavours than QSBR this does nothing. */
	flavor->thread_offline();
	*online = !flavor->read_ongoing();
	return *online;
}

void domain_waited(struct domain *domain, bool online)
{
	if (online)
		domain->flavor->thread_online();
}

bool domain_synchronize(struct domain *domain, bool sleeps)
{
	bool online;

	if (!domain_may_wait(domain, sleeps, &online))
		return false;
	domain->flavor->update_synchronize_rcu();
	domain_waited(domain, online);
	return true;
}

void domain_note(struct domain *domain)
{
	if (!atomic_load_explicit(&domain->working, memory_order_relaxed))
		domain_start(domain, false);
	/* release: what waits; pairs with the exchange in domain_pass */
	if (atomic_exchange_explicit(&domain->dirty, true, memory_order_release))
		return;
	pthread_mutex_lock(&domain->lock);
	pthread_cond_signal(&domain->work);
	pthread_mutex_unlock(&domain->lock);
}

/* Grace periods lag: wait for less to be pending. */
static void hold_up(struct domain *domain, bool sleeps)
{
	uint64_t until_ms = domain_now_ms() + HELD_UP_MS;
	bool online;

	if (!domain_may_wait(domain, sleeps, &online))
		return;
	domain_start(domain, true);
	pthread_mutex_lock(&domain->lock);
	domain->nthrottled++;
	while (domain->pending > rcu_core->pending_most() &&
	       domain_wait_locked(domain, &domain->done, until_ms))
		;
	domain->nthrottled--;
	pthread_mutex_unlock(&domain->lock);
	domain_waited(domain, online);
}

void domain_close(struct domain *domain, struct batch *batch, bool sleeps)
{
	bool over;

	pthread_mutex_lock(&domain->lock);
	batch->next = domain->closed;
	domain->closed = batch;
	domain->pending += batch->nbytes;
	over = domain->pending > rcu_core->pending_most();
	if (!batch->next || domain->pending >= BATCH_BYTES)
		pthread_cond_signal(&domain->work);
	pthread_mutex_unlock(&domain->lock);
	if (!atomic_load_explicit(&domain->working, memory_order_relaxed))
		domain_start(domain, false);
	if (over)
		hold_up(domain, sleeps);
}

void domain_link(struct domain *domain, struct link *link)
{
	pthread_mutex_lock(&domain->lock);
	link->next = domain->links;
	domain->links = link;
	pthread_cond_signal(&domain->work);
	pthread_mutex_unlock(&domain->lock);
	domain_start(domain, false);
}

/* Until the passes that take all that waits now, or are under way, are done. */
static void wait_for_passes(struct domain *domain)
{
	uint64_t last;

	pthread_mutex_lock(&domain->lock);
	last = domain->passes_begun + domain_waits_locked(domain);
	domain->nwaiters++;
	pthread_cond_signal(&domain->work);
	while (domain->passes_done < last) {
		if (domain_wait_locked(domain, &domain->done, domain_now_ms() + LOOK_MS))
			continue;
		pthread_mutex_unlock(&domain->lock);
		domain_start(domain, true);
		pthread_mutex_lock(&domain->lock);
	}
	domain->nwaiters--;
	pthread_mutex_unlock(&domain->lock);
}

int domain_drain(struct domain *domain, bool sleeps)
{
	bool online, waits;

	pthread_mutex_lock(&domain->lock);
	waits = domain_waits_locked(domain) || domain->passes_done != domain->passes_begun;
	pthread_mutex_unlock(&domain->lock);
	if (!waits)
		return 0;
	if (!domain_may_wait(domain, sleeps, &online))
		return -EDEADLK;
	domain_start(domain, true);
	wait_for_passes(domain);
	domain_waited(domain, online);
	return 1;
}

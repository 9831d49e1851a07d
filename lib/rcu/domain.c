// SPDX-License-Identifier: MIT
/* Domains: who defers to them, and who waits for them. See domain.h. */
#include "lib/rcu/domain.h"

#include "lib/rcu/fork.h"

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/malloc.h>
#include <time.h>

#define HELD_UP_MS 100u /* at most, for a batch filled */
#define LOOK_MS	   100u /* after so long a waiter looks whether there is a worker still */

struct domain *_Atomic domains;
__thread bool rcu_busy, rcu_forking;

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
	struct domain *domain = domains_first();

	while (domain && domain->flavor != flavor)
		domain = domain->next;
	return domain;
}

static void enter(struct domain *domain)
{
	domain->next = atomic_load_explicit(&domains, memory_order_relaxed);
	/* release: the domain; pairs with the acquire in domains_first */
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

void domains_set_up(void)
{
	static struct domain memb = {.flavor = &urcu_memb_flavor};

	set_locks(&memb);
	enter(&memb);
}

void domain_publish(struct domain *domain)
{
	rcu_core->publish(&domain->queue.waiting);
	for (unsigned i = 0; i < SHARDS; i++)
		rcu_core->publish(&domain->shards[i].waiting);
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
	if (!domain) {
		enter(fresh);
		domain_publish(fresh);
	}
	domains_unlock();
	if (!domain)
		return fresh;
	kmem_free(fresh);
	return domain;
}

struct domain *domain_of(const struct rcu_flavor_struct *flavor)
{
	struct domain *domain = find(flavor ? flavor : &urcu_memb_flavor);

	return domain ? domain : make(flavor);
}

/* How a thread waits that may: not cancelled, as it holds locks, and offline in QSBR. */
struct waiting {
	int cancel;
	bool online;
};

static bool wait_begin(struct domain *domain, bool sleeps, struct waiting *waiting)
{
	const struct rcu_flavor_struct *flavor = domain->flavor;

	waiting->online = false;
	if (rcu_busy || rcu_forking || domain->stuck)
		return false;
	if (flavor->read_ongoing()) {
		if (!sleeps)
			return false;
		/* In other flavours than QSBR this does nothing. */
		flavor->thread_offline();
		if (flavor->read_ongoing())
			return false;
		waiting->online = true;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &waiting->cancel);
	return true;
}

static void wait_end(struct domain *domain, const struct waiting *waiting)
{
	pthread_setcancelstate(waiting->cancel, NULL);
	if (waiting->online)
		domain->flavor->thread_online();
}

void domain_period(struct domain *domain)
{
	atomic_store_explicit(&domain->in_period, true, memory_order_relaxed);
	domain->flavor->update_synchronize_rcu();
	atomic_store_explicit(&domain->in_period, false, memory_order_relaxed);
}

bool domain_synchronize(struct domain *domain, bool sleeps)
{
	struct waiting waiting;

	if (!wait_begin(domain, sleeps, &waiting))
		return false;
	pthread_mutex_lock(&domain->grace_lock);
	domain_period(domain);
	pthread_mutex_unlock(&domain->grace_lock);
	wait_end(domain, &waiting);
	return true;
}

static bool shard_waits(struct shard *shard)
{
	bool waits;

	rcu_lock(&shard->lock);
	waits = shard->open || shard->full;
	rcu_unlock(&shard->lock);
	return waits;
}

bool domain_waits(struct domain *domain)
{
	if (domain->links || atomic_load_explicit(&domain->queue.slabs, memory_order_relaxed))
		return true;
	for (unsigned i = 0; i < SHARDS; i++)
		if (shard_waits(&domain->shards[i]))
			return true;
	return false;
}

static void signal_worker(struct domain *domain)
{
	rcu_lock(&domain->lock);
	pthread_cond_signal(&domain->work);
	rcu_unlock(&domain->lock);
}

/* They are laid there without a lock: whether the worker saw them is known under the domain's. */
void domain_wake_for_slabs(struct domain *domain)
{
	domain_start(domain, false);
	signal_worker(domain);
}

void domain_wake(struct domain *domain)
{
	domain_start(domain, false);
	/*
	 * relaxed: what waits was added under its shard's lock. If the worker missed it there,
	 * it had set this before it took that lock.
	 */
	if (atomic_load_explicit(&domain->asleep, memory_order_relaxed))
		signal_worker(domain);
}

/* Grace periods lag: wait for less to be pending. */
static void hold_up(struct domain *domain, bool sleeps)
{
	uint64_t until_ms = domain_now_ms() + HELD_UP_MS;
	struct waiting waiting;

	if (!wait_begin(domain, sleeps, &waiting))
		return;
	domain_start(domain, true);
	pthread_mutex_lock(&domain->lock);
	domain->nthrottled++;
	pthread_cond_signal(&domain->work);
	while (atomic_load_explicit(&domain->pending, memory_order_relaxed) >
		       rcu_core->pending_most() &&
	       domain_wait_locked(domain, &domain->done, until_ms))
		;
	domain->nthrottled--;
	pthread_mutex_unlock(&domain->lock);
	wait_end(domain, &waiting);
}

void domain_filled(struct domain *domain, size_t nbytes, bool sleeps)
{
	size_t before = atomic_fetch_add_explicit(&domain->pending, nbytes, memory_order_relaxed);
	size_t slabs = __atomic_load_n(&domain->queue.waiting.slab_bytes, __ATOMIC_RELAXED);

	domain_wake(domain);
	if (before < BATCH_BYTES && before + nbytes >= BATCH_BYTES)
		signal_worker(domain);
	if (before + nbytes + slabs > rcu_core->pending_most())
		hold_up(domain, sleeps);
}

void domain_link(struct domain *domain, struct link *link)
{
	size_t nbytes = kmem_ksize(link->block);

	rcu_lock(&domain->lock);
	count_objects(&domain->queue.waiting, 1, nbytes);
	list_push(&domain->links, &link->node);
	pthread_cond_signal(&domain->work);
	rcu_unlock(&domain->lock);
	domain_start(domain, false);
}

/*
 * Until the passes that take what waits now, or are under way, are done; false: it is later than
 * until_ms, if that is not 0.
 */
static bool wait_for_passes(struct domain *domain, uint64_t until_ms)
{
	uint64_t last, look_ms;
	bool in_time = true;

	pthread_mutex_lock(&domain->lock);
	last = domain->passes_begun + domain_waits(domain);
	if (domain->passes_wanted < last)
		domain->passes_wanted = last;
	pthread_cond_signal(&domain->work);
	while (domain->passes_done < last && in_time) {
		look_ms = domain_now_ms() + LOOK_MS;
		if (domain_wait_locked(domain, &domain->done,
				       until_ms && until_ms < look_ms ? until_ms : look_ms))
			continue;
		in_time = !until_ms || domain_now_ms() < until_ms;
		pthread_mutex_unlock(&domain->lock);
		domain_start(domain, true);
		pthread_mutex_lock(&domain->lock);
	}
	in_time = domain->passes_done >= last;
	pthread_mutex_unlock(&domain->lock);
	return in_time;
}

int domain_drain(struct domain *domain, bool sleeps, unsigned most_ms)
{
	uint64_t until_ms = most_ms ? domain_now_ms() + most_ms : 0;
	struct waiting waiting;
	bool waits, in_time;

	rcu_lock(&domain->lock);
	waits = domain_waits(domain) || domain->passes_done != domain->passes_begun;
	rcu_unlock(&domain->lock);
	if (!waits)
		return 0;
	if (!wait_begin(domain, sleeps, &waiting))
		return -EDEADLK;
	domain_start(domain, true);
	in_time = wait_for_passes(domain, until_ms);
	wait_end(domain, &waiting);
	return in_time ? 1 : -ETIMEDOUT;
}

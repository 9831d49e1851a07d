// SPDX-License-Identifier: MIT
/* The thread of a domain, and its passes: see domain.h. */
#include "lib/rcu/domain.h"

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/malloc.h>
#include <signal.h>
#include <time.h>

#define GATHER_MS 20u	/* from the first that waits to the pass */
#define AGAIN_MS  1000u /* from one vain try to make a thread to the next */

/* All batches of the shard, full or not; the bytes of those that were not counted as full. */
static size_t take_shard(struct shard *shard, struct node **taken)
{
	size_t nbytes = 0;

	pthread_mutex_lock(&shard->lock);
	if (shard->open) {
		nbytes = shard->open->nbytes;
		list_push(&shard->full, &shard->open->node);
	}
	list_append(&shard->full, *taken);
	*taken = shard->full;
	shard->open = NULL;
	shard->full = NULL;
	pthread_mutex_unlock(&shard->lock);
	return nbytes;
}

/* All that waits is of this pass; whether somebody waits for it. */
static bool take(struct domain *domain)
{
	bool wanted;

	pthread_mutex_lock(&domain->lock);
	domain->passes_begun++;
	wanted = domain->passes_wanted >= domain->passes_begun;
	for (unsigned i = 0; i < SHARDS; i++)
		atomic_fetch_add_explicit(&domain->pending,
					  take_shard(&domain->shards[i], &domain->grace),
					  memory_order_relaxed);
	domain->grace_links = domain->links;
	domain->links = NULL;
	/* acquire: the slabs; pairs with the release in rcu_defer */
	domain->grace_slabs =
		atomic_exchange_explicit(&domain->queue.slabs, NULL, memory_order_acquire);
	pthread_mutex_unlock(&domain->lock);
	return wanted;
}

/* What is taken off a list is out of a fork child's sight, so it is one at a time. */
static void *next_of(struct domain *domain, struct node **list)
{
	struct node *node;

	pthread_mutex_lock(&domain->lock);
	node = *list;
	if (node)
		*list = node->next;
	pthread_mutex_unlock(&domain->lock);
	return node;
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

static void free_batch(struct domain *domain, struct batch *batch)
{
	kmem_cache_free_bulk(NULL, batch->nobjects, batch->objects);
	pthread_mutex_lock(&domain->lock);
	atomic_fetch_sub_explicit(&domain->pending, batch->nbytes, memory_order_relaxed);
	count_objects(&domain->queue.waiting, -(uint64_t)batch->nobjects, -batch->nbytes);
	if (domain->nthrottled)
		pthread_cond_broadcast(&domain->done);
	pthread_mutex_unlock(&domain->lock);
	kmem_free(batch);
}

/* Nothing is in hand: now somebody may fork. */
static void let_fork(struct domain *domain)
{
	const struct timespec rest = {.tv_nsec = 100000};

	if (!atomic_load_explicit(&domain->fork_waits, memory_order_relaxed))
		return;
	pthread_mutex_unlock(&domain->grace_lock);
	while (atomic_load_explicit(&domain->fork_waits, memory_order_relaxed))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	pthread_mutex_lock(&domain->grace_lock);
}

static void free_link(struct domain *domain, struct link *link)
{
	size_t nbytes = kmem_ksize(link->block);

	kmem_free(link->block);
	pthread_mutex_lock(&domain->lock);
	count_objects(&domain->queue.waiting, -(uint64_t)1, -nbytes);
	pthread_mutex_unlock(&domain->lock);
}

static void free_all(struct domain *domain)
{
	struct batch *batch;
	struct link *link;
	struct slab *slab;

	for (; (batch = next_of(domain, &domain->grace)); let_fork(domain))
		free_batch(domain, batch);
	for (; (link = next_of(domain, &domain->grace_links)); let_fork(domain))
		free_link(domain, link);
	for (; (slab = next_slab(domain)); let_fork(domain))
		rcu_core->free_slab(&domain->queue, slab);
}

static void pass(struct domain *domain)
{
	bool wanted;

	pthread_mutex_lock(&domain->grace_lock);
	let_fork(domain);
	wanted = take(domain);
	domain_period(domain);
	free_all(domain);
	pthread_mutex_unlock(&domain->grace_lock);
	if (wanted)
		rcu_core->flush();
	pthread_mutex_lock(&domain->lock);
	domain->passes_done = domain->passes_begun;
	pthread_cond_broadcast(&domain->done);
	pthread_mutex_unlock(&domain->lock);
}

static bool is_wanted_locked(const struct domain *domain)
{
	return domain->passes_wanted > domain->passes_begun || domain->nthrottled ||
	       atomic_load_explicit(&domain->pending, memory_order_relaxed) >= BATCH_BYTES;
}

/* Sleep while nothing waits; what the thread's sheaves hold is of no use to it meanwhile. */
static void sleep_locked(struct domain *domain)
{
	pthread_mutex_unlock(&domain->lock);
	rcu_core->flush();
	pthread_mutex_lock(&domain->lock);
	/* Before the last look, see domain_wake. */
	atomic_store_explicit(&domain->asleep, true, memory_order_relaxed);
	while (!is_wanted_locked(domain) && !domain_waits(domain))
		pthread_cond_wait(&domain->work, &domain->lock);
	atomic_store_explicit(&domain->asleep, false, memory_order_relaxed);
}

/* Until a pass is due. */
static void gather(struct domain *domain)
{
	uint64_t until_ms;

	pthread_mutex_lock(&domain->lock);
	if (!is_wanted_locked(domain) && !domain_waits(domain))
		sleep_locked(domain);
	until_ms = domain_now_ms() + GATHER_MS;
	while (!is_wanted_locked(domain) && domain_wait_locked(domain, &domain->work, until_ms))
		;
	pthread_mutex_unlock(&domain->lock);
}

static void *work(void *domain)
{
	rcu_busy = true;
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

/* Was there no thread to be had just now? */
static bool tried_just_now(const struct domain *domain)
{
	uint64_t last = atomic_load_explicit(&domain->made_ms, memory_order_relaxed);

	return last && domain_now_ms() - last < AGAIN_MS;
}

/* Where there is no worker. What it allocates must not wait for it. */
static void try_start(struct domain *domain, bool passes)
{
	bool again = !tried_just_now(domain);
	int error = errno;

	rcu_busy = true;
	if (again && make_thread(domain)) {
		rcu_busy = false;
		errno = error;
		return;
	}
	if (again)
		atomic_store_explicit(&domain->made_ms, domain_now_ms(), memory_order_relaxed);
	if (passes)
		pass(domain);
	rcu_busy = false;
	errno = error;
	/* release: the pass; pairs with the acquire in domain_start */
	atomic_store_explicit(&domain->working, false, memory_order_release);
}

void domain_start(struct domain *domain, bool passes)
{
	if (atomic_load_explicit(&domain->working, memory_order_relaxed) || rcu_busy ||
	    rcu_forking || domain->stuck ||
	    atomic_exchange_explicit(&domain->working, true, memory_order_acquire))
		return;
	try_start(domain, passes);
}

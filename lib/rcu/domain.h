/* SPDX-License-Identifier: MIT */
/*
 * What waits for grace periods of one flavour.
 *
 *	a free --> the open batch of one of a few shards --> its full ones --\
 *	a free without memory for a batch --> links --------------------------> a pass --> home
 *	an empty slab of a type-stable cache --> the core's queue -----------/
 *
 * A thread adds to the batch of its shard, under the shard's lock. The worker makes passes:
 * it takes all that waits, waits for one grace period, and frees it. It begins a pass when
 * so much is in full batches, when the first of what waits has waited for a while, or when
 * somebody wants a pass.
 *
 * Grace periods are flavor->update_synchronize_rcu. The worker is not registered as a reader:
 * synchronize asks for none, and a thread's record in liburcu's registry must not vanish in a
 * fork with its thread.
 *
 *  D1  an object is in one batch, and a batch in a shard, in grace, or in the worker's hands
 *  D2  pending is the bytes of full batches and of those a pass has taken
 *  D3  one pass is under way at a time; passes_done < passes_begun while it is
 *  D4  what waits, and was not there when the worker went to sleep, has woken it
 *  D5  the sums of the published records (struct kmem_root_waiting) are what waits
 *
 * Locks are the C library's: grace, then domain, then a shard's. The last two are the innermost
 * of all, nothing is called under them. The first is held during a pass, so also while
 * destructors run; but only a fork waits for it that makes no pass itself, and not for long, and
 * between two batches it is let go for one. Whoever forks holds all of them, and takes and
 * releases none.
 */
#ifndef LIB_RCU_DOMAIN_H
#define LIB_RCU_DOMAIN_H

#include "slab/rcu.h"

#include <kmem/rcu.h>
#include <pthread.h>
#include <stdint.h>
#include <urcu/urcu-memb.h> /* and flavor.h, by its names */

#define SHARDS	      8u
#define BATCH_OBJECTS 125u
#define BATCH_BYTES   ((size_t)256 << 10) /* a batch with more is full; so much is worth a pass */

/* In a list; how batches and links begin. */
struct node {
	struct node *next;
};

struct batch {
	struct node node;
	uint32_t nobjects;
	size_t nbytes;
	void *objects[BATCH_OBJECTS];
};

/* What is freed without a batch: the block has room for the link. */
struct link {
	struct node node;
	void *block;
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct batch *open;
	struct node *full; /* batches */
	struct kmem_root_waiting waiting;
};

struct domain {
	struct rcu_queue queue; /* the core's part comes first */
	const struct rcu_flavor_struct *flavor;
	struct domain *next; /* none is ever unlinked */
	struct shard shards[SHARDS];
	_Atomic size_t pending;
	_Atomic bool working;	  /* there is a worker, or who passes in its place */
	_Atomic bool asleep;	  /* the worker, until it is woken */
	_Atomic uint64_t made_ms; /* when one could last not be made; 0: never */
	bool stuck;		  /* after a fork in a grace period: there can be no other */

	pthread_mutex_t grace_lock; /* held during a pass … */
	_Atomic bool fork_waits;    /* … until somebody waits for it who forks */
	_Atomic bool in_period;	    /* liburcu's own lock may be held */
	bool grace_held;	    /* by who forks */

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t work;  /* what the worker waits for */
	pthread_cond_t done;  /* what those wait for who wait for it */
	struct node *links;
	struct node *grace, *grace_links; /* batches, and links, that a pass has taken */
	struct slab *grace_slabs;
	uint64_t passes_begun, passes_done, passes_wanted;
	unsigned nthrottled; /* who want fewer bytes to be pending */
};

_Static_assert(sizeof(struct link) == sizeof(struct kmem_rcu_room), "it lies there");

extern const struct rcu_core *rcu_core;
extern struct domain *_Atomic domains;
extern __thread bool rcu_busy;	  /* this thread makes passes, or a worker: it waits for none */
extern __thread bool rcu_forking; /* this thread holds all locks */

static inline void rcu_lock(pthread_mutex_t *lock)
{
	if (!rcu_forking)
		pthread_mutex_lock(lock);
}

static inline void rcu_unlock(pthread_mutex_t *lock)
{
	if (!rcu_forking)
		pthread_mutex_unlock(lock);
}

/* Published, and written under a lock; inspectors take none. */
static inline void count_objects(struct kmem_root_waiting *waiting, uint64_t n, uint64_t nbytes)
{
	__atomic_store_n(&waiting->objects, waiting->objects + n, __ATOMIC_RELAXED);
	__atomic_store_n(&waiting->object_bytes, waiting->object_bytes + nbytes, __ATOMIC_RELAXED);
}

static inline void list_push(struct node **list, struct node *node)
{
	node->next = *list;
	*list = node;
}

static inline void list_append(struct node **list, struct node *more)
{
	while (*list)
		list = &(*list)->next;
	*list = more;
}

static inline struct domain *domains_first(void)
{
	/* acquire: pairs with the release where one is entered */
	return atomic_load_explicit(&domains, memory_order_acquire);
}

/* Find or make the one of a flavour, NULL: urcu-memb's, which is always there; NULL: no memory. */
struct domain *domain_of(const struct rcu_flavor_struct *flavor);
void domains_set_up(void);
/* Its counts; once, where none else does. */
void domain_publish(struct domain *domain);
/* The conditions of a new domain, or of one in a child. */
void domain_set_conditions(struct domain *domain);

/* Something waits: the worker is made, or woken if it sleeps. */
void domain_wake(struct domain *domain);
/* The same where slabs are in the queue. */
void domain_wake_for_slabs(struct domain *domain);
/* A batch is full; who filled it may be held up. */
void domain_filled(struct domain *domain, size_t nbytes, bool sleeps);
/* Free the block behind the link, without memory for a batch. */
void domain_link(struct domain *domain, struct link *link);
/*
 * Wait until all that was deferred before is free, at most so long, 0: however long. 1; 0: nothing
 * was; -EDEADLK: the thread cannot wait for it; -ETIMEDOUT. sleeps: one of QSBR may pass a
 * quiescent state.
 */
int domain_drain(struct domain *domain, bool sleeps, unsigned most_ms);
/* Wait for one grace period; false: the thread cannot. */
bool domain_synchronize(struct domain *domain, bool sleeps);

/* One grace period; under the grace lock. */
void domain_period(struct domain *domain);
/* Let there be a worker. If none can be made, and passes, one pass is made here. */
void domain_start(struct domain *domain, bool passes);

/* Is there anything that no pass has taken? Takes the shards' locks. */
bool domain_waits(struct domain *domain);
/* Wait for a signal, at most until then; false: it is later. */
bool domain_wait_locked(struct domain *domain, pthread_cond_t *cond, uint64_t until_ms);
uint64_t domain_now_ms(void);

#endif

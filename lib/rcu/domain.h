/* SPDX-License-Identifier: MIT */
/*
 * What waits for grace periods of one flavour.
 *
 *	a free --> the open batch of one of a few shards --> closed --> grace --> home
 *	an empty slab of a type-stable cache --> slabs --------------/
 *
 * A thread adds to the batch of its shard, under the shard's lock; a full one is closed.
 * The worker makes passes: it takes all batches, full or not, and all slabs, waits for one
 * grace period, and frees them. It begins a pass when so much is closed, when the
 * first of what waits has waited for a while, or when somebody waits for the pass.
 *
 * Grace periods are flavor->update_synchronize_rcu, called by the worker. It is not
 * registered as a reader: synchronize asks for none, and a thread's record in liburcu's
 * registry must not vanish in a fork with its thread.
 *
 *  D1  what is in closed and grace is counted in pending; open batches are bounded anyway
 *  D2  an object is in one batch, a batch on one list
 *  D3  passes_done < passes_begun only while one is under way; there is one at a time
 *  D4  anything waits => dirty or closed or slabs, and there is a worker, or none
 *      could be made
 *
 * Locks are the C library's, and the innermost of all: nothing is called under one, but
 * synchronize under grace_lock.
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

struct batch {
	struct batch *next;
	uint32_t nobjects;
	size_t nbytes;
	void *objects[BATCH_OBJECTS];
};

/* What is freed without a batch: the block itself is the link. */
struct link {
	struct link *next;
	void *block;
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct batch *open;
};

struct domain {
	struct rcu_queue queue; /* the core's part comes first */
	const struct rcu_flavor_struct *flavor;
	struct domain *next; /* none is ever unlinked */
	struct shard shards[SHARDS];
	_Atomic bool dirty;	    /* there may be something in open batches, or slabs */
	_Atomic bool working;	    /* there is a worker, or who passes in its place */
	pthread_mutex_t grace_lock; /* held during a grace period; taken before the next one */
	bool grace_held;	    /* by who forks */

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t work;  /* what the worker waits for */
	pthread_cond_t done;  /* what those wait for who wait for it */
	struct batch *closed, *grace;
	struct link *links, *grace_links;
	struct slab *grace_slabs;
	size_t pending; /* bytes in closed and grace */
	uint64_t passes_begun, passes_done;
	unsigned nwaiters;   /* who want a pass as soon as may be */
	unsigned nthrottled; /* who want fewer bytes to be pending */
};

_Static_assert(sizeof(struct link) == sizeof(struct kmem_rcu_room), "it lies there");

extern const struct rcu_core *rcu_core;
extern struct domain *_Atomic domains;
extern __thread bool rcu_worker; /* this thread makes passes: it must not wait for one */

/* Find or make the one of a flavour, NULL: urcu-memb's, which is always there; NULL: no memory. */
struct domain *domain_of(const struct rcu_flavor_struct *flavor);
void domain_set_up_default(void);

/* Something waits that nobody was called for. */
void domain_note(struct domain *domain);
/* The batch is full; who closes it may be held up. */
void domain_close(struct domain *domain, struct batch *batch, bool sleeps);
/* Free the block behind the link, without memory for a batch. */
void domain_link(struct domain *domain, struct link *link);
/*
 * Wait until all that was deferred before is free: 1; 0: nothing was; -EDEADLK: the thread is
 * a worker, or a reader. sleeps: one of QSBR may pass a quiescent state.
 */
int domain_drain(struct domain *domain, bool sleeps);

/*
 * May the thread wait for a grace period? Then it calls domain_waited when it has; online:
 * it was taken offline for that.
 */
bool domain_may_wait(struct domain *domain, bool sleeps, bool *online);
void domain_waited(struct domain *domain, bool online);
/* The same, and waits for one: what was deferred by nobody may be freed. */
bool domain_synchronize(struct domain *domain, bool sleeps);

/* Let there be a worker. If none can be made, and passes, one pass is made here. */
void domain_start(struct domain *domain, bool passes);

/* Does anything wait that no pass has taken? Under the lock. */
static inline bool domain_waits_locked(struct domain *domain)
{
	return atomic_load_explicit(&domain->dirty, memory_order_relaxed) || domain->closed ||
	       domain->links || atomic_load_explicit(&domain->queue.slabs, memory_order_relaxed);
}

/* Wait for a signal, at most until then; false: it is later. */
bool domain_wait_locked(struct domain *domain, pthread_cond_t *cond, uint64_t until_ms);
uint64_t domain_now_ms(void);

#endif

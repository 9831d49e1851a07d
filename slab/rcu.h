/* SPDX-License-Identifier: MIT */
/*
 * Where the core meets libkmem-rcu (lib/rcu), which alone knows grace periods.
 *
 * An empty slab of a SLAB_TYPESAFE_BY_RCU cache is taken off its lists as any other, but
 * is laid into the queue of its cache's flavour. A thread of libkmem-rcu takes the queue,
 * waits for a grace period, and hands each slab back to be freed. Laying it there is one
 * compare and swap, as locks may be held; the thread is called by the next slow pass.
 *
 * Until its slabs are freed the cache's record, which they point to, stays (nwaiting).
 */
#ifndef SLAB_RCU_H
#define SLAB_RCU_H

#include <kmem/base.h>
#include <kmem/cache.h>
#include <kmem/inspect.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct slab;

struct rcu_queue {
	struct slab *_Atomic slabs;	  /* chained by next */
	struct kmem_root_waiting waiting; /* of slabs, here or in a pass; the others are not ours */
};

/* What libkmem-rcu does for the core; no lock is held. */
struct rcu_ops {
	/* The queue of a flavour, NULL: of the default one. NULL: no memory. */
	struct rcu_queue *(*queue)(const struct rcu_flavor_struct *flavor);
	/* There are slabs in queues. */
	void (*wake)(void);
	/*
	 * Wait until all that was deferred so far in a queue, NULL: the default one, is free. The
	 * thread may pass a quiescent state. 1; 0: nothing was; -EDEADLK: it cannot wait, being a
	 * reader or the one that is waited for.
	 */
	int (*drain)(struct rcu_queue *queue);
	/* The same in all queues, for so long at most; the thread passes none. Or -ETIMEDOUT. */
	int (*drain_all)(unsigned most_ms);
};

/* What the core does for libkmem-rcu. */
struct rcu_core {
	/* Bytes of the cache's object; 0: it is none, which is reported as for kmem_cache_free. */
	size_t (*object_bytes)(const struct kmem_cache *cache, const void *object);
	/* The queue of the flavour of the cache that the address is of; NULL: none was named. */
	struct rcu_queue *(*queue_of)(const void *object);
	/* The next of a chain; the chain back into its queue; its grace period is over. */
	struct slab *(*next_slab)(const struct slab *slab);
	void (*requeue)(struct rcu_queue *queue, struct slab *chain);
	void (*free_slab)(struct rcu_queue *queue, struct slab *slab);
	/* What this thread's sheaves hold goes home. */
	void (*flush)(void);
	/* Let inspectors find the record, which stays. One at a time. */
	void (*publish)(struct kmem_root_waiting *waiting);
	/* The option rcu_pending, bytes. */
	size_t (*pending_most)(void);
	/* A line on standard error about a block. */
	void (*report)(const char *what, const void *block);
};

/*
 * Libkmem-rcu is there. Of the same version, as the soname says: this is no interface for
 * others. (lib/rcu_attach.c)
 */
KMEM_API const struct rcu_core *kmem_private_rcu_attach(const struct rcu_ops *ops);

#pragma GCC visibility push(hidden)
extern const struct rcu_core rcu_core_calls;
/* NULL without libkmem-rcu. */
const struct rcu_ops *rcu_ops_get(void);
void rcu_ops_set(const struct rcu_ops *ops);
/* Free the slab after a grace period; under any lock. */
void rcu_defer(struct slab *slab);
/* Call for what was deferred; no lock is held. */
void rcu_wake(void);
/* As in rcu_ops; 0 without libkmem-rcu. */
int rcu_drain(struct rcu_queue *queue);
int rcu_drain_all(unsigned most_ms);
#pragma GCC visibility pop

#endif

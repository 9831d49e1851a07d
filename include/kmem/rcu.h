/* SPDX-License-Identifier: MIT */
/*
 * Frees that wait for readers: libkmem-rcu, on liburcu.
 *
 * What is given to these functions is freed after a grace period: once every reader that
 * was in a read-side critical section at the time of the call has left it. Frees are
 * gathered, some hundred to a grace period, by a thread of libkmem-rcu's, which starts
 * with the first of them, most of the time 20 ms after the first free. No thread has to
 * register with libkmem, readers register with liburcu as ever.
 *
 * SLAB_TYPESAFE_BY_RCU caches work the other way round: a freed object may be handed out
 * again at once, but its memory stays memory of the cache until a grace period after all
 * of its slab is free. A reader may look at an object that another has reused, and has to
 * check what it is. A lock or a count of references inside has to be set up by the
 * constructor, not by who allocates. A destructor runs after the grace period, in
 * libkmem-rcu's thread. kmem_cache_destroy waits for what is deferred; in a read-side
 * critical section it cannot and answers -EBUSY.
 *
 * The flavour is args.flavor of the cache (kmem/cache.h), urcu-memb without one, and
 * for blocks of malloc. The library must be loaded before a cache names a flavour or the flag.
 *
 * When grace periods lag, more than the option rcu_pending (64 MiB) may come to wait. Who
 * frees by these functions is then held up, for 100 ms at most for each batch, unless it is a
 * reader itself. Slabs of type-stable caches count too, but nobody is held up for them.
 *
 * In the child of a fork what waits is kept and freed there too. But for urcu-bp, threads other
 * than the one that forks must not be registered with liburcu then, as it has no way to forget
 * them. A fork waits up to a second for a grace period under way; where that does not end, there
 * is none for the child: what is freed there by these functions is kept, and waiting for it is
 * refused.
 *
 * Source: kfree_rcu and SLAB_TYPESAFE_BY_RCU of Linux; McKenney and Slingwine, "Read-Copy
 * Update", 1998; Desnoyers et al., "User-Level Implementations of Read-Copy Update", 2012.
 */
#ifndef KMEM_RCU_H
#define KMEM_RCU_H

#include <kmem/cache.h>

KMEM_BEGIN_DECLS

/*
 * Free an object of the cache after a grace period of the cache's flavour. NULL is a no-op;
 * an address of no object of the cache is reported at once, as kmem_cache_free does.
 *
 * 0, or -ENOMEM: there was no memory to note it down, the caller is a reader and cannot
 * wait, and the object stays the caller's.
 */
KMEM_API int kmem_cache_free_rcu(struct kmem_cache *cache, void *object);

/* Two pointers of room inside a block, overwritten when it is freed without memory to note it. */
struct kmem_rcu_room {
	void *words[2];
};

/*
 * Free a block of kmem_malloc or kmem_kmalloc, or an object of any cache, after a grace period.
 * room lies within it; readers must not look there. NULL is a no-op.
 */
KMEM_API void kmem_kfree_rcu(void *block, struct kmem_rcu_room *room);
/*
 * The same without room: the caller is no reader and may be made to wait. A thread that is
 * online in QSBR passes a quiescent state when it is.
 */
KMEM_API void kmem_kfree_rcu_mightsleep(void *block);

/*
 * Wait until all that was given to these functions before is free. 0, or -EDEADLK in a read-side
 * critical section, of which a line is said.
 */
KMEM_API int kmem_rcu_barrier(void);

KMEM_END_DECLS

#endif

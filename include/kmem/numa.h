/* SPDX-License-Identifier: MIT */
/*
 * Memory bound to nodes (NUMA): libkmem-numa, on libnuma. Without it, and without a policy, memory
 * of a node's threads is where the kernel puts what they touch first, as set_mempolicy(2) and
 * cpusets have it. See kmem_numa(7).
 *
 * A policy holds for memory that comes from the system after it was set: whole ranges of
 * addresses of tens of MiB are bound with mbind(2), before anybody can touch them. What a cache,
 * or the process, has already stays where it is. Set it first, then.
 *
 * Where mbind is refused, as in containers with the default filter, one line on standard error
 * says so, and memory is as without a policy.
 */
#ifndef KMEM_NUMA_H
#define KMEM_NUMA_H

#include <kmem/base.h>

KMEM_BEGIN_DECLS

struct kmem_cache;
struct bitmask; /* libnuma's */

enum kmem_numa_mode {
	KMEM_NUMA_DEFAULT, /* the process's; of the process: none. No nodes, as of the next */
	KMEM_NUMA_LOCAL, /* bound to the node of the thread that brings it, others if it is full */
	KMEM_NUMA_PREFERRED,  /* one node, others if it is full */
	KMEM_NUMA_INTERLEAVE, /* page by page on all of them in turn */
	KMEM_NUMA_BIND	      /* on these only: ENOMEM if none has room */
};

/*
 * What the process has, malloc included, but for caches with a policy of their own. nodes: a mask
 * of libnuma's, NULL where there are none.
 *
 * 0, -EINVAL: the mode; a node without memory, no node, or for PREFERRED more than one; or
 * nodes where there are to be none. -ENOSPC: more than 64 different ones.
 */
KMEM_API int kmem_numa_set(enum kmem_numa_mode mode, const struct bitmask *nodes);
/* The same for a cache, from its next slab on. */
KMEM_API int kmem_numa_set_cache(struct kmem_cache *cache, enum kmem_numa_mode mode,
				 const struct bitmask *nodes);

KMEM_END_DECLS

#endif

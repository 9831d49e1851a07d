/* SPDX-License-Identifier: MIT */
/* Where the core meets libkmem-numa (lib/numa), which alone binds memory. */
#ifndef SLAB_NUMA_H
#define SLAB_NUMA_H

#include "buddy/place.h"

#include <kmem/cache.h>

/* What libkmem-numa does for the core; errno is left alone. */
struct numa_ops {
	/* mbind(2); a bit for each node. 0 or -errno. */
	int (*bind)(void *addr, size_t nbytes, int mode, const struct node_set *nodes);
};

/* What the core does for libkmem-numa. */
struct numa_core {
	/* Is there such a node, and has it memory? Reads the nodes. */
	bool (*has_memory)(int node);
	/* Of zones bound so, with a mode of mbind(2). 0 or -ENOSPC. */
	int (*policy_of)(struct place_policy *policy, int mode, const struct node_set *nodes);
	/* Of zones that prefer the node of whoever asks. 0 or -ENOSPC. */
	int (*policy_local)(struct place_policy *policy);
	/* cache NULL: of the process. */
	void (*set)(struct kmem_cache *cache, struct place_policy policy);
};

/*
 * Libkmem-numa is there. Of the same version, as the soname says: this is no interface for
 * others. (lib/numa_attach.c)
 */
KMEM_API const struct numa_core *kmem_private_numa_attach(const struct numa_ops *ops);

#endif

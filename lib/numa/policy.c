// SPDX-License-Identifier: MIT
/* Policies of memory, from libnuma's masks to the core's places: kmem/numa.h. */
#include "slab/numa.h"

#include <errno.h>
#include <kmem/numa.h>
#include <linux/mempolicy.h>
#include <numa.h>
#include <numaif.h>
#include <stddef.h>

static const struct numa_core *core;

/* Within an allocation, which leaves errno alone. */
static int bind(void *addr, size_t nbytes, int mode, const struct node_set *nodes)
{
	int saved = errno, err = 0;

	/* The kernel takes one bit less than it is told. */
	if (mbind(addr, nbytes, mode, (const unsigned long *)nodes->word, NODES_MAX + 1, 0) != 0)
		err = -errno;
	errno = saved;
	return err;
}

static __attribute__((constructor(101))) void set_up(void)
{
	static const struct numa_ops ops = {.bind = bind};

	core = kmem_private_numa_attach(&ops);
}

/* The mask's nodes; how many, or -EINVAL: one of them has no memory. */
static int take_nodes(const struct bitmask *mask, struct node_set *nodes)
{
	int n = 0;

	*nodes = (struct node_set){{0}};
	for (unsigned long node = 0; mask && node < mask->size; node++) {
		if (!numa_bitmask_isbitset(mask, (unsigned)node))
			continue;
		if (node >= NODES_MAX || !core->has_memory((int)node))
			return -EINVAL;
		node_set_add(nodes, (int)node);
		n++;
	}
	return n;
}

static int policy_for(enum kmem_numa_mode mode, const struct bitmask *mask,
		      struct place_policy *policy)
{
	struct node_set nodes;
	int n = take_nodes(mask, &nodes);

	*policy = (struct place_policy){.kind = POLICY_NONE};
	if (n < 0)
		return n;
	switch (mode) {
	case KMEM_NUMA_DEFAULT:
		return n ? -EINVAL : 0;
	case KMEM_NUMA_LOCAL:
		return n ? -EINVAL : core->policy_local(policy);
	case KMEM_NUMA_PREFERRED:
		return n != 1 ? -EINVAL : core->policy_of(policy, MPOL_PREFERRED, &nodes);
	case KMEM_NUMA_INTERLEAVE:
		return n ? core->policy_of(policy, MPOL_INTERLEAVE, &nodes) : -EINVAL;
	case KMEM_NUMA_BIND:
		return n ? core->policy_of(policy, MPOL_BIND, &nodes) : -EINVAL;
	}
	return -EINVAL;
}

int kmem_numa_set_cache(struct kmem_cache *cache, enum kmem_numa_mode mode,
			const struct bitmask *nodes)
{
	struct place_policy policy;
	int err = policy_for(mode, nodes, &policy);

	if (!err)
		core->set(cache, policy);
	return err;
}

int kmem_numa_set(enum kmem_numa_mode mode, const struct bitmask *nodes)
{
	return kmem_numa_set_cache(NULL, mode, nodes);
}

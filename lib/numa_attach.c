// SPDX-License-Identifier: MIT
/* Where libkmem-numa comes in: see slab/numa.h. */
#include "slab/cache.h"
#include "slab/numa.h"

#include <errno.h>

static bool has_memory(int node)
{
	return node_exists(node, GFP_KERNEL) && place_has_memory(node);
}

static int policy_of(struct place_policy *policy, int mode, const struct node_set *nodes)
{
	int place = place_of_policy(mode, nodes);

	*policy = (struct place_policy){.kind = POLICY_PLACE, .place = (uint8_t)place};
	return place < 0 ? -ENOSPC : 0;
}

/* One such place at least, so that policies are looked at. */
static int policy_local(struct place_policy *policy)
{
	*policy = (struct place_policy){.kind = POLICY_LOCAL};
	return place_of_local() < 0 ? -ENOSPC : 0;
}

static void set(struct kmem_cache *cache, struct place_policy policy)
{
	if (cache)
		place_policy_store(&cache->policy, policy);
	else
		place_set_process(policy);
}

static const struct numa_core core = {
	.has_memory = has_memory,
	.policy_of = policy_of,
	.policy_local = policy_local,
	.set = set,
};

const struct numa_core *kmem_private_numa_attach(const struct numa_ops *ops)
{
	node_allow_bind(ops->bind);
	return &core;
}

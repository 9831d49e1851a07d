// SPDX-License-Identifier: MIT
/* Where libkmem-rcu comes in: see slab/rcu.h. */
#include "lib/fork.h"
#include "slab/rcu.h"

const struct rcu_core *kmem_private_rcu_attach(const struct rcu_ops *ops)
{
	/* Before libkmem-rcu's own, which then take their locks, and wait, while ours are free. */
	fork_register();
	rcu_ops_set(ops);
	return &rcu_core_calls;
}

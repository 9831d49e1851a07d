// SPDX-License-Identifier: MIT
/*
 * The nodes that the kernel's tree code frees by call_rcu go through libkmem-rcu: by
 * kmem_cache_free_rcu, which waits for the tests' readers. Other callbacks are liburcu's.
 *
 * The kernel's own callback puts a node back to what its constructor made of it. That has to
 * wait for readers as well, so here whoever allocates the node does it (shim.c).
 */
#include "shim.h"

#include <kmem/cache.h>
#include <kmem/rcu.h>
#include <linux/radix-tree.h>
#include <stdlib.h>

/* The kernel's, not static in its tests. */
extern struct kmem_cache *radix_tree_node_cachep;
void radix_tree_node_ctor(void *node);
void radix_tree_node_rcu_free(struct rcu_head *head);

wrapped(void, urcu_memb_call_rcu, struct rcu_head *head, void (*func)(struct rcu_head *head));
wrapped(void, urcu_memb_barrier, void);

unsigned long ndeferred;

void __wrap_urcu_memb_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	struct radix_tree_node *node = container_of(head, struct radix_tree_node, rcu_head);

	if (func != radix_tree_node_rcu_free ||
	    kmem_cache_free_rcu(radix_tree_node_cachep, node) != 0) {
		__real_urcu_memb_call_rcu(head, func);
		return;
	}
	__atomic_add_fetch(&ndeferred, 1, __ATOMIC_RELAXED);
	shim_freed(radix_tree_node_cachep);
}

void __wrap_urcu_memb_barrier(void)
{
	__real_urcu_memb_barrier();
	if (kmem_rcu_barrier() != 0)
		abort();
}

void shim_construct(struct kmem_cache *cache, void *object)
{
	if (cache == radix_tree_node_cachep)
		radix_tree_node_ctor(object);
}

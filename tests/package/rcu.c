// SPDX-License-Identifier: MIT
/* What an outside program does with libkmem-rcu. */
#include <kmem.h>
#include <kmem/rcu.h>
#include <stdio.h>

struct node {
	struct kmem_rcu_room room;
	int key;
};

int main(void)
{
	struct kmem_cache *cache =
		kmem_cache_create("node", sizeof(struct node), 0, SLAB_TYPESAFE_BY_RCU, NULL);
	struct node *node = cache ? kmem_cache_alloc(cache, GFP_KERNEL) : NULL;
	struct node *block = kmem_malloc(sizeof(*block));

	if (!node || !block)
		return 1;
	kmem_kfree_rcu(block, &block->room);
	if (kmem_cache_free_rcu(cache, node) || kmem_rcu_barrier() || kmem_cache_destroy(cache))
		return 1;
	puts("freed");
	return 0;
}

// SPDX-License-Identifier: MIT
/* The same table as it is without type-stable memory: a malloc and a call_rcu for each node. */
#include "rcu_table.h"

#include <stddef.h>
#include <stdlib.h>
#include <urcu/call-rcu.h>

/* The node is the link. */
struct whole {
	struct link link;
	struct node node;
	struct rcu_head rcu;
};

static const struct rcu_flavor_struct *flavor;

static void malloc_open(const struct rcu_flavor_struct *of)
{
	flavor = of;
}

static struct link *malloc_make(void)
{
	struct whole *whole = malloc(sizeof(*whole));

	if (!whole)
		return NULL;
	atomic_init(&whole->node.type, NODE_TYPE);
	whole->link.node = &whole->node;
	return &whole->link;
}

static void malloc_unlinked(struct link *link)
{
	(void)link; /* it goes with the node */
}

static void free_whole(struct rcu_head *head)
{
	free((char *)head - offsetof(struct whole, rcu));
}

static void malloc_dropped(struct node *node)
{
	struct whole *whole = (struct whole *)((char *)node - offsetof(struct whole, node));

	flavor->update_call_rcu(&whole->rcu, free_whole);
}

static void malloc_close(void)
{
	flavor->barrier();
}

const struct table_memory table_malloc = {
	.open = malloc_open,
	.make = malloc_make,
	.unlinked = malloc_unlinked,
	.dropped = malloc_dropped,
	.close = malloc_close,
};

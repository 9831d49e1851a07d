/* SPDX-License-Identifier: MIT */
/*
 * A lock-free hash table, liburcu's cds_lfht, of nodes that are reused at once.
 *
 *	cds_lfht --> link: key, node --> node: count of references, key, words
 *
 * Nodes live in a SLAB_TYPESAFE_BY_RCU cache. A node whose last reference goes is free the
 * same moment, and may be another node the next; a reader that has found it through a link a
 * moment ago takes a reference, which fails on a free one, and looks whether it is still the one
 * it was looking for. Type and count are set up by the constructor and are never anything else.
 *
 * What the table itself threads together may not be reused so: cds_lfht asks for a grace period
 * after a removal, as others walk on from there. So that is a small link, freed by RCU, while
 * what is large, and warm in the caches of the processor, waits for nobody.
 *
 * Every word of a node follows from its key (node_check).
 */
#ifndef RCU_TABLE_H
#define RCU_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu/flavor.h>
#include <urcu/rculfhash.h>

#define NODE_TYPE  0x6e6f6465u
#define NODE_WORDS 30

struct node {
	_Atomic uint32_t type;	/* NODE_TYPE, from the constructor on */
	_Atomic uint32_t nrefs; /* 0: free */
	_Atomic uint64_t key;
	uint64_t words[NODE_WORDS];
};

struct link {
	struct cds_lfht_node in_table;
	uint64_t key;
	struct node *node;
};

/* Where links and nodes come from, and go. */
struct table_memory {
	void (*open)(const struct rcu_flavor_struct *flavor);
	struct link *(*make)(void);	     /* with a free node */
	void (*unlinked)(struct link *link); /* by a thread outside of read-side sections */
	void (*dropped)(struct node *node);  /* nobody has a reference */
	void (*close)(void);
};

extern const struct table_memory table_typesafe;
extern const struct table_memory table_malloc; /* malloc, and call_rcu for each node */

/* One for the process. All threads that use it are registered with the flavour. */
void table_open(const struct table_memory *memory, const struct rcu_flavor_struct *flavor,
		unsigned long nbuckets);
/* false: the key is there, or is not. */
bool table_add(uint64_t key);
bool table_remove(uint64_t key);
/* With a reference, until table_put; NULL: it is not there. */
struct node *table_hold(uint64_t key);
void table_put(struct node *node);
/* It is empty. */
void table_close(void);

/* Ends the process if a word is not the node's. */
void node_check(const struct node *node);
/* Says so, and ends the process. */
void table_die(const char *what, const void *where) __attribute__((noreturn));

#endif

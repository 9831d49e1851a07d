// SPDX-License-Identifier: MIT
/* The table, and its memory in type-stable caches: see rcu_table.h. */
#include "rcu_table.h"

#include "rcu_table_tsan.h"

#include <kmem.h>
#include <kmem/rcu.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const struct table_memory *memory;
static const struct rcu_flavor_struct *flavor;
static struct cds_lfht *table;

void table_die(const char *what, const void *where)
{
	fprintf(stderr, "FAILED: %p %s\n", where, what);
	abort();
}

/* --- type-stable memory ------------------------------------------------------------ */

static struct kmem_cache *nodes, *links;

static void node_construct(void *object)
{
	struct node *node = object;

	atomic_init(&node->type, NODE_TYPE);
	atomic_init(&node->nrefs, 0);
	atomic_init(&node->key, 0);
}

static void typesafe_open(const struct rcu_flavor_struct *of)
{
	struct kmem_cache_args stable = {.flavor = of, .ctor = node_construct};
	struct kmem_cache_args deferred = {.flavor = of};

	nodes = kmem_cache_create("node", sizeof(struct node), &stable, SLAB_TYPESAFE_BY_RCU);
	links = kmem_cache_create("link", sizeof(struct link), &deferred, 0);
	if (!nodes || !links)
		table_die("no cache", NULL);
}

static struct link *typesafe_make(void)
{
	struct link *link = kmem_cache_alloc(links, GFP_KERNEL);

	if (!link)
		return NULL;
	link->node = kmem_cache_alloc(nodes, GFP_KERNEL);
	if (link->node)
		return link;
	kmem_cache_free(links, link);
	return NULL;
}

static void typesafe_unlinked(struct link *link)
{
	kmem_kfree_rcu_mightsleep(link);
}

static void typesafe_dropped(struct node *node)
{
	kmem_cache_free(nodes, node);
}

/* Destroy waits for what is deferred, and fails if anything was forgotten. */
static void typesafe_close(void)
{
	if (kmem_cache_destroy(links) || kmem_cache_destroy(nodes))
		table_die("a cache could not be destroyed", NULL);
}

const struct table_memory table_typesafe = {
	.open = typesafe_open,
	.make = typesafe_make,
	.unlinked = typesafe_unlinked,
	.dropped = typesafe_dropped,
	.close = typesafe_close,
};

/* --- nodes --------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

void node_check(const struct node *node)
{
	uint64_t key = atomic_load_explicit(&node->key, memory_order_relaxed);

	for (unsigned i = 0; i < NODE_WORDS; i++)
		if (node->words[i] != key + i)
			table_die("has a word of another node", node);
}

/* release: the words; pairs with the acquire in node_hold */
static void node_begin(struct node *node, uint64_t key)
{
	atomic_store_explicit(&node->key, key, memory_order_relaxed);
	for (unsigned i = 0; i < NODE_WORDS; i++)
		node->words[i] = key + i;
	atomic_store_explicit(&node->nrefs, 1, memory_order_release);
}

/* A reference to what may be free, or another node; false: it is free. */
static bool node_hold(struct node *node)
{
	uint32_t n = atomic_load_explicit(&node->nrefs, memory_order_relaxed);

	if (atomic_load_explicit(&node->type, memory_order_relaxed) != NODE_TYPE)
		table_die("is no node", node);
	do
		if (n == 0)
			return false;
	while (!atomic_compare_exchange_weak_explicit(&node->nrefs, &n, n + 1, memory_order_acquire,
						      memory_order_relaxed));
	return true;
}

void table_put(struct node *node)
{
	/* acq_rel: whoever frees it is behind all others' uses */
	if (atomic_fetch_sub_explicit(&node->nrefs, 1, memory_order_acq_rel) == 1)
		memory->dropped(node);
}

/* --- the table ----------------------------------------------------------------------- */

static struct link *link_of(struct cds_lfht_node *in_table)
{
	return (struct link *)((char *)in_table - offsetof(struct link, in_table));
}

static int is_key(struct cds_lfht_node *in_table, const void *key)
{
	tsan_acquire(in_table);
	return link_of(in_table)->key == *(const uint64_t *)key;
}

static struct link *find(uint64_t key)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(table, mixed(key), is_key, &key, &iter);
	return iter.node ? link_of(iter.node) : NULL;
}

void table_open(const struct table_memory *given, const struct rcu_flavor_struct *of,
		unsigned long nbuckets)
{
	memory = given;
	flavor = of;
	memory->open(of);
	table = cds_lfht_new_flavor(nbuckets, nbuckets, nbuckets, 0, of, NULL);
	if (!table)
		table_die("no table", NULL);
}

bool table_add(uint64_t key)
{
	struct link *link = memory->make();
	struct cds_lfht_node *there;

	if (!link)
		table_die("no memory", NULL);
	node_begin(link->node, key);
	link->key = key;
	cds_lfht_node_init(&link->in_table);
	tsan_release(&link->in_table);
	flavor->read_lock();
	there = cds_lfht_add_unique(table, mixed(key), is_key, &key, &link->in_table);
	flavor->read_unlock();
	if (there == &link->in_table)
		return true;
	table_put(link->node);
	memory->unlinked(link);
	return false;
}

bool table_remove(uint64_t key)
{
	struct link *link;
	struct node *node;

	flavor->read_lock();
	link = find(key);
	if (link && cds_lfht_del(table, &link->in_table) != 0)
		link = NULL; /* another was first */
	flavor->read_unlock();
	if (!link)
		return false;
	node = link->node;
	memory->unlinked(link);
	table_put(node);
	return true;
}

struct node *table_hold(uint64_t key)
{
	struct node *node = NULL;
	struct link *link;

	flavor->read_lock();
	link = find(key);
	if (link && node_hold(link->node))
		node = link->node;
	if (link && *(volatile uint64_t *)&link->key != key)
		table_die("is another link, under a reader", link);
	flavor->read_unlock();
	if (!node || atomic_load_explicit(&node->key, memory_order_relaxed) == key)
		return node;
	table_put(node); /* of another by now */
	return NULL;
}

void table_close(void)
{
	if (cds_lfht_destroy(table, NULL) != 0)
		table_die("the table is not empty", table);
	memory->close();
}

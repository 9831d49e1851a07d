// SPDX-License-Identifier: MIT
/*
 * Readers and writers on liburcu's own flavours. Nodes of one cache are freed by RCU, so a
 * reader finds them whole however long it looks; those of another, a type-stable one, are
 * reused at once, so a reader may find another node, but always a node. Meanwhile slabs are
 * retired, other threads free to caches of their own and destroy them, and wait at barriers.
 *
 *	flavors [--flavor N] [--seconds N] [--seed S] [--broken]	0 memb, 1 mb, 2 qsbr, 3 bp
 *
 * --broken: grace periods are skipped, which must not go unnoticed.
 */
#include "tests/stress/stress.h"

#include "buddy/buddy.h"
#include "tools/examples/rcu_table_flavor.h"

#include <errno.h>
#include <kmem.h>
#include <kmem/rcu.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define NPLACES	 512u
#define NREADERS 2u
#define NWRITERS 2u
#define NOWNERS	 2u
#define NTHREADS (NREADERS + NWRITERS + NOWNERS)
#define LOOKS	 50u
#define NODE	 0x6e6f6465u

static const struct rcu_flavor_struct *const flavors[] = {&urcu_memb_flavor, &urcu_mb_flavor,
							  &urcu_qsbr_flavor, &urcu_bp_flavor};
static const struct rcu_flavor_struct *flavor;

struct node {
	_Atomic uint32_t type; /* the constructor's: never changes */
	_Atomic uint32_t key, check;
	char pad[100];
};

static struct kmem_cache *deferred, *stable;
static struct node *_Atomic whole[NPLACES], *_Atomic reused[NPLACES];
static _Atomic bool over;
static _Atomic unsigned long nlooks, nchanges, ndestroyed;

static void construct(void *object)
{
	((struct node *)object)->type = NODE;
}

static void look(const struct node *node, bool stays)
{
	uint32_t key = node->key;

	for (unsigned i = 0; i < LOOKS; i++) {
		if (node->type != NODE)
			die("%p is no node: %08x", (const void *)node, node->type);
		if (stays && (node->key != key || node->check != ~key))
			die("%p changed: key %08x, now %08x with %08x", (const void *)node, key,
			    node->key, node->check);
	}
}

static void *read_nodes(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	flavor->register_thread();
	while (!over) {
		size_t i = below(&random, NPLACES);
		struct node *node;

		flavor->read_lock();
		node = whole[i];
		if (node)
			look(node, true);
		node = reused[i];
		if (node)
			look(node, false);
		flavor->read_unlock();
		flavor->read_quiescent_state();
		nlooks++;
	}
	flavor->unregister_thread();
	return NULL;
}

static struct node *make_node(struct kmem_cache *cache, uint64_t *random)
{
	struct node *node = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!node)
		die("no node: errno %d", errno);
	if (node->type != NODE)
		die("%p was not constructed", (void *)node);
	node->check = 0;
	node->key = (uint32_t)next_random(random);
	node->check = ~node->key;
	return node;
}

static void *change_nodes(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	flavor->register_thread();
	while (!over) {
		size_t i = below(&random, NPLACES);
		struct node *old = atomic_exchange(&whole[i], make_node(deferred, &random));

		if (old && kmem_cache_free_rcu(deferred, old) != 0)
			die("a free by RCU was refused");
		kmem_cache_free(stable, atomic_exchange(&reused[i], make_node(stable, &random)));
		if (below(&random, 1000) == 0)
			kmem_cache_shrink(stable);
		if (below(&random, 1000) == 0 && kmem_rcu_barrier() != 0)
			die("a barrier was refused");
		flavor->read_quiescent_state();
		nchanges++;
	}
	flavor->unregister_thread();
	return NULL;
}

/* Threads that are no readers, and register nowhere. */
static void *destroy_caches(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	while (!over) {
		struct kmem_cache_args args = {.flavor = flavor, .ctor = construct};
		slab_flags_t flags = below(&random, 2) ? SLAB_TYPESAFE_BY_RCU : 0;
		struct kmem_cache *cache =
			kmem_cache_create("own", sizeof(struct node), &args, flags);

		if (!cache)
			die("no cache: errno %d", errno);
		for (size_t n = below(&random, 500); n > 0; n--)
			kmem_cache_free_rcu(cache, make_node(cache, &random));
		if (kmem_cache_destroy(cache) != 0)
			die("a cache could not be destroyed");
		ndestroyed++;
	}
	return NULL;
}

static void finish(void)
{
	for (size_t i = 0; i < NPLACES; i++) {
		kmem_cache_free(deferred, whole[i]);
		kmem_cache_free(stable, reused[i]);
	}
	if (kmem_cache_destroy(deferred) != 0 || kmem_cache_destroy(stable) != 0)
		die("a cache could not be destroyed at the end");
	if (buddy_check())
		die("%s", buddy_check());
}

int main(int argc, char **argv)
{
	uint64_t seconds = option(argc, argv, "--seconds", 3);
	uint64_t seed = option(argc, argv, "--seed", default_seed());
	uint64_t number = option(argc, argv, "--flavor", 0);
	bool broken = option(argc, argv, "--broken", 0);
	struct kmem_cache_args args = {.ctor = construct};
	pthread_t threads[NTHREADS];

	printf("flavors: --flavor %lu --seconds %lu --seed %lu\n", (unsigned long)number,
	       (unsigned long)seconds, (unsigned long)seed);
	fflush(stdout);
	args.flavor = flavor = flavor_of(flavors[number % 4], broken);
	kmem_option_set("decay_ms", "40");
	deferred = kmem_cache_create("deferred", sizeof(struct node), &args, 0);
	stable = kmem_cache_create("stable", sizeof(struct node), &args, SLAB_TYPESAFE_BY_RCU);
	for (unsigned i = 0; i < NTHREADS; i++) {
		void *(*act)(void *) = i < NREADERS		 ? read_nodes
				       : i < NREADERS + NWRITERS ? change_nodes
								 : destroy_caches;

		if (pthread_create(&threads[i], NULL, act, (void *)(seed + i * 2 + 1)) != 0)
			die("no thread");
	}
	for (uint64_t end = now_ms() + seconds * 1000; now_ms() < end;)
		sched_yield();
	over = true;
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	finish();
	printf("%lu looks, %lu changes, %lu caches destroyed, %zu KiB resident\n", nlooks, nchanges,
	       ndestroyed, resident() >> 10);
	return 0;
}

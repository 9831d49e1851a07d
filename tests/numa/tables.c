// SPDX-License-Identifier: MIT
/* The tables of docs/numa.md, from what the library does on simulated machines. */
#include "tests/numa/machine.h"

#include "buddy/buddy.h"
#include "slab/cache_place.h"

#include <kmem.h>
#include <kmem/numa.h>
#include <linux/mempolicy.h>
#include <numa.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 1000

static struct kmem_cache *cache;
static void *objects[MANY];

static int node_of(const void *block)
{
	return block ? place_node(buddy_zone(block)->place) : -1;
}

/* Print what act does in a process of its own, on that machine. */
static void row(const struct machine *which, int node, void (*act)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		machine_start(which, node);
		places_read();
		cache = kmem_cache_create("table", 100, 0, 0, NULL);
		act();
		puts("");
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
}

static void *fill(void *unused)
{
	(void)unused;
	machine_free_kib[machine_node] = -1;
	for (unsigned order = 6; order-- > 0;)
		while (kmem_pages_alloc_node(order, GFP_KERNEL | __GFP_THISNODE, machine_node))
			;
	return NULL;
}

/* Whose memory one gets that asks for a node's, as one node after the other runs out. */
static void print_order(void)
{
	int wanted = machine_node;

	/* As without libkmem-numa. Its own node it would not have to ask for. */
	node_allow_bind(NULL);
	machine_node = place_node(place_here() ? 0 : 1);
	printf("| %d |", wanted);
	for (unsigned i = 0; i < places_nodes(); i++) {
		int node = node_of(kmem_pages_alloc_node(0, GFP_KERNEL, wanted));

		printf(" %d |", node);
		machine_on(node, fill, NULL);
	}
}

static void print_orders(const struct machine *which, const int *nodes, int n)
{
	static const char *const then[] = {"first", "then", "then", "then"};
	int most = 0;

	for (const char *at = which->memory; *at; at++)
		most += *at == ',';
	most = most ? most + 1 : n;
	printf("| who wants node | is served by");
	for (int i = 0; i < most; i++)
		printf("%s%s |", i ? " " : ": ", then[i]);
	printf("\n|");
	for (int i = 0; i <= most; i++)
		printf(" --- |");
	puts("");
	for (int i = 0; i < n; i++)
		row(which, nodes[i], print_order);
	puts("");
}

static void print_distances(const struct machine *which)
{
	printf("| distance from node | %s |\n| --- | --- |\n", which->online);
	for (int i = 0; i < 8 && which->lines[i].distance; i++)
		printf("| %d | %s |\n", which->lines[i].node, which->lines[i].distance);
	puts("");
}

static void *take(void *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	return NULL;
}

static void *give(void *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	return NULL;
}

/* Slabs of the first two nodes, and objects at home in them. */
static void print_where(const char *when)
{
	unsigned nslabs[4] = {0}, home[4] = {0};

	for_each_lists (cache, lists)
		for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
			for (struct slab *slab = lists[bucket]; slab; slab = slab->next) {
				nslabs[place_node(slab->place)]++;
				home[place_node(slab->place)] += slab_count_home(slab);
			}
	printf("| %s | %u | %u | %u | %u |\n", when, nslabs[0], home[0], nslabs[1], home[1]);
}

static void print_remote(void)
{
	take(NULL);
	kmem_cache_shrink(cache);
	print_where("a thread of node 0 has allocated 1000");
	machine_on(1, give, NULL);
	print_where("one of node 1 has freed them, and ended");
	machine_on(1, take, NULL);
	print_where("one of node 1 has allocated 1000, and ended");
	take(NULL);
	kmem_cache_shrink(cache);
	print_where("that of node 0 has allocated 1000 again");
}

static const char *name_of(int mode)
{
	static const char *const names[] = {
		[MPOL_PREFERRED] = "MPOL_PREFERRED",
		[MPOL_BIND] = "MPOL_BIND",
		[MPOL_INTERLEAVE] = "MPOL_INTERLEAVE",
	};

	return names[mode];
}

/* What a policy makes of the next slab of a thread on node 1. */
static void print_policy(enum kmem_numa_mode mode, const char *name, const char *list)
{
	struct bitmask *mask = numa_bitmask_alloc(NODES_MAX);
	struct node_set nodes;
	struct zone *zone;

	node_set_parse(&nodes, list);
	for (unsigned node = 0; node < 4; node++)
		if (node_set_has(&nodes, (int)node))
			numa_bitmask_setbit(mask, node);
	if (kmem_numa_set_cache(cache, mode, mask))
		exit(1);
	zone = buddy_zone(kmem_cache_alloc(cache, GFP_KERNEL));
	printf("| %s | %s | ", name, *list ? list : "–");
	if (!machine_nbound)
		printf("none | – | ");
	else
		printf("`%s` | %zu MiB, all of the zone's | ", name_of(machine_bound[0].mode),
		       machine_bound[0].nbytes == zone->pub.npages << PAGE_SHIFT
			       ? machine_bound[0].nbytes >> 20
			       : 0);
	if (zone->node < 0)
		printf("several |");
	else
		printf("%d |", zone->node);
}

static void print_default(void)
{
	print_policy(KMEM_NUMA_DEFAULT, "default", "");
}

static void print_local(void)
{
	print_policy(KMEM_NUMA_LOCAL, "local", "");
}

static void print_preferred(void)
{
	print_policy(KMEM_NUMA_PREFERRED, "preferred", "3");
}

static void print_interleave(void)
{
	print_policy(KMEM_NUMA_INTERLEAVE, "interleave", "0-3");
}

static void print_bind(void)
{
	print_policy(KMEM_NUMA_BIND, "bind", "2-3");
}

static void print_policies(void)
{
	static void (*const rows[])(void) = {print_default, print_local, print_preferred,
					     print_interleave, print_bind};

	puts("Policies of a cache, and the zone that a thread on node 1 makes for it:\n");
	puts("| policy | nodes | mbind | of | the zone's node |");
	puts("| --- | --- | --- | --- | --- |");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row(&machine_four, 1, rows[i]);
}

int main(void)
{
	static const int four[] = {0, 1, 2, 3}, holes[] = {2, 5, 7, 12};

	puts("Four nodes, two to a socket:\n");
	print_distances(&machine_four);
	print_orders(&machine_four, four, 4);
	puts("Nodes 2, 5, 7 and 12, of which 7 has processors only:\n");
	print_distances(&machine_holes);
	print_orders(&machine_holes, holes, 4);
	puts("A cache on the machine of four, and whose slabs its free objects are in:\n");
	puts("| | slabs of node 0 | free in them | slabs of node 1 | free in them |");
	puts("| --- | --- | --- | --- | --- |");
	row(&machine_four, 0, print_remote);
	print_policies();
	return 0;
}

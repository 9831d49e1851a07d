// SPDX-License-Identifier: MIT
/*
 * A process on a machine of four nodes, for inspectors: cache "spread" has 1000 objects from each
 * node, "one" 10 on node 2; half of node 3's are freed there. It says what kmem_node_stats_next
 * does, a line for each node, what kmem_stats_print does, and ready; then it waits for its end.
 */
#include "tests/numa/machine.h"

#include "buddy/place.h"

#include <kmem.h>
#include <unistd.h>

#define MANY 1000

static struct kmem_cache *spread, *one;
static void *objects[4][MANY];

static void *take(void *own)
{
	for (int i = 0; i < MANY; i++)
		if (!(((void **)own)[i] = kmem_cache_alloc(spread, GFP_KERNEL)))
			abort();
	for (int i = 0; machine_node == 2 && i < 10; i++)
		if (!kmem_cache_alloc(one, GFP_KERNEL))
			abort();
	for (int i = 0; machine_node == 3 && i < MANY; i += 2)
		kmem_cache_free(spread, ((void **)own)[i]);
	return NULL;
}

int main(void)
{
	struct kmem_node_stats stats = {.size = sizeof(stats)};

	machine_start(&machine_four, 0);
	places_read();
	spread = kmem_cache_create("spread", 256, 0, 0, NULL);
	one = kmem_cache_create("one", 256, 0, 0, NULL);
	for (int node = 0; node < 4; node++)
		machine_on(node, take, objects[node]);
	for (int node = -1; (node = kmem_node_stats_next(node, &stats)) >= 0;
	     stats.size = sizeof(stats))
		printf("node %d: %lu zones, %lu of %lu slab bytes\n", node,
		       (unsigned long)stats.zones, (unsigned long)stats.slabs,
		       (unsigned long)stats.slab_bytes);
	fflush(stdout);
	if (kmem_stats_print(STDOUT_FILENO, KMEM_STATS_JSON))
		return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

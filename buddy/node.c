// SPDX-License-Identifier: MIT
/* Nodes: see node.h. */
#include "buddy/node.h"

#include "buddy/report.h"
#include "buddy/sys.h"

#include <stdatomic.h>

#define WORD_NODES 64

static _Atomic uint64_t nodes[NODES_MAX / WORD_NODES];
static _Atomic int count;     /* of them; 0: not read yet */
static _Atomic int only = -1; /* the one node, if there is one only */

static const char *number(const char *text, int *n)
{
	for (*n = 0; *text >= '0' && *text <= '9' && *n < NODES_MAX; text++)
		*n = *n * 10 + *text - '0';
	return text;
}

void nodes_enter(const char *list)
{
	int first, last = -1, n = 0;

	while (*list >= '0' && *list <= '9') {
		list = number(list, &first);
		last = first;
		if (*list == '-')
			list = number(list + 1, &last);
		for (int node = first; node <= last && node < NODES_MAX; node++, n++)
			atomic_fetch_or_explicit(&nodes[node / WORD_NODES],
						 1ull << node % WORD_NODES, memory_order_relaxed);
		if (*list == ',')
			list++;
	}
	atomic_store_explicit(&only, n == 1 ? last : -1, memory_order_relaxed);
	/* release: pairs with the acquire in node_exists */
	if (n)
		atomic_store_explicit(&count, n, memory_order_release);
}

/* Where the file is missing, there is what one can see: the first node, and this thread's. */
static void nodes_read(void)
{
	char text[512];
	unsigned here;

	if (sys_read_file("/sys/devices/system/node/possible", text, sizeof(text)))
		nodes_enter(text);
	if (atomic_load_explicit(&count, memory_order_relaxed))
		return;
	here = sys_node() % NODES_MAX;
	report_format(text, sizeof(text), here ? "0,%u" : "%u", here);
	nodes_enter(text);
}

bool node_exists(int node, gfp_t flags)
{
	if (node < 0 || node >= NODES_MAX)
		return false;
	/* acquire: pairs with the release in nodes_enter */
	if (!atomic_load_explicit(&count, memory_order_acquire)) {
		if (!(flags & __GFP_DIRECT_RECLAIM))
			return true;
		nodes_read();
	}
	return atomic_load_explicit(&nodes[node / WORD_NODES], memory_order_relaxed) >>
		       node % WORD_NODES &
	       1;
}

int node_here(void)
{
	int node = atomic_load_explicit(&only, memory_order_relaxed);

	return node >= 0 ? node : (int)sys_node();
}

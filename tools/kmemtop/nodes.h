/* SPDX-License-Identifier: MIT */
/* On which nodes of the machine (NUMA) a process's zones are, as the kernel says. */
#ifndef KMEMTOP_NODES_H
#define KMEMTOP_NODES_H

#include "snapshot.h"

#define NODES_MAX 1024 /* as in the kernel, at most */

struct node_view {
	int node;
	uint64_t resident_nbytes;
};

struct nodes {
	struct node_view *list; /* those with memory of the zones, by number */
	size_t n;
	uint64_t resident_nbytes;
};

/* Whether the machine has several. */
int nodes_are_several(void);
/* Of s->pid and its zones, from /proc/PID/numa_maps; empty where there is none. */
void nodes_read(struct nodes *n, const struct snapshot *s);
void nodes_free(struct nodes *n);

#endif

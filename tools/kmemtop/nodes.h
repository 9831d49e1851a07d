/* SPDX-License-Identifier: MIT */
/*
 * On which nodes of the machine (NUMA) a process's zones are, as the kernel says, and of which they
 * are to be, as libkmem does.
 */
#ifndef KMEMTOP_NODES_H
#define KMEMTOP_NODES_H

#include "snapshot.h"

struct node_view {
	int node;
	uint64_t resident_nbytes;
	uint64_t
		committed_nbytes; /* of zones that are of the node, where the process is placed … */
	uint64_t nslabs;	  /* … and slabs in them */
};

struct nodes {
	struct node_view *list; /* those with memory of the zones, or zones, by number */
	size_t n;
	uint64_t resident_nbytes;
};

/* Whether the machine has several. */
int nodes_are_several(void);
/* Has the process zones by node? */
int nodes_are_placed(const struct snapshot *s);
/* Of s->pid and its zones, from /proc/PID/numa_maps, and what s says; empty where there is neither.
 */
void nodes_read(struct nodes *n, const struct snapshot *s);
void nodes_free(struct nodes *n);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Nodes of memory (NUMA): which there are, from /sys, without libnuma. Read once, when
 * first asked for.
 */
#ifndef BUDDY_NODE_H
#define BUDDY_NODE_H

#include <kmem/gfp.h>
#include <stdbool.h>

#define NODES_MAX 1024 /* as in the kernel, at most */

/* With GFP_NOWAIT, which reads no file, any node that a machine may have seems to be there. */
bool node_exists(int node, gfp_t flags);
/* Of the calling thread. */
int node_here(void);

/* There are those of the list, as "0-3,8": what node_exists would read. */
void nodes_enter(const char *list);

#endif

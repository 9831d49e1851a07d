/* SPDX-License-Identifier: MIT */
/*
 * Nodes of memory (NUMA): which there are, which have memory, how far apart they lie, where a
 * thread runs, and the call that binds addresses to them. All of it comes through one table, in
 * the place of which tests put a machine of theirs. Read once, without libnuma.
 */
#ifndef BUDDY_NODE_H
#define BUDDY_NODE_H

#include <kmem/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODES_MAX 1024 /* as in the kernel, at most */

struct node_set {
	uint64_t word[NODES_MAX / 64];
};

struct node_machine {
	/* The beginning of a file of /sys/devices/system/node; false: there is none. */
	bool (*read)(const char *name, char *text, size_t nbytes);
	/* Those that the process may have memory of. 0 or -errno: it is not said. */
	int (*allowed)(struct node_set *nodes);
	/* The node of the processor that the calling thread is on. */
	unsigned (*here)(void);
	/* mbind(2), without flags: libkmem-numa's. 0 or -errno. */
	int (*bind)(void *addr, size_t nbytes, int mode, const struct node_set *nodes);
};

/* What binds, for the machine: libkmem-numa is there. */
void node_allow_bind(int (*bind)(void *addr, size_t nbytes, int mode,
				 const struct node_set *nodes));
bool node_binds(void);

/* The machine; tests put their own in. */
extern const struct node_machine *node_machine;

/* With GFP_NOWAIT, which reads no file, any node that a machine may have seems to be there. */
bool node_exists(int node, gfp_t flags);
/* Of the calling thread. */
int node_here(void);

/* There are those of the list, as "0-3,8": what node_exists would read. */
void nodes_enter(const char *list);
/* The nodes of a list; how many. */
int node_set_parse(struct node_set *set, const char *list);
/* The list in a file of the machine; 0: there is none. */
int node_set_read(struct node_set *set, const char *name);

/* The one node of a set; -1: it has none, or several. */
int node_set_single(const struct node_set *set);

static inline void node_set_add(struct node_set *set, int node)
{
	set->word[node / 64] |= 1ull << node % 64;
}

static inline bool node_set_has(const struct node_set *set, int node)
{
	return set->word[node / 64] >> node % 64 & 1;
}

#endif

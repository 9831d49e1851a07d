/* SPDX-License-Identifier: MIT */
/*
 * Places: what zones, and the slabs in them, are of. A node of memory is one, and so is a policy
 * with which the program binds memory (libkmem-numa); both are small numbers, whatever the nodes'
 * are called.
 *
 *	0 … nnodes - 1		nodes with memory; place 0 is that of the thread that read them
 *	PLACE_POLICIES …	policies: zones that mbind(2) was called for, each as a whole
 *
 * Where the kernel puts a page of a node's zone is its own decision, made when the page is first
 * touched, as its thread's set_mempolicy(2) and cpuset say: nothing is bound. A zone of a node is
 * used by threads of the node, so that they are who touches it.
 *
 * Nodes are read once, at start: one system call where there is one that the process may have
 * memory of. What was before is of place 0. With one, and no policy, there is one place and all of
 * this is one test of places_several, on slow paths.
 *
 * Invariants:
 *  N1  a zone's place never changes, nor does a slab's, which is that of its zone
 *  N2  a run or slab is taken from zones of the place that was asked for, or, if it may be
 *      another, from the nearest to it that has one
 *  N3  zones of policies are bound before anybody can touch them
 */
#ifndef BUDDY_PLACE_H
#define BUDDY_PLACE_H

#include "buddy/node.h"

#include <stdatomic.h>

#define PLACE_POLICIES 64u
#define PLACES_MAX     128u

/*
 * From which places a request is served: first one, then others by distance, or none but it; at the
 * end, if none has room, again from the first, whatever is said of room.
 */
struct place_walk {
	uint64_t tried; /* of the nodes' places */
	uint8_t place;
	uint8_t first;
	uint8_t from; /* the node's place distances are from */
	bool only;
	bool despite; /* what is said of room: the kernel may know better */
};

#pragma GCC visibility push(hidden)
extern _Atomic bool places_more;  /* there is more than place 0 */
extern _Atomic bool places_known; /* or about to be */
#pragma GCC visibility pop

static inline bool places_several(void)
{
	/* acquire: what they are; pairs with the release in places_read and place_of_policy */
	return __builtin_expect(atomic_load_explicit(&places_more, memory_order_acquire), 0);
}

/* Read the nodes, unless that was done; no lock is held. */
void places_read(void);
/* How many nodes have places; 1 before they are read. */
unsigned places_nodes(void);
/* Of the calling thread: its node's, or the nearest one's with memory. */
unsigned place_here(void);
/* The same of a node. */
unsigned place_of_node(int node);
/* The place's node; -1: several, or not known. */
int place_node(unsigned place);
/* Those of a policy's place. */
const struct node_set *place_policy_nodes(unsigned place);

/* What the program said of memory, of the process or a cache. */
enum { POLICY_NONE, POLICY_LOCAL, POLICY_PLACE };
struct place_policy {
	uint8_t kind;
	uint8_t place; /* POLICY_PLACE */
};

/* The place of zones bound so, with a mode of mbind(2); -1: there are too many. */
int place_of_policy(int mode, const struct node_set *nodes);
/* The place of zones that prefer the node. */
int place_of_preferred(int node);
/* The same of the thread's node, or of the nearest to it with memory: none other can be bound to.
 */
int place_of_local(void);
/* In one word, for who reads it while it is changed. */
static inline void place_policy_store(_Atomic uint16_t *word, struct place_policy policy)
{
	/* release: what the place is bound to; pairs with place_policy_load */
	atomic_store_explicit(word, (uint16_t)(policy.kind | policy.place << 8),
			      memory_order_release);
}

static inline struct place_policy place_policy_load(const _Atomic uint16_t *word)
{
	/* acquire: pairs with place_policy_store */
	uint16_t policy = atomic_load_explicit(word, memory_order_acquire);

	return (struct place_policy){.kind = (uint8_t)policy, .place = (uint8_t)(policy >> 8)};
}

void place_set_process(struct place_policy policy);
struct place_policy place_process(void);

/* Where to look by a policy; by none: by that of the process, else here first. */
struct place_walk place_by(struct place_policy policy);
/* A node first; only: in no other. */
struct place_walk place_walk_from(unsigned place, bool only);
/*
 * The same by the node's number, reading the nodes if need be. false: only there, and it has no
 * memory.
 */
bool place_walk_node(struct place_walk *walk, int node, bool only);
/* Has the node memory, as far as is known? Reads the nodes. */
bool place_has_memory(int node);
/* Is what the calling thread gets anyway of the node, as far as the flags insist? */
bool node_is_served(int node, gfp_t flags);
/* The next place to look in; false: that was the last. */
bool place_walk_next(struct place_walk *walk);

/* Bind a range, reserved or mapped and not touched yet, if the place is a policy's. */
void place_bind(unsigned place, void *addr, size_t nbytes);
/* Has its node room for so much more? Reads a file. */
bool place_has_room(unsigned place, size_t nbytes);

#endif

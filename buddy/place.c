// SPDX-License-Identifier: MIT
/* Places: see place.h. */
#include "buddy/place.h"

#include "buddy/buddy.h"
#include "buddy/report.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>

#define NO_PLACE     UINT8_MAX
#define FAR	     UINT8_MAX /* the machine does not say how far */
#define DISTANCES    1024      /* bytes of a node's line */
#define POLICIES_MAX (PLACES_MAX - PLACE_POLICIES)

_Atomic bool places_more, places_known;
static _Atomic unsigned nnodes = 1;
static _Atomic int sole = -1;  /* the one node with memory, if that is known */
static struct node_set having; /* memory, if there are several */

/* Written before nnodes. */
static int16_t node_of[PLACE_POLICIES];
static uint8_t distance[PLACE_POLICIES][PLACE_POLICIES];
static uint8_t nearest[NODES_MAX]; /* place of each node, with or without memory */

static struct {
	struct node_set nodes;
	int mode;
} policies[POLICIES_MAX]; /* entered under the page lock, constant then */
static _Atomic unsigned npolicies;
static _Atomic uint16_t process_policy;

/* Distances from a node to the places' nodes: a line with one for each node that is online. */
static void read_distances(int node, const struct node_set *online, unsigned n, uint8_t *to)
{
	char name[32], text[DISTANCES];
	const char *at = text;

	memset(to, FAR, n);
	report_format(name, sizeof(name), "node%d/distance", node);
	if (!node_machine->read(name, text, sizeof(text)))
		return;
	for (int other = 0; other < NODES_MAX && *at; other++) {
		unsigned value = 0;

		if (!node_set_has(online, other))
			continue;
		while (*at == ' ')
			at++;
		if (*at < '0' || *at > '9')
			break;
		for (; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (unsigned)(*at - '0');
		for (unsigned i = 0; i < n; i++)
			if (node_of[i] == other)
				to[i] = value < FAR ? (uint8_t)value : FAR;
	}
}

static unsigned least(const uint8_t *to, unsigned n)
{
	unsigned best = 0;

	for (unsigned i = 1; i < n; i++)
		if (to[i] < to[best])
			best = i;
	return best;
}

/* The nodes with memory, so many at most as there are places. */
static unsigned enter_nodes(const struct node_set *memory)
{
	unsigned n = 0;

	for (int node = 0; node < NODES_MAX && n < PLACE_POLICIES; node++)
		if (node_set_has(memory, node))
			node_of[n++] = (int16_t)node;
	return n;
}

/* The calling thread's node, or the nearest to it, comes first: what there is was made by it. */
static void order_nodes(const struct node_set *online, unsigned n)
{
	uint8_t to[PLACE_POLICIES];
	unsigned here = node_machine->here() % NODES_MAX, first;
	int16_t node;

	read_distances((int)here, online, n, to);
	for (unsigned i = 0; i < n; i++)
		if (node_of[i] == (int)here)
			to[i] = 0;
	first = least(to, n);
	node = node_of[first];
	memmove(&node_of[1], &node_of[0], first * sizeof(node_of[0]));
	node_of[0] = node;
}

static void enter_distances(const struct node_set *online, unsigned n)
{
	uint8_t to[PLACE_POLICIES];

	for (unsigned i = 0; i < n; i++)
		read_distances(node_of[i], online, n, distance[i]);
	for (int node = 0; node < NODES_MAX; node++)
		if (node_set_has(online, node)) {
			read_distances(node, online, n, to);
			nearest[node] = (uint8_t)least(to, n);
		}
	for (unsigned i = 0; i < n; i++)
		nearest[node_of[i]] = (uint8_t)i;
}

/* The zones that are there are the first place's. */
static void name_zones(void)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone)
		__atomic_store_n(&zone->node, place_node(zone->place), __ATOMIC_RELAXED);
	lock_release(&buddy_lock, LOCK_PAGES);
}

/* Nodes with memory, of those that this process may have some of. */
static void read_memory(const struct node_set *allowed)
{
	if (!node_set_read(&having, "has_memory") && !node_set_read(&having, "online"))
		node_set_read(&having, "possible");
	for (unsigned i = 0; i < sizeof(having.word) / sizeof(having.word[0]); i++)
		having.word[i] &= allowed->word[i];
}

static void read_distances_of(unsigned n)
{
	struct node_set online;

	if (!node_set_read(&online, "online"))
		node_set_read(&online, "possible");
	order_nodes(&online, n);
	enter_distances(&online, n);
	/* release: what they are; pairs with places_nodes and places_several */
	atomic_store_explicit(&nnodes, n, memory_order_release);
	atomic_store_explicit(&places_more, true, memory_order_release);
	name_zones();
}

/* Where it is not known that there is one only. */
static void read_several(const struct node_set *allowed)
{
	unsigned n;

	read_memory(allowed);
	n = enter_nodes(&having);
	if (n > 1)
		read_distances_of(n);
	else
		atomic_store_explicit(&sole, node_set_single(&having), memory_order_relaxed);
}

void places_read(void)
{
	struct node_set allowed;
	int one;

	if (atomic_exchange_explicit(&places_known, true, memory_order_relaxed))
		return;
	if (node_machine->allowed(&allowed) < 0)
		memset(&allowed, 0xff, sizeof(allowed));
	one = node_set_single(&allowed);
	atomic_store_explicit(&sole, one, memory_order_relaxed);
	if (one < 0)
		read_several(&allowed);
}

unsigned places_nodes(void)
{
	/* acquire: pairs with the release in places_read */
	return atomic_load_explicit(&nnodes, memory_order_acquire);
}

unsigned place_of_node(int node)
{
	return nearest[(unsigned)node % NODES_MAX];
}

unsigned place_here(void)
{
	return places_nodes() > 1 ? place_of_node((int)node_machine->here()) : 0;
}

const struct node_set *place_policy_nodes(unsigned place)
{
	return &policies[place - PLACE_POLICIES].nodes;
}

int place_node(unsigned place)
{
	if (place >= PLACE_POLICIES)
		return node_set_single(&policies[place - PLACE_POLICIES].nodes);
	return places_nodes() > 1 ? node_of[place] : -1;
}

static bool same_policy(unsigned i, int mode, const struct node_set *nodes)
{
	return policies[i].mode == mode && memcmp(&policies[i].nodes, nodes, sizeof(*nodes)) == 0;
}

/* Among the first n; n if it is not there. */
static unsigned find_policy(unsigned n, int mode, const struct node_set *nodes)
{
	unsigned i = 0;

	while (i < n && !same_policy(i, mode, nodes))
		i++;
	return i;
}

int place_of_policy(int mode, const struct node_set *nodes)
{
	/* acquire: pairs with the release below; they only become more */
	unsigned n = atomic_load_explicit(&npolicies, memory_order_acquire);
	unsigned i = find_policy(n, mode, nodes);

	if (i < n)
		return (int)(PLACE_POLICIES + i);
	lock_take(&buddy_lock, LOCK_PAGES);
	n = atomic_load_explicit(&npolicies, memory_order_relaxed);
	i = find_policy(n, mode, nodes);
	if (i == n && n < POLICIES_MAX) {
		policies[i].mode = mode;
		policies[i].nodes = *nodes;
		/* release: the policy; pairs with the load above, and with places_several */
		atomic_store_explicit(&npolicies, n + 1, memory_order_release);
		atomic_store_explicit(&places_more, true, memory_order_release);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
	return i < POLICIES_MAX ? (int)(PLACE_POLICIES + i) : -1;
}

int place_of_preferred(int node)
{
	struct node_set nodes = {{0}};

	node_set_add(&nodes, node);
	return place_of_policy(MPOL_PREFERRED, &nodes);
}

int place_of_local(void)
{
	int node = node_here() % NODES_MAX, nearest_one;

	if (place_has_memory(node))
		return place_of_preferred(node);
	nearest_one = place_node(place_here());
	return place_of_preferred(
		nearest_one >= 0 ? nearest_one : atomic_load_explicit(&sole, memory_order_relaxed));
}

void place_set_process(struct place_policy policy)
{
	place_policy_store(&process_policy, policy);
}

struct place_policy place_process(void)
{
	return place_policy_load(&process_policy);
}

struct place_walk place_walk_from(unsigned place, bool only)
{
	struct place_walk walk = {.place = (uint8_t)place, .first = (uint8_t)place, .only = only};
	int node = place_node(place);

	walk.from = (uint8_t)(place < PLACE_POLICIES ? place
			      : node >= 0	     ? place_of_node(node)
						     : place_here());
	return walk;
}

static struct place_walk walk_local(void)
{
	int place = place_of_local();

	return place_walk_from(place < 0 ? place_here() : (unsigned)place, false);
}

/*
 * By no policy: the thread's own may put its pages anywhere, and where a node is full the kernel
 * takes another's, so nobody is asked for room.
 */
static struct place_walk walk_here(void)
{
	struct place_walk walk = place_walk_from(place_here(), false);

	walk.despite = true;
	return walk;
}

struct place_walk place_by(struct place_policy policy)
{
	if (policy.kind == POLICY_NONE)
		policy = place_process();
	if (policy.kind == POLICY_NONE)
		return walk_here();
	if (policy.kind == POLICY_LOCAL)
		return walk_local();
	return place_walk_from(policy.place,
			       policies[policy.place - PLACE_POLICIES].mode == MPOL_BIND);
}

bool place_has_memory(int node)
{
	int one;

	places_read();
	if (places_nodes() > 1)
		return node_set_has(&having, node);
	one = atomic_load_explicit(&sole, memory_order_relaxed);
	return one < 0 || one == node;
}

/* Are the place's zones the node's? Those of the nodes for which there was no place are not. */
static bool is_of(unsigned place, int node)
{
	return places_nodes() < 2 || node_of[place] == node;
}

bool place_walk_node(struct place_walk *walk, int node, bool only)
{
	bool there = place_has_memory(node);
	unsigned nodes_own = place_of_node(node);
	int bound = there && node_binds() ? place_of_preferred(node) : -1;

	if (only && (!there || (bound < 0 && !is_of(nodes_own, node))))
		return false;
	*walk = place_walk_from(bound < 0 ? nodes_own : (unsigned)bound, only);
	return true;
}

bool node_is_served(int node, gfp_t flags)
{
	if (node != node_here())
		return false;
	/* Sheaves may have some of others, and policies are of others. */
	return !places_several() || !(flags & __GFP_THISNODE || place_process().kind);
}

bool place_walk_next(struct place_walk *walk)
{
	unsigned n = places_nodes(), best = NO_PLACE;

	if (walk->only)
		return false;
	if (walk->place < PLACE_POLICIES)
		walk->tried |= 1ull << walk->place;
	for (unsigned i = 0; i < n; i++)
		if (!(walk->tried >> i & 1) &&
		    (best == NO_PLACE || distance[walk->from][i] < distance[walk->from][best]))
			best = i;
	if (best == NO_PLACE && walk->despite)
		return false;
	if (best == NO_PLACE) {
		walk->despite = true;
		walk->tried = 0;
		best = walk->first;
	}
	walk->place = (uint8_t)best;
	return true;
}

void place_bind(unsigned place, void *addr, size_t nbytes)
{
	static _Atomic bool told;
	int err;

	if (place < PLACE_POLICIES)
		return;
	place -= PLACE_POLICIES;
	err = node_machine->bind(addr, nbytes, policies[place].mode, &policies[place].nodes);
	if (err < 0 && !atomic_exchange_explicit(&told, true, memory_order_relaxed))
		report("mbind is refused (errno %d%s): memory lies where the kernel puts it", -err,
		       err == -EPERM ? ", EPERM" : "");
}

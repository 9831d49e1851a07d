/* SPDX-License-Identifier: MIT */
/*
 * Whose node (NUMA) slabs are of: those of place 0 are of the first zone's, the others have records
 * of their own, a list for each cache. A process that is not placed has none.
 */
#include "snapshot_nodes.h"

#include "nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MOST 128 /* records of a cache: more is no list */

/* The layout's words about places are there, and lie in records. */
static int is_published(const struct kmem_root *root)
{
	return root->layout_size >= offsetof(struct kmem_root_layout, place_lists) +
					    sizeof(root->layout.place_lists) &&
	       root->layout.cache_places && root->layout.cache_places <= root->cache_size - 8;
}

static int add(struct cache_view *v, int node, uint64_t nslabs)
{
	struct node_slabs *on;

	if (node < 0 || node >= NODES_MAX || !nslabs)
		return 0;
	for (size_t i = 0; i < v->non; i++)
		if (v->on[i].node == node) {
			v->on[i].nslabs += nslabs;
			return 0;
		}
	on = reallocarray(v->on, v->non + 1, sizeof(*on));
	if (!on)
		return -ENOMEM;
	v->on = on;
	on[v->non++] = (struct node_slabs){.node = node, .nslabs = nslabs};
	return 0;
}

static int by_node(const void *a, const void *b)
{
	return ((const struct node_slabs *)a)->node - ((const struct node_slabs *)b)->node;
}

/* The records from addr on; what is left is of the first place. */
static int walk_places(struct cache_view *v, struct target *t, const struct kmem_root_layout *at,
		       uint64_t addr, int first_node)
{
	uint64_t left = v->nslabs, next;
	int rc = 0;

	for (int n = 0; addr && !rc && n < PLACES_MOST; n++, addr = next) {
		int32_t node;
		uint32_t nslabs;
		struct target_part parts[] = {
			{.addr = addr + at->place_next, .buf = &next, .nbytes = sizeof(next)},
			{.addr = addr + at->place_node, .buf = &node, .nbytes = sizeof(node)},
			{.addr = addr + at->place_nslabs, .buf = &nslabs, .nbytes = sizeof(nslabs)},
		};

		rc = target_read_parts(t, parts, 3);
		if (rc || !parts[0].ok || !parts[1].ok || !parts[2].ok)
			break;
		if (nslabs > left)
			nslabs = (uint32_t)left;
		left -= nslabs;
		rc = add(v, node, nslabs);
	}
	if (!rc)
		rc = add(v, first_node, left);
	if (v->non)
		qsort(v->on, v->non, sizeof(v->on[0]), by_node);
	return rc;
}

/* The first word of each cache's list, for each of the views. */
static int read_heads(const struct snapshot *s, const struct reading *r, uint64_t *heads)
{
	struct target_part *parts = calloc(s->ncaches + 1, sizeof(*parts));
	int rc;

	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < s->ncaches; i++)
		parts[i] = (struct target_part){
			.addr = r->addrs[s->caches[i].id] + r->root.layout.cache_places,
			.buf = &heads[i],
			.nbytes = sizeof(heads[i]),
		};
	rc = target_read_parts(r->t, parts, s->ncaches);
	for (size_t i = 0; !rc && i < s->ncaches; i++)
		if (!parts[i].ok)
			heads[i] = 0;
	free(parts);
	return rc;
}

int snapshot_nodes(struct snapshot *s, const struct reading *r)
{
	uint64_t *heads;
	int rc;

	if (!is_published(&r->root) || !nodes_are_placed(s))
		return 0;
	heads = calloc(s->ncaches + 1, sizeof(*heads));
	rc = heads ? read_heads(s, r, heads) : -ENOMEM;
	for (size_t i = 0; !rc && i < s->ncaches; i++)
		rc = walk_places(&s->caches[i], r->t, &r->root.layout, heads[i], s->zones[0].node);
	free(heads);
	return rc;
}

/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's own files say, of a process: columns and widths are theirs, so that
 * their parsers read them; but for N0=, N1= and so on at the end of a cache's line, its slabs by
 * node, as the kernel's slabinfo has them in files of their own. Only where the process is placed.
 * Names there have no spaces; ours get '_' in their place.
 */
#include "batch.h"

#include <inttypes.h>
#include <string.h>

static void put_cache(FILE *out, const struct cache_view *v)
{
	char name[sizeof(v->name)];

	memcpy(name, v->name, sizeof(name));
	for (char *at = name; (at = strchr(at, ' ')); at++)
		*at = '_';
	if (name[0] == '#')
		name[0] = '_'; /* a comment to parsers */
	fprintf(out, "%-17s %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %4" PRIu64 " %4" PRIu64, name,
		v->active, v->objects, v->object_nbytes, v->slab_objects, v->slab_nbytes / 4096);
	fprintf(out, " : tunables %4u %4u %4u", 0, 0, 0);
	fprintf(out, " : slabdata %6" PRIu64 " %6" PRIu64 " %6u", v->active_slabs, v->nslabs, 0);
	for (size_t i = 0; i < v->non; i++)
		fprintf(out, " N%d=%" PRIu64, v->on[i].node, v->on[i].nslabs);
	putc('\n', out);
}

void batch_slabinfo(FILE *out, const struct snapshot *s)
{
	fputs("slabinfo - version: 2.1\n"
	      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
	      " : tunables <limit> <batchcount> <sharedfactor>"
	      " : slabdata <active_slabs> <num_slabs> <sharedavail>\n",
	      out);
	for (size_t i = 0; i < s->ncaches; i++)
		put_cache(out, &s->caches[i]);
}

/* Zones of several nodes, and of a process that is not placed, are the first one's. */
void batch_buddyinfo(FILE *out, const struct geometry *g)
{
	char name[32];

	for (size_t i = 0; i < g->nzones; i++) {
		snprintf(name, sizeof(name), "kmem%zu", i);
		fprintf(out, "Node %d, zone %8s ", g->zones[i].node < 0 ? 0 : g->zones[i].node,
			name);
		for (int order = 0; order < GEOMETRY_ORDERS; order++)
			fprintf(out, "%6" PRIu64 " ", g->zones[i].free_orders[order]);
		putc('\n', out);
	}
}

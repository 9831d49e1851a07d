// SPDX-License-Identifier: MIT
/*
 * Zones page by page: the descriptors of all committed pages, read at once, say where
 * each run begins and how long it is. Beside them the page map's ids say which cache a slab
 * is of. What says nothing that can be is moving, up to the next page that does.
 */
#include "geometry_reading.h"

#include <errno.h>
#include <string.h>

/* What is being read of a zone, or of a GiB of the page map. */
struct pages {
	uint64_t base;
	uint32_t n;
	struct kmem_root_page *page;
	uint16_t *id;
};

/* --- the list of zones ---------------------------------------------------------- */

struct zone_list {
	struct geometry *g;
	uint64_t *descriptors; /* of zones: addresses */
};

static int zone_is_sound(const struct kmem_root_zone *z)
{
	return geometry_aligned(z->base) && z->npages && z->npages <= LEAF_PAGES &&
	       z->committed <= z->npages &&
	       z->base >> GEOMETRY_LEAF ==
		       (z->base + z->npages * GEOMETRY_PAGE - 1) >> GEOMETRY_LEAF;
}

/* The zone's record was read as far as that, or it has no such word. */
static size_t record_end(const struct kmem_root *root)
{
	size_t pages = root->layout.zone_pages + sizeof(uint64_t);
	size_t node = root->layout.zone_node + sizeof(int32_t);
	size_t end = pages > sizeof(struct kmem_root_zone) ? pages : sizeof(struct kmem_root_zone);

	return root->layout.zone_node && node > end && node <= GEOMETRY_RECORD ? node : end;
}

static int node_of(const void *record, const struct kmem_root *root)
{
	size_t at = root->layout.zone_node;
	int32_t node = -1;

	if (at >= sizeof(struct kmem_root_zone) && at + sizeof(node) <= record_end(root))
		memcpy(&node, (const char *)record + at, sizeof(node));
	return node >= 0 && node < NODES_MAX ? node : -1;
}

static int add_zone(void *context, const void *record)
{
	const struct kmem_root_zone *z = record;
	struct zone_list *list = context;
	struct geometry *g = list->g;
	struct geometry_zone *zones = geometry_grown(g->zones, g->nzones, sizeof(*zones));
	uint64_t *descriptors;

	if (!zones)
		return -ENOMEM;
	g->zones = zones;
	descriptors = geometry_grown(list->descriptors, g->nzones, sizeof(*descriptors));
	if (!descriptors)
		return -ENOMEM;
	list->descriptors = descriptors;
	if (!zone_is_sound(z)) {
		g->nmoving++;
		return 0;
	}
	zones[g->nzones] = (struct geometry_zone){
		.base = z->base,
		.npages = z->npages,
		.committed = z->committed,
		.node = node_of(record, &g->root),
		.first_run = g->nzones, /* until they are sorted: its place in descriptors */
	};
	descriptors[g->nzones++] = geometry_u64(record, g->root.layout.zone_pages);
	return 0;
}

static int by_base(const void *a, const void *b)
{
	const struct geometry_zone *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* Sorted, and without those that lie in others. */
static void sort_zones(struct geometry *g)
{
	size_t n = 0;

	if (g->nzones)
		qsort(g->zones, g->nzones, sizeof(g->zones[0]), by_base);
	for (size_t i = 0; i < g->nzones; i++) {
		const struct geometry_zone *last = n ? &g->zones[n - 1] : NULL;

		if (last && g->zones[i].base - last->base < last->npages * GEOMETRY_PAGE)
			g->nmoving++;
		else
			g->zones[n++] = g->zones[i];
	}
	g->nzones = n;
}

/* --- runs --------------------------------------------------------------------------- */

static const uint8_t kinds[] = {
	[KMEM_PAGE_NONE] = GEOMETRY_MOVING,	  [KMEM_PAGE_DIRTY] = GEOMETRY_DIRTY,
	[KMEM_PAGE_CLEAN] = GEOMETRY_CLEAN,	  [KMEM_PAGE_BUDDY_DIRTY] = GEOMETRY_DIRTY,
	[KMEM_PAGE_BUDDY_CLEAN] = GEOMETRY_CLEAN, [KMEM_PAGE_BUSY] = GEOMETRY_BUSY,
	[KMEM_PAGE_SLAB] = GEOMETRY_SLAB,	  [KMEM_PAGE_SPAN] = GEOMETRY_SPAN,
	[KMEM_PAGE_RUN] = GEOMETRY_PAGES,	  [KMEM_PAGE_LARGE] = GEOMETRY_LARGE,
	[KMEM_PAGE_DEBUG] = GEOMETRY_MOVING,	  [KMEM_PAGE_GUARDED] = GEOMETRY_GUARDED,
};

static enum geometry_kind kind_of(const struct kmem_root_page *page)
{
	unsigned kind = page->bits & 0xff;

	return kind < sizeof(kinds) ? (enum geometry_kind)kinds[kind] : GEOMETRY_MOVING;
}

/* The run that begins with page i; of what no run begins with, one page. */
static struct geometry_run run_at(const struct pages *p, uint32_t i)
{
	enum geometry_kind kind = kind_of(&p->page[i]);
	uint32_t npages = kind <= GEOMETRY_BUSY ? p->page[i].bits >> 9 : p->page[i].npages;

	if (kind == GEOMETRY_MOVING || kind == GEOMETRY_GUARDED || !npages || npages > p->n - i) {
		kind = GEOMETRY_MOVING;
		npages = 1;
	}
	return (struct geometry_run){
		.addr = p->base + (uint64_t)i * GEOMETRY_PAGE,
		.npages = npages,
		.owner = GEOMETRY_NOBODY,
		.kind = kind,
		.bin = p->id[i],
	};
}

static int add_run(struct geometry_reading *r, const struct geometry_run *run, uint64_t owner)
{
	struct geometry *g = r->g;
	struct geometry_run *runs = geometry_grown(g->runs, g->nruns, sizeof(*runs));
	uint64_t *owners;

	if (!runs)
		return -ENOMEM;
	g->runs = runs;
	owners = geometry_grown(r->owners, g->nruns, sizeof(*owners));
	if (!owners)
		return -ENOMEM;
	r->owners = owners;
	owners[g->nruns] = owner;
	runs[g->nruns++] = *run;
	return 0;
}

static int is_free(enum geometry_kind kind)
{
	return kind <= GEOMETRY_BUSY;
}

/* As the largest blocks of 2^n pages, aligned to as many, that it consists of. */
static void count_orders(struct geometry_zone *z, uint64_t page, uint64_t npages)
{
	while (npages) {
		unsigned order = 0;

		while (order + 1 < GEOMETRY_ORDERS && !(page >> order & 1) && npages >> (order + 1))
			order++;
		z->free_orders[order]++;
		page += (uint64_t)1 << order;
		npages -= (uint64_t)1 << order;
	}
}

static int walk_zone(struct geometry_reading *r, struct geometry_zone *z, const struct pages *p)
{
	struct geometry *g = r->g;
	uint32_t i = 0;
	int rc = 0;

	z->first_run = g->nruns;
	while (!rc && i < p->n) {
		struct geometry_run run = run_at(p, i);

		z->npages_of[run.kind] += run.npages;
		if (is_free(run.kind))
			count_orders(z, run.addr / GEOMETRY_PAGE, run.npages);
		if (run.kind == GEOMETRY_MOVING && g->nruns > z->first_run &&
		    g->runs[g->nruns - 1].kind == GEOMETRY_MOVING)
			g->runs[g->nruns - 1].npages++;
		else
			rc = add_run(r, &run, p->page[i].owner);
		i += run.npages;
	}
	z->nruns = g->nruns - z->first_run;
	g->nmoving += z->npages_of[GEOMETRY_MOVING];
	return rc;
}

static int read_zone(struct geometry_reading *r, struct geometry_zone *z, struct pages *p,
		     uint64_t descriptors)
{
	const struct kmem_root *root = &r->g->root;
	uint64_t gib = z->base >> GEOMETRY_LEAF, distance = 0;
	struct target_part parts[2] = {
		{.addr = descriptors, .buf = p->page, .nbytes = z->committed * sizeof(*p->page)},
		{.buf = p->id, .nbytes = z->committed * sizeof(*p->id)},
	};
	int rc;

	p->base = z->base;
	p->n = (uint32_t)z->committed;
	if (gib < root->map_entries)
		rc = target_read(r->t, root->map_leaves + gib * 8, &distance, sizeof(distance));
	else
		rc = -EFAULT;
	if (rc && rc != -EFAULT)
		return rc;
	parts[1].addr = root->map + distance +
			(z->base / GEOMETRY_PAGE & (LEAF_PAGES - 1)) * sizeof(*p->id);
	rc = target_read_parts(r->t, parts, 2);
	if (rc)
		return rc;
	if (!parts[0].ok || !parts[1].ok) {
		r->g->nmoving += p->n;
		return 0;
	}
	return walk_zone(r, z, p);
}

static int read_runs(struct geometry_reading *r, const uint64_t *descriptors)
{
	struct pages p = {
		.page = malloc(LEAF_PAGES * sizeof(*p.page)),
		.id = malloc(LEAF_PAGES * sizeof(*p.id)),
	};
	int rc = p.page && p.id ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < r->g->nzones; i++)
		rc = read_zone(r, &r->g->zones[i], &p, descriptors[r->g->zones[i].first_run]);
	free(p.page);
	free(p.id);
	return rc;
}

int geometry_read_zones(struct geometry_reading *r)
{
	char record[GEOMETRY_RECORD];
	struct zone_list list = {.g = r->g};
	int rc = target_walk(r->t, &(struct target_list){
					   .name = "zones",
					   .first = r->g->root.zones,
					   .record = record,
					   .nbytes = record_end(&r->g->root),
					   .each = add_zone,
					   .context = &list,
				   });

	if (!rc) {
		sort_zones(r->g);
		rc = read_runs(r, list.descriptors);
	}
	free(list.descriptors);
	return rc;
}

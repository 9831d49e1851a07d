// SPDX-License-Identifier: MIT
/*
 * Runs with a mapping of their own, and the pool of guarded objects: nothing lists them but
 * the page map, which has an id on the first page of each run, and on all of the pool's.
 * Ids inside of zones were looked at there.
 */
#include "geometry_reading.h"

#include <errno.h>

#define KEPT_BUDGET ((uint64_t)1 << 29) /* of bytes that the other parts may need */

struct found {
	uint64_t *pages; /* page numbers with an id, outside of zones, by address */
	size_t n;
};

static int add_page(struct found *f, uint64_t page)
{
	uint64_t *pages = geometry_grown(f->pages, f->n, sizeof(*pages));

	if (!pages)
		return -ENOMEM;
	f->pages = pages;
	pages[f->n++] = page;
	return 0;
}

/* The pages of a GiB with an id, but those of zones. */
static int scan_leaf(struct geometry_reading *r, struct found *f, uint64_t gib, const uint16_t *ids)
{
	int rc = 0;

	for (uint64_t i = 0; !rc && i < LEAF_PAGES; i++) {
		uint64_t page = gib * LEAF_PAGES + i;
		const struct geometry_zone *z;

		if (i % 4 == 0 && !geometry_u64(ids, i * sizeof(*ids))) {
			i += 3; /* four at a time: most are 0 */
			continue;
		}
		if (!ids[i])
			continue;
		z = geometry_zone_at(r->g, page * GEOMETRY_PAGE);
		if (z)
			i = (z->base / GEOMETRY_PAGE + z->npages - 1) & (LEAF_PAGES - 1);
		else
			rc = add_page(f, page);
	}
	return rc;
}

/* Entries are distances; those of 0 lead to a leaf of zeros. */
static int scan_map(struct geometry_reading *r, struct found *f, const uint64_t *entries,
		    uint16_t *ids)
{
	const struct kmem_root *root = &r->g->root;
	int rc = 0;

	for (uint32_t gib = 0; !rc && gib < root->map_entries; gib++) {
		if (!entries[gib])
			continue;
		if (r->t->budget < KEPT_BUDGET) {
			r->g->nmoving++;
			return 0;
		}
		rc = target_read(r->t, root->map + entries[gib], ids, LEAF_PAGES * sizeof(*ids));
		if (rc == -EFAULT) {
			r->g->nmoving++;
			rc = 0;
			continue;
		}
		if (!rc)
			rc = scan_leaf(r, f, gib, ids);
	}
	return rc;
}

static int add_mapping(struct geometry *g, uint64_t page, const struct kmem_root_page *p,
		       uint32_t bin)
{
	struct geometry_run *last = g->nmappings ? &g->mappings[g->nmappings - 1] : NULL;
	struct geometry_run run = {
		.addr = page * GEOMETRY_PAGE,
		.npages = p->npages,
		.owner = GEOMETRY_NOBODY,
		.bin = bin,
	};

	switch (p->bits & 0xff) {
	case KMEM_PAGE_GUARDED:
		if (last && last->kind == GEOMETRY_GUARDED &&
		    last->addr + (uint64_t)last->npages * GEOMETRY_PAGE == run.addr) {
			last->npages++;
			return 0;
		}
		run.npages = 1;
		run.kind = GEOMETRY_GUARDED;
		break;
	case KMEM_PAGE_RUN:
		run.kind = GEOMETRY_PAGES;
		break;
	case KMEM_PAGE_LARGE:
		run.kind = GEOMETRY_LARGE;
		break;
	default:
		return 0;
	}
	last = geometry_grown(g->mappings, g->nmappings, sizeof(*last));
	if (!last)
		return -ENOMEM;
	g->mappings = last;
	g->mappings[g->nmappings++] = run;
	return 0;
}

/* Of a debugged block: its run begins before it, on a page without an id. */
static int add_debugged(struct geometry_reading *r, const uint64_t *entries, uint64_t base)
{
	const struct kmem_root *root = &r->g->root;
	uint64_t gib = base >> GEOMETRY_LEAF, number = base / GEOMETRY_PAGE;
	struct kmem_root_page page;
	int rc;

	if (!geometry_aligned(base) || gib >= root->map_entries || !entries[gib] ||
	    geometry_zone_at(r->g, base))
		return 0;
	rc = target_read(r->t,
			 root->map + entries[gib] + root->layout.leaf_pages +
				 number % LEAF_PAGES * sizeof(page),
			 &page, sizeof(page));
	if (rc)
		return rc == -EFAULT ? 0 : rc;
	return add_mapping(r->g, number, &page, 0);
}

/* The next does not begin before the end of the one before. */
static void drop_overlapping(struct geometry *g)
{
	size_t n = 0;
	uint64_t end = 0;

	for (size_t i = 0; i < g->nmappings; i++) {
		const struct geometry_run *run = &g->mappings[i];

		if (!run->npages || run->addr < end) {
			g->nmoving++;
			continue;
		}
		end = run->addr + (uint64_t)run->npages * GEOMETRY_PAGE;
		g->mappings[n++] = *run;
	}
	g->nmappings = n;
}

static int read_descriptors(struct geometry_reading *r, const struct found *f,
			    const uint64_t *entries)
{
	const struct kmem_root *root = &r->g->root;
	struct kmem_root_page *page = calloc(f->n + 1, sizeof(*page));
	struct target_part *parts = calloc(f->n + 1, sizeof(*parts));
	int rc = page && parts ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < f->n; i++)
		parts[i] = (struct target_part){
			.addr = root->map + entries[f->pages[i] / LEAF_PAGES] +
				root->layout.leaf_pages + f->pages[i] % LEAF_PAGES * sizeof(*page),
			.buf = &page[i],
			.nbytes = sizeof(*page),
		};
	if (!rc)
		rc = target_read_parts(r->t, parts, f->n);
	for (size_t i = 0; !rc && i < f->n; i++)
		if (parts[i].ok && (page[i].bits & 0xff) == KMEM_PAGE_DEBUG)
			rc = add_debugged(r, entries, page[i].owner);
		else if (parts[i].ok)
			rc = add_mapping(r->g, f->pages[i], &page[i], 1);
	drop_overlapping(r->g);
	free(page);
	free(parts);
	return rc;
}

int geometry_read_mappings(struct geometry_reading *r)
{
	const struct kmem_root *root = &r->g->root;
	uint16_t *ids = malloc(LEAF_PAGES * sizeof(*ids));
	uint64_t *entries = NULL;
	struct found f = {0};
	int rc = ids ? 0 : -ENOMEM;

	if (root->map_entries > 1u << 27)
		rc = target_fail(r->t, EPROTO, "its page map is larger than any address");
	if (!rc)
		entries = calloc(root->map_entries + 1, sizeof(*entries));
	if (!rc && !entries)
		rc = -ENOMEM;
	if (!rc)
		rc = target_read(r->t, root->map_leaves, entries,
				 root->map_entries * sizeof(*entries));
	if (!rc)
		rc = scan_map(r, &f, entries, ids);
	if (!rc)
		rc = read_descriptors(r, &f, entries);
	free(ids);
	free(entries);
	free(f.pages);
	return rc;
}

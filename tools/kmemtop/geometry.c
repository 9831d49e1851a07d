// SPDX-License-Identifier: MIT
/* The geometry, put together and asked: see geometry.h. */
#include "geometry.h"

#include "arrays.h"
#include "geometry_reading.h"

#include <errno.h>

int geometry_read(struct geometry *g, struct target *t)
{
	struct geometry_reading r = {.g = g, .t = t};
	int (*const parts[])(struct geometry_reading *) = {
		geometry_read_caches, geometry_read_zones, geometry_read_mappings,
		geometry_read_parked, geometry_read_slabs, geometry_read_heaps,
	};
	int rc = 0;

	memset(g, 0, sizeof(*g));
	for (size_t i = 0; !rc && i < sizeof(parts) / sizeof(parts[0]); i++)
		rc = parts[i](&r);
	free(r.owners);
	free(r.chunks);
	if (rc)
		geometry_free(g);
	if (rc == -ENOMEM)
		target_fail(t, ENOMEM, "there is not enough memory to look at it");
	return rc;
}

void geometry_free(struct geometry *g)
{
	free(g->zones);
	free(g->runs);
	free(g->mappings);
	free(g->slabs);
	free(g->bits);
	free(g->slabs_by_cache);
	free(g->caches);
	free(g->heaps);
	free(g->spans);
	free(g->blocks);
	free(g->parked);
	memset(g, 0, sizeof(*g));
}

const struct geometry_zone *geometry_zone_at(const struct geometry *g, uint64_t addr)
{
	const struct geometry_zone *z = ARRAY_LAST(g->zones, g->nzones, base, addr);

	return z && addr - z->base < z->npages * GEOMETRY_PAGE ? z : NULL;
}

static const struct geometry_run *run_in(const struct geometry_run *runs, size_t n, uint64_t addr)
{
	const struct geometry_run *run = ARRAY_LAST(runs, n, addr, addr);

	return run && addr - run->addr < (uint64_t)run->npages * GEOMETRY_PAGE ? run : NULL;
}

const struct geometry_run *geometry_run_at(const struct geometry *g, uint64_t addr)
{
	const struct geometry_run *run = run_in(g->runs, g->nruns, addr);

	return run ? run : run_in(g->mappings, g->nmappings, addr);
}

const struct geometry_block *geometry_block_at(const struct geometry *g,
					       const struct geometry_span *span, uint64_t addr)
{
	const struct geometry_block *blocks = g->blocks + span->first_block;
	/* A block begins with its head. */
	const struct geometry_block *block =
		ARRAY_LAST(blocks, span->nblocks, addr, addr + GEOMETRY_BLOCK_HEAD);

	return block && addr + GEOMETRY_BLOCK_HEAD - block->addr < block->nbytes ? block : NULL;
}

const struct geometry_parked *geometry_parked_at(const struct geometry *g, uint64_t object)
{
	const struct geometry_parked *p = ARRAY_LAST(g->parked, g->nparked, object, object);

	return p && p->object == object ? p : NULL;
}

const struct geometry_cache *geometry_cache_of_id(const struct geometry *g, uint32_t id)
{
	size_t low = 0, high = g->ncaches;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (g->caches[middle].id == id)
			return &g->caches[middle];
		if (g->caches[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

enum geometry_state geometry_object_state(const struct geometry *g, const struct geometry_slab *s,
					  uint32_t i)
{
	size_t nwords = g->root.layout.slab_words;
	const uint64_t *free = geometry_bits(g, s) + i / 64;
	const uint64_t *marks = free + nwords, *parked = marks + nwords;
	uint64_t bit = (uint64_t)1 << i % 64;

	if (*free & bit)
		return i < s->fresh ? GEOMETRY_HOME : GEOMETRY_FRESH;
	if (*parked & bit)
		return GEOMETRY_PARKED;
	return *marks & bit ? GEOMETRY_ASIDE : GEOMETRY_IN_USE;
}

unsigned geometry_fill(const struct geometry_slab *s)
{
	if (!s->in_use)
		return 0;
	if (s->in_use >= s->nobjects)
		return GEOMETRY_FILLS - 1;
	return 1 + s->in_use * (GEOMETRY_FILLS - 2) / s->nobjects;
}

unsigned geometry_fragmentation(const struct geometry_heap *h)
{
	if (!h->free_nbytes)
		return 0;
	return (unsigned)(100 * (h->free_nbytes - h->largest_free) / h->free_nbytes);
}

// SPDX-License-Identifier: MIT
/* A walk through a zone's runs, cut where cells end: see map_cells.h. */
#include "map_cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- ranks and scale ------------------------------------------------------------------ */

struct ranked {
	uint32_t cache;
	uint64_t nbytes;
};

static int by_nbytes(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->nbytes != y->nbytes)
		return x->nbytes > y->nbytes ? -1 : 1;
	return x->cache < y->cache ? -1 : x->cache > y->cache;
}

static int rank_caches(struct map_cells *m, const struct geometry *g)
{
	struct ranked *ranked = calloc(g->ncaches + 1, sizeof(*ranked));

	if (!ranked)
		return -ENOMEM;
	for (size_t i = 0; i < g->ncaches; i++)
		if (g->caches[i].nslabs)
			ranked[m->nranked++] =
				(struct ranked){(uint32_t)i, (uint64_t)g->caches[i].nslabs *
								     g->caches[i].pub.slab_pages};
	if (m->nranked)
		qsort(ranked, m->nranked, sizeof(*ranked), by_nbytes);
	for (size_t i = 0; i < m->nranked; i++) {
		m->by_rank[i] = ranked[i].cache;
		m->rank[ranked[i].cache] = (uint32_t)i;
	}
	free(ranked);
	return 0;
}

static uint64_t rows_of(const struct geometry_zone *z, uint64_t row)
{
	return (z->committed + row - 1) / row;
}

/* A power of two, so that slabs and chunks do not straddle cells for nothing. */
static uint64_t scale(const struct geometry *g, size_t width, size_t nrows)
{
	uint64_t npages = 1, rows = 0;

	for (;; npages *= 2) {
		rows = 0;
		for (size_t i = 0; i < g->nzones; i++)
			rows += rows_of(&g->zones[i], npages * width);
		if (rows <= nrows || rows <= g->nzones)
			return npages;
	}
}

int cells_init(struct map_cells *m, const struct geometry *g, size_t width, size_t nrows)
{
	uint64_t most = 0;
	int rc;

	*m = (struct map_cells){.width = width, .npages = scale(g, width, nrows)};
	for (size_t i = 0; i < g->nzones; i++)
		if (g->zones[i].committed > most)
			most = g->zones[i].committed;
	m->nkeys = GEOMETRY_KINDS + g->ncaches;
	m->cells = calloc(most / m->npages + 2, sizeof(*m->cells));
	m->by_rank = calloc(g->ncaches + 1, sizeof(*m->by_rank));
	m->rank = calloc(g->ncaches + 1, sizeof(*m->rank));
	m->pages = calloc(m->nkeys, sizeof(*m->pages));
	m->used = calloc(m->nkeys, sizeof(*m->used));
	rc = m->cells && m->by_rank && m->rank && m->pages && m->used ? rank_caches(m, g) : -ENOMEM;
	if (rc)
		cells_free(m);
	return rc;
}

void cells_free(struct map_cells *m)
{
	free(m->cells);
	free(m->by_rank);
	free(m->rank);
	free(m->pages);
	free(m->used);
	memset(m, 0, sizeof(*m));
}

/* --- cells ------------------------------------------------------------------------------ */

/* Bytes in use of [begin, end) in a span. */
static uint64_t span_used(const struct geometry *g, const struct geometry_span *span,
			  uint64_t begin, uint64_t end)
{
	const struct geometry_block *b = geometry_block_at(g, span, begin);
	const struct geometry_block *last = g->blocks + span->first_block + span->nblocks;
	uint64_t used = 0;

	if (!b && span->nblocks)
		b = g->blocks + span->first_block;
	for (; b && b < last && b->addr - GEOMETRY_BLOCK_HEAD < end; b++) {
		uint64_t from = b->addr - GEOMETRY_BLOCK_HEAD, to = from + b->nbytes;

		from = from > begin ? from : begin;
		to = to < end ? to : end;
		if (b->state == GEOMETRY_IN_USE && to > from)
			used += to - from;
	}
	return used;
}

/* What of [begin, end) in a run is in use; in *key, whose it is. */
static uint64_t run_used(const struct geometry *g, const struct geometry_run *run, uint64_t begin,
			 uint64_t end, size_t *key)
{
	const struct geometry_slab *s;

	*key = run->kind;
	if (run->owner == GEOMETRY_NOBODY)
		return run->kind > GEOMETRY_BUSY ? end - begin : 0;
	if (run->kind == GEOMETRY_SPAN)
		return span_used(g, &g->spans[run->owner], begin, end);
	s = &g->slabs[run->owner];
	*key = GEOMETRY_KINDS + s->cache;
	return (end - begin) * s->in_use / s->nobjects;
}

/* What has most of the cell, which is then empty again. */
static struct map_cell settle(struct map_cells *m)
{
	struct map_cell cell = {.kind = GEOMETRY_CLEAN};
	size_t best = 0;

	for (size_t key = 1; key < m->nkeys; key++)
		if (m->pages[key] > m->pages[best])
			best = key;
	if (m->pages[best])
		cell.shade = (unsigned)((m->used[best] * 4 + m->pages[best] - 1) / m->pages[best]);
	if (best < GEOMETRY_KINDS) {
		cell.kind = (enum geometry_kind)best;
	} else {
		cell.kind = GEOMETRY_SLAB;
		cell.rank = m->rank[best - GEOMETRY_KINDS];
	}
	memset(m->pages, 0, m->nkeys * sizeof(*m->pages));
	memset(m->used, 0, m->nkeys * sizeof(*m->used));
	return cell;
}

size_t cells_of_zone(struct map_cells *m, const struct geometry *g, const struct geometry_zone *z)
{
	uint64_t size = m->npages * GEOMETRY_PAGE, begin = z->base;
	uint64_t end = z->base + z->committed * GEOMETRY_PAGE;
	size_t r = z->first_run, last = z->first_run + z->nruns, n = 0;

	while (begin < end) {
		uint64_t stop = begin + size < end ? begin + size : end;

		while (r < last && g->runs[r].addr < stop) {
			const struct geometry_run *run = &g->runs[r];
			uint64_t to = run->addr + (uint64_t)run->npages * GEOMETRY_PAGE;
			uint64_t a = run->addr > begin ? run->addr : begin,
				 b = to < stop ? to : stop;
			size_t key;
			uint64_t used = run_used(g, run, a, b, &key);

			m->pages[key] += b - a;
			m->used[key] += used;
			if (to > stop)
				break;
			r++;
		}
		m->cells[n++] = settle(m);
		begin = stop;
	}
	return n;
}

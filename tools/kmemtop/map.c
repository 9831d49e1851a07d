// SPDX-License-Identifier: MIT
/*
 * Zones as rows of cells, each of so many pages that all of them fit. A cell shows what has most
 * of its pages: of a slab or a span how much is in use, as a shade, and of a slab the cache, by
 * colour, or by a letter below.
 */
#include "map.h"

#include "map_cells.h"
#include "map_style.h"
#include "units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LABEL  15 /* columns of an address and the space behind */
#define ROWS   32 /* of cells, about */
#define LISTED 20 /* caches in the legend */
#define BAR    10

/* --- rows -------------------------------------------------------------------------- */

static int has_letters(const struct map_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cells[i].kind == GEOMETRY_SLAB)
			return 1;
	return 0;
}

static void print_row(const struct map_style *style, const struct map_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		style_cell(style, &cells[i]);
	style_plain(style);
	fputc('\n', style->out);
	if (style->ncolors || !has_letters(cells, n))
		return;
	/* Which caches the shades above are of. */
	fprintf(style->out, "%*s", LABEL, "");
	for (size_t i = 0; i < n; i++)
		fputc(style_letter(&cells[i]), style->out);
	fputc('\n', style->out);
}

static void print_zone(const struct map_style *style, const struct geometry *g,
		       const struct geometry_zone *z, struct map_cells *cells)
{
	size_t n = cells_of_zone(cells, g, z);
	char reserved[UNITS_TEXT], committed[UNITS_TEXT], free[UNITS_TEXT];

	fprintf(style->out, "zone 0x%" PRIx64 ": %s of %s, %s free\n", z->base,
		units_nbytes(committed, (double)z->committed * GEOMETRY_PAGE),
		units_nbytes(reserved, (double)z->npages * GEOMETRY_PAGE),
		units_nbytes(free,
			     (double)(z->npages_of[GEOMETRY_DIRTY] + z->npages_of[GEOMETRY_CLEAN] +
				      z->npages_of[GEOMETRY_BUSY]) *
				     GEOMETRY_PAGE));
	for (size_t i = 0; i < n; i += cells->width) {
		fprintf(style->out, "%*" PRIx64 " ", LABEL - 1,
			z->base + i * cells->npages * GEOMETRY_PAGE);
		print_row(style, cells->cells + i, n - i < cells->width ? n - i : cells->width);
	}
	fputc('\n', style->out);
}

/* --- legend ------------------------------------------------------------------------- */

static void print_bar(const struct map_style *style, unsigned used)
{
	for (unsigned i = 0; i < BAR; i++)
		fputs(style_shade(style, used >= 100u * (i + 1) / BAR ? 4 : 0), style->out);
}

static void print_cache(const struct map_style *style, const struct geometry_cache *c,
			uint32_t rank)
{
	uint64_t objects = c->in_use + c->parked + c->home;
	unsigned used = units_whole_percent((double)c->in_use, (double)objects);
	char nbytes[UNITS_TEXT];

	style_cell(style, &(struct map_cell){.kind = GEOMETRY_SLAB, .rank = rank, .shade = 4});
	style_plain(style);
	if (!style->ncolors)
		fprintf(style->out, " %c",
			style_letter(&(struct map_cell){.kind = GEOMETRY_SLAB, .rank = rank}));
	fprintf(style->out, " %-24.32s %6zu slabs %6s ", c->name, c->nslabs,
		units_nbytes(nbytes, (double)c->nslabs * c->pub.slab_pages * GEOMETRY_PAGE));
	print_bar(style, used);
	fprintf(style->out, " %3u%% of %" PRIu64 ", %" PRIu64 " in sheaves\n", used, objects,
		c->parked);
}

static void print_caches(const struct map_style *style, const struct geometry *g,
			 const struct map_cells *cells)
{
	size_t n = cells->nranked < LISTED ? cells->nranked : LISTED;

	for (size_t i = 0; i < n; i++)
		print_cache(style, &g->caches[cells->by_rank[i]], (uint32_t)i);
	if (cells->nranked > n)
		fprintf(style->out, "  and %zu smaller caches\n", cells->nranked - n);
}

static void print_kinds(const struct map_style *style, const struct geometry *g)
{
	static const char *const names[GEOMETRY_KINDS] = {
		[GEOMETRY_DIRTY] = "free, resident",  [GEOMETRY_CLEAN] = "free, given back",
		[GEOMETRY_BUSY] = "free, on its way", [GEOMETRY_SPAN] = "heap",
		[GEOMETRY_PAGES] = "page runs",	      [GEOMETRY_LARGE] = "large mallocs",
		[GEOMETRY_GUARDED] = "guarded",	      [GEOMETRY_MOVING] = "in motion",
	};
	char nbytes[UNITS_TEXT];

	for (int kind = 0; kind < GEOMETRY_KINDS; kind++) {
		uint64_t npages = 0;

		for (size_t i = 0; i < g->nzones; i++)
			npages += g->zones[i].npages_of[kind];
		if (!names[kind] || !npages)
			continue;
		style_cell(style, &(struct map_cell){.kind = (enum geometry_kind)kind, .shade = 4});
		style_plain(style);
		fprintf(style->out, " %s %s   ", names[kind],
			units_nbytes(nbytes, (double)npages * GEOMETRY_PAGE));
	}
	fputc('\n', style->out);
}

static void print_heaps(const struct map_style *style, const struct geometry *g)
{
	char nbytes[UNITS_TEXT], live[UNITS_TEXT], largest[UNITS_TEXT];

	for (size_t i = 0; i < g->nheaps; i++) {
		const struct geometry_heap *h = &g->heaps[i];

		fprintf(style->out,
			"heap %s: %zu spans, %s; %" PRIu64 " blocks in use, %s; %" PRIu64
			" free, the largest %s; fragmentation %u%%\n",
			h->name, h->nspans, units_nbytes(nbytes, (double)h->nbytes), h->live_blocks,
			units_nbytes(live, (double)h->live_nbytes), h->free_blocks,
			units_nbytes(largest, (double)h->largest_free), geometry_fragmentation(h));
	}
}

static void print_mappings(const struct map_style *style, const struct geometry *g)
{
	char nbytes[UNITS_TEXT];

	for (size_t i = 0; i < g->nmappings; i++)
		fprintf(style->out, "mapping 0x%" PRIx64 ": %s, %s\n", g->mappings[i].addr,
			units_nbytes(nbytes, (double)g->mappings[i].npages * GEOMETRY_PAGE),
			g->mappings[i].kind == GEOMETRY_GUARDED ? "the pool of guarded objects"
			: g->mappings[i].kind == GEOMETRY_PAGES ? "page run"
								: "large malloc");
}

void map_print(FILE *out, const struct geometry *g)
{
	struct map_style style = style_of(out);
	struct map_cells cells;
	char nbytes[UNITS_TEXT];
	size_t width = style.width > LABEL + 16 ? (style.width - LABEL) / 16 * 16 : 16;

	if (cells_init(&cells, g, width, ROWS)) {
		fputs("not enough memory for the map\n", out);
		return;
	}
	fprintf(out, "Each cell is %s; the darker, the more of it is in use.\n\n",
		units_nbytes(nbytes, (double)cells.npages * GEOMETRY_PAGE));
	for (size_t i = 0; i < g->nzones; i++)
		print_zone(&style, g, &g->zones[i], &cells);
	print_kinds(&style, g);
	print_caches(&style, g, &cells);
	print_heaps(&style, g);
	print_mappings(&style, g);
	if (g->nmoving)
		fprintf(out, "%zu things changed while they were read, and are left out\n",
			g->nmoving);
	cells_free(&cells);
}

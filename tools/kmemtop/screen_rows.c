/* SPDX-License-Identifier: MIT */
/* The rows of each view: which there are, and their text. */
#include "screen_state.h"

#include "process_table.h"

#include <curses.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which -------------------------------------------------------------------- */

static size_t count_rows(const struct screen *s)
{
	switch (s->view) {
	case VIEW_CACHES:
		return s->now.ncaches;
	case VIEW_HEAPS:
		return s->now.nheaps;
	case VIEW_ZONES:
		return s->now.nzones;
	case VIEW_NODES:
		return s->nodes.n;
	default:
		return s->processes.n;
	}
}

static const char *name_of_row(const struct screen *s, size_t i)
{
	switch (s->view) {
	case VIEW_CACHES:
		return s->now.caches[i].name;
	case VIEW_HEAPS:
		return s->now.heaps[i].name;
	case VIEW_PROCESSES:
		return s->processes.list[i].name;
	default:
		return NULL;
	}
}

/* A part of the name, or a pattern of all of it; either case. */
static int passes_filter(const struct screen *s, size_t i)
{
	const char *name = name_of_row(s, i);

	if (!name || !s->filter[0])
		return 1;
	if (strpbrk(s->filter, "*?["))
		return !fnmatch(s->filter, name, FNM_CASEFOLD);
	return strcasestr(name, s->filter) != NULL;
}

void screen_arrange(struct screen *s)
{
	size_t n = count_rows(s);
	size_t *visible = reallocarray(s->visible, n + 1, sizeof(*visible));
	struct screen_cursor *cursor = &s->cursors[s->view];

	s->nvisible = 0;
	if (!visible)
		return;
	s->visible = visible;
	columns_sort(&s->now, s->key);
	process_table_sort(&s->processes, s->key);
	for (size_t i = 0; i < n; i++)
		if (passes_filter(s, i))
			visible[s->nvisible++] = i;
	if (cursor->at >= s->nvisible)
		cursor->at = s->nvisible ? s->nvisible - 1 : 0;
}

int screen_has_view(const struct screen *s, enum screen_view view)
{
	if (source_is_none(&s->source))
		return view == VIEW_PROCESSES;
	if (view == VIEW_NODES)
		return nodes_are_several() || nodes_are_placed(&s->now);
	return view == VIEW_CACHES || view == VIEW_HEAPS || view == VIEW_ZONES;
}

/* --- text --------------------------------------------------------------------- */

void screen_titles(const struct screen *s, char *line)
{
	static const char *const titles[VIEW_COUNT] = {
		[VIEW_HEAPS] = "  SPANS  SPAN SIZE   BLOCKS  LIVE SIZE  USE NAME",
		[VIEW_ZONES] = "          BASE RESERVED COMMITTED    DIRTY    CLEAN  USE",
		[VIEW_NODES] = "   NODE RESIDENT  USE COMMITTED    SLABS",
	};
	struct columns columns;

	if (s->view == VIEW_CACHES) {
		columns_choose(&columns, s->set, COLS);
		columns_titles(line, &columns);
	} else if (s->view == VIEW_PROCESSES) {
		process_table_titles(line);
	} else {
		snprintf(line, COLUMNS_LINE, "%s", titles[s->view]);
	}
}

static void heap_row(char *line, const struct heap_view *h)
{
	char spans[UNITS_TEXT], live[UNITS_TEXT];

	snprintf(line, COLUMNS_LINE, "%7" PRIu64 " %10s %8" PRIu64 " %10s %3u%% %s", h->nspans,
		 units_nbytes(spans, (double)h->span_nbytes), h->live_blocks,
		 units_nbytes(live, (double)h->live_nbytes),
		 units_whole_percent((double)h->live_nbytes, (double)h->span_nbytes), h->name);
}

static unsigned zone_use(const struct zone_view *z)
{
	double idle = (double)z->dirty_nbytes + (double)z->clean_nbytes;

	return units_whole_percent((double)z->committed_nbytes - idle, (double)z->committed_nbytes);
}

static void zone_row(char *line, const struct zone_view *z)
{
	char reserved[UNITS_TEXT], committed[UNITS_TEXT], dirty[UNITS_TEXT], clean[UNITS_TEXT];

	snprintf(line, COLUMNS_LINE, "%14" PRIx64 " %8s %9s %8s %8s %3u%%", z->base,
		 units_nbytes(reserved, (double)z->reserved_nbytes),
		 units_nbytes(committed, (double)z->committed_nbytes),
		 units_nbytes(dirty, (double)z->dirty_nbytes),
		 units_nbytes(clean, (double)z->clean_nbytes), zone_use(z));
}

static void node_row(char *line, const struct nodes *nodes, size_t i)
{
	const struct node_view *v = &nodes->list[i];
	char resident[UNITS_TEXT], committed[UNITS_TEXT];

	snprintf(line, COLUMNS_LINE, "%7d %8s %3u%% %9s %8" PRIu64, v->node,
		 units_nbytes(resident, (double)v->resident_nbytes),
		 units_whole_percent((double)v->resident_nbytes, (double)nodes->resident_nbytes),
		 units_nbytes(committed, (double)v->committed_nbytes), v->nslabs);
}

void screen_row(const struct screen *s, size_t i, char *line)
{
	struct columns columns;

	switch (s->view) {
	case VIEW_CACHES:
		columns_choose(&columns, s->set, COLS);
		columns_row(line, &columns, &s->now.caches[i], s->o->units);
		break;
	case VIEW_HEAPS:
		heap_row(line, &s->now.heaps[i]);
		break;
	case VIEW_ZONES:
		zone_row(line, &s->now.zones[i]);
		break;
	case VIEW_NODES:
		node_row(line, &s->nodes, i);
		break;
	default:
		process_table_row(line, &s->processes.list[i]);
		break;
	}
}

double screen_row_use(const struct screen *s, size_t i)
{
	const struct cache_view *v;

	if (s->view != VIEW_CACHES)
		return -1;
	v = &s->now.caches[i];
	return v->objects ? (double)columns_use_percent(v) : -1;
}

/* SPDX-License-Identifier: MIT */
/*
 * One cache: its settings, what its memory is made of, how it moves, its slabs by how
 * full they are, and who allocated most of it, where that is known.
 */
#include "screen_state.h"

#include "flags.h"
#include "screen_paint.h"

#include <curses.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define BAR_MAX 72

/* Where the next line goes. */
struct page {
	const struct screen *s;
	int y;
};

static void __attribute__((format(printf, 2, 3))) add(struct page *p, const char *format, ...)
{
	char line[COLUMNS_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	paint_line(p->y++, line);
}

static const struct cache_view *find_cache(const struct screen *s)
{
	for (size_t i = 0; i < s->now.ncaches; i++)
		if (s->now.caches[i].id == s->detail.id &&
		    s->now.caches[i].generation == s->detail.generation)
			return &s->now.caches[i];
	return NULL;
}

static void draw_settings(struct page *p, const struct cache_view *v)
{
	const struct detail *d = &p->s->detail;
	char text[256];

	add(p,
	    " Object     %" PRIu64 " bytes asked for, %" PRIu64
	    " from one to the next, aligned to %u",
	    v->asked_nbytes, v->object_nbytes, v->align);
	add(p, " Slab       %" PRIu64 " bytes, %" PRIu64 " objects", v->slab_nbytes,
	    v->slab_objects);
	add(p, " Flags      %s", flags_text(text, sizeof(text), v->flags));
	if (d->rc)
		return;
	add(p, " Debugging  %s%s%s", d->debug ? flags_text(text, sizeof(text), d->debug) : "off",
	    d->hardened ? ", hardened" : "", d->ctor ? ", constructed" : "");
	if (d->waiting)
		add(p, " Waiting    %u more slabs, empty, for a grace period of RCU", d->waiting);
	if (d->limit)
		add(p, " Limit      %" PRIu64 " objects, %" PRIu64 " of them used", d->limit,
		    d->used);
}

static void draw_memory(struct page *p, const struct cache_view *v)
{
	struct cache_memory m = columns_memory(v);
	const struct paint_part parts[] = {
		{m.live, '#', PAINT_GOOD},     {m.rounding, '%', PAINT_FAIR},
		{m.parked, '+', PAINT_PARKED}, {m.free, '.', PAINT_PLAIN},
		{m.tail, 'x', PAINT_POOR},
	};
	static const char *const names[] = {"live", "rounding", "parked", "free", "tail"};
	char text[UNITS_TEXT];
	double size = columns_cache_nbytes(v);

	add(p, " Slabs      %" PRIu64 ", %" PRIu64 " of them not empty", v->nslabs,
	    v->active_slabs);
	add(p, " Objects    %" PRIu64 ": %" PRIu64 " active, %" PRIu64 " parked, %" PRIu64 " free",
	    v->objects, v->active, v->parked, v->objects - v->active - v->parked);
	add(p, " Size       %s, %s wasted (%.1f%%)", units_nbytes((char[UNITS_TEXT]){0}, size),
	    units_nbytes(text, columns_wasted_nbytes(v)),
	    units_percent(columns_wasted_nbytes(v), size));
	paint_bar(p->y++, 1, COLS - 2 < BAR_MAX ? COLS - 2 : BAR_MAX, parts, 5);
	for (int i = 0; i < 5; i++) {
		add(p, "   %c %-9s %9s %5.1f%%", parts[i].sign, names[i],
		    units_nbytes(text, parts[i].amount), units_percent(parts[i].amount, size));
		paint_cells(p->y - 1, 3, 1, parts[i].paint);
	}
}

static void draw_motion(struct page *p, const struct cache_view *v)
{
	char traded[UNITS_TEXT], allocs[UNITS_TEXT], frees[UNITS_TEXT];

	add(p,
	    " Motion     %s traded/s, growth %+" PRId64 " active; taken %" PRIu64
	    ", given %" PRIu64,
	    units_rate(traded, v->change.traded), v->change.active, v->taken, v->given);
	if (v->counted)
		add(p, " Counted    %s allocs/s, %s frees/s; %" PRIu64 " allocs, %" PRIu64 " frees",
		    units_rate(allocs, v->change.allocs), units_rate(frees, v->change.frees),
		    v->allocs, v->frees);
}

static void draw_fills(struct page *p)
{
	const struct detail *d = &p->s->detail;
	uint64_t most = 1;
	char name[16];

	for (int i = 0; i < GEOMETRY_FILLS; i++)
		if (d->nslabs_by_fill[i] > most)
			most = d->nslabs_by_fill[i];
	add(p, "%s", "");
	add(p, " Slabs by objects in use");
	for (int i = 0; i < GEOMETRY_FILLS; i++) {
		uint64_t n = d->nslabs_by_fill[i];
		const struct paint_part parts[] = {
			{(double)n, '#', paint_of_use(i * 10 - 5)},
			{(double)(most - n), ' ', PAINT_PLAIN},
		};

		if (i == 0)
			snprintf(name, sizeof(name), "none");
		else if (i == GEOMETRY_FILLS - 1)
			snprintf(name, sizeof(name), "all");
		else if (i == GEOMETRY_FILLS - 2)
			snprintf(name, sizeof(name), "<100%%");
		else
			snprintf(name, sizeof(name), "to %d%%", i * 10);
		add(p, "   %-7s %8" PRIu64, name, n);
		paint_bar(p->y - 1, 20, COLS - 22 < BAR_MAX ? COLS - 22 : BAR_MAX, parts, 2);
	}
	if (d->nmoving)
		add(p, " %zu records moved while they were read and are left out", d->nmoving);
}

static void draw_sites(struct page *p)
{
	const struct detail *d = &p->s->detail;

	add(p, "%s", "");
	if (!d->tracked) {
		add(p, " Not tracked: KMEM_DEBUG=U,NAME in the target records who allocates");
		return;
	}
	add(p, " Objects    allocated at, innermost first");
	for (size_t i = 0; i < d->nsites; i++)
		add(p, " %9" PRIu64 "  %s", d->sites[i].nobjects, d->sites[i].where);
}

int screen_draw_detail(struct screen *s)
{
	const struct cache_view *v = find_cache(s);
	struct page p = {.s = s, .y = -s->scroll};
	char title[COLUMNS_LINE];

	snprintf(title, sizeof(title), " %s%s, cache %u of process %d%s   Esc: back",
		 v ? v->name : "?", v && v->moving ? "*" : "", s->detail.id, (int)s->now.pid,
		 s->frozen ? "   FROZEN" : "");
	paint_full_line(p.y++, title, PAINT_TITLE);
	if (!v) {
		add(&p, " This cache is no more.");
		return p.y + s->scroll;
	}
	draw_settings(&p, v);
	draw_memory(&p, v);
	draw_motion(&p, v);
	if (s->detail.rc) {
		add(&p, " %s", s->detail.why);
		return p.y + s->scroll;
	}
	draw_fills(&p);
	draw_sites(&p);
	return p.y + s->scroll;
}

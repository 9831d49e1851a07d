/* SPDX-License-Identifier: MIT */
/* The page of keys. */
#include "screen_state.h"

#include "screen_paint.h"

static const char *const lines[] = {
	"kmemtop: keys",
	"  arrows, PgUp, PgDn, Home, End   move",
	"  Enter   a cache's page; of the list, the process",
	"  Esc     back: out of the page, the filter, the process",
	"  Tab     next view; 1 caches, 2 heaps, 3 zones, 4 nodes",
	"  x       next columns: slabtop's, what moves, where the memory is",
	"  /       filter by name: a part of it, or a pattern with * ? [",
	"  f       freeze, and go on        space   refresh now",
	"  z       growth counts from now   q       quit",
	"Sort by",
	"  a active objects    b objects per slab    c cache size    l slabs",
	"  v active slabs      n name                o objects       p pages per slab",
	"  s object size       u use                 k parked        w wasted",
	"  r traded a second   g growth              e allocations a second",
	"Columns beyond slabtop's",
	"  PARKED    free objects in sheaves: of threads, in barns; not active",
	"  WASTED    slabs less what the program asked for: rounding, parked, free",
	"  GROWTH    active objects more than at the start",
	"  TRADED/S  objects that left slabs and came home, a second",
	"  BARN/S    objects to the cache's barn less those from it, a second",
	"  ALLOCS/S, FREES/S   exact; - unless the target runs with stats:true",
	"",
	"A * behind a name: the cache was being made or destroyed meanwhile.",
};

int screen_draw_help(struct screen *s)
{
	int n = (int)(sizeof(lines) / sizeof(lines[0]));

	for (int i = 0; i < n; i++)
		paint_full_line(i - s->scroll, lines[i], i ? PAINT_PLAIN : PAINT_TITLE);
	return n;
}

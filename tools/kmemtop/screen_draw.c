/* SPDX-License-Identifier: MIT */
/*
 * What stands where. All is drawn into curses' own copy, which sends to the terminal
 * only what differs, so that nothing flickers.
 *
 * slabtop leaves the line above the titles empty; here it tells of what no
 * cache holds: zones, heaps, large blocks.
 */
#include "screen_state.h"

#include "process_table.h"
#include "screen_paint.h"
#include "table.h"

#include <curses.h>
#include <inttypes.h>
#include <string.h>

#define LEAST_LINES 9 /* for the totals to be shown */

static int status_line(void)
{
	return LINES < LEAST_LINES ? 0 : TABLE_NHEADERS;
}

int screen_nrows(void)
{
	int n = LINES - status_line() - 2;

	return n > 0 ? n : 0;
}

/* --- totals and status -------------------------------------------------------------- */

static void draw_headers(const struct screen *s)
{
	static const char *const names[VIEW_COUNT] = {
		"caches", "heaps", "zones", "nodes", "processes",
	};
	char line[COLUMNS_LINE], corner[48];

	for (int i = 0; i < TABLE_NHEADERS; i++) {
		if (s->view == VIEW_PROCESSES)
			process_table_header(line, &s->processes, i);
		else
			table_header(line, &s->now, i, s->o->units);
		paint_line(i, line);
	}
	snprintf(corner, sizeof(corner), "%s  ?: help", names[s->view]);
	if (strlen(line) + strlen(corner) + 2 < (size_t)COLS)
		paint_right(TABLE_NHEADERS - 1, corner);
}

/* For grace periods of RCU, where anything does. */
static int describe_waiting(const struct snapshot *now, char *text, size_t n)
{
	const struct kmem_root_waiting *waiting = &now->waiting;
	char nbytes[UNITS_TEXT];

	if (!waiting->objects && !waiting->slabs)
		return 0;
	units_nbytes(nbytes, (double)waiting->object_bytes + (double)waiting->slab_bytes);
	return snprintf(text, n, " %s wait (%" PRIu64 " objects, %" PRIu64 " slabs),", nbytes,
			waiting->objects, waiting->slabs);
}

static void describe_process(const struct screen *s, char *line, int at)
{
	const struct snapshot *now = &s->now;
	char reserved[UNITS_TEXT], committed[UNITS_TEXT], heaps[UNITS_TEXT], mapped[UNITS_TEXT];
	double zones[2] = {0, 0}, spans = 0;
	uint64_t parked = 0;

	for (size_t i = 0; i < now->ncaches; i++)
		parked += now->caches[i].parked;
	for (size_t i = 0; i < now->nzones; i++) {
		zones[0] += (double)now->zones[i].committed_nbytes;
		zones[1] += (double)now->zones[i].reserved_nbytes;
	}
	for (size_t i = 0; i < now->nheaps; i++)
		spans += (double)now->heaps[i].span_nbytes;
	if (now->nunreadable)
		at += snprintf(line + at, (size_t)(TABLE_LINE - at), " %zu records UNREADABLE,",
			       now->nunreadable);
	at += describe_waiting(now, line + at, (size_t)(TABLE_LINE - at));
	snprintf(line + at, (size_t)(TABLE_LINE - at),
		 " %" PRIu64 " threads, %" PRIu64 " parked, zones %s of %s, heaps %s, mapped %s",
		 now->nthreads, parked, units_nbytes(committed, zones[0]),
		 units_nbytes(reserved, zones[1]), units_nbytes(heaps, spans),
		 units_nbytes(mapped, (double)now->mapped_nbytes));
}

static void describe(const struct screen *s, char *line)
{
	int at;

	if (s->typing) {
		snprintf(line, TABLE_LINE,
			 " /%s_   part of a name, or a pattern; Enter keeps it, Esc drops it",
			 s->filter);
	} else if (s->message[0]) {
		snprintf(line, TABLE_LINE, " %s", s->message);
	} else if (s->rc) {
		snprintf(line, TABLE_LINE, " %s", s->t->why);
	} else if (s->view == VIEW_PROCESSES) {
		snprintf(line, TABLE_LINE, "%s%s%s%s",
			 s->processes.n ? "" : " no process that can be read uses libkmem",
			 s->frozen ? " FROZEN" : "", s->filter[0] ? " /" : "", s->filter);
	} else {
		at = snprintf(line, TABLE_LINE, "%s %d%s%s%s:", s->frozen ? " FROZEN" : "",
			      (int)s->now.pid, s->filter[0] ? " /" : "", s->filter,
			      s->asked ? " ending, q leaves it" : "");
		describe_process(s, line, at);
	}
}

/* --- rows ----------------------------------------------------------------------- */

static void draw_titles(const struct screen *s, int y)
{
	char line[COLUMNS_LINE];
	struct columns columns;
	int x, width;

	screen_titles(s, line);
	paint_full_line(y, line, PAINT_TITLE);
	if (s->view != VIEW_CACHES)
		return;
	columns_choose(&columns, s->set, COLS);
	width = columns_find(&columns, s->key, &x);
	if (width && x < COLS && y < LINES)
		mvchgat(y, x, width < COLS - x ? width : COLS - x, A_REVERSE | A_UNDERLINE, 0,
			NULL);
}

static void draw_zone_bar(const struct zone_view *z, int y, int x)
{
	double dirty = (double)z->dirty_nbytes, clean = (double)z->clean_nbytes;
	double committed = (double)z->committed_nbytes, used = committed - dirty - clean;
	const struct paint_part parts[] = {
		{used > 0 ? used : 0, '#', PAINT_GOOD},
		{dirty, '-', PAINT_POOR},
		{clean, '.', PAINT_PLAIN},
	};

	if (COLS - x >= 12)
		paint_bar(y, x, COLS - x < 66 ? COLS - x : 66, parts, 3);
}

static void draw_row(const struct screen *s, size_t i, int y)
{
	char line[COLUMNS_LINE];
	struct columns columns;
	double use = screen_row_use(s, s->visible[i]);
	int x, width;

	screen_row(s, s->visible[i], line);
	if (i == s->cursors[s->view].at)
		paint_full_line(y, line, PAINT_CURSOR);
	else
		paint_line(y, line);
	if (s->view == VIEW_ZONES)
		draw_zone_bar(&s->now.zones[s->visible[i]], y, (int)strlen(line) + 2);
	if (use < 0 || i == s->cursors[s->view].at)
		return;
	columns_choose(&columns, s->set, COLS);
	width = columns_find(&columns, 'u', &x);
	if (width)
		paint_cells(y, x, width, paint_of_use(use));
}

/* Moves the window so that the cursor is in it. */
static void scroll_rows(struct screen *s)
{
	struct screen_cursor *c = &s->cursors[s->view];
	size_t n = (size_t)screen_nrows();

	if (c->at < c->top)
		c->top = c->at;
	if (n && c->at >= c->top + n)
		c->top = c->at - n + 1;
	if (c->top && c->top + n > s->nvisible)
		c->top = s->nvisible > n ? s->nvisible - n : 0;
}

static void draw_table(struct screen *s)
{
	char line[TABLE_LINE];
	int first = status_line() + 2;

	if (status_line())
		draw_headers(s);
	describe(s, line);
	paint_line(status_line(), line);
	draw_titles(s, status_line() + 1);
	scroll_rows(s);
	for (int i = 0; i < screen_nrows(); i++) {
		size_t row = s->cursors[s->view].top + (size_t)i;

		if (row < s->nvisible)
			draw_row(s, row, first + i);
	}
}

/* A page that is longer than the screen moves under it, and no further than its end. */
static void draw_page(struct screen *s, int (*draw)(struct screen *s))
{
	int nlines = draw(s);

	if (s->scroll > 0 && s->scroll > nlines - LINES) {
		s->scroll = nlines > LINES ? nlines - LINES : 0;
		erase();
		draw(s);
	}
}

void screen_draw(struct screen *s)
{
	erase();
	if (s->page == PAGE_HELP)
		draw_page(s, screen_draw_help);
	else if (s->page == PAGE_DETAIL)
		draw_page(s, screen_draw_detail);
	else
		draw_table(s);
	refresh();
}

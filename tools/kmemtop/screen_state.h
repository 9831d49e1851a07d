/* SPDX-License-Identifier: MIT */
/*
 * The screen between its parts: screen.c runs it, screen_keys.c changes what is shown,
 * the others draw.
 *
 *	rows 0 to 4   totals, if there are 9 rows at least
 *	next          status: what no cache holds, errors, the filter being typed
 *	next          titles
 *	others        rows, of which visible[top] is the first and visible[at] the cursor's
 */
#ifndef KMEMTOP_SCREEN_STATE_H
#define KMEMTOP_SCREEN_STATE_H

#include "columns.h"
#include "detail.h"
#include "history.h"
#include "nodes.h"
#include "processes.h"
#include "screen.h"

#include <signal.h>

#define SCREEN_FILTER 48

enum screen_view {
	VIEW_CACHES,
	VIEW_HEAPS,
	VIEW_ZONES,
	VIEW_NODES, /* where there is more than one */
	VIEW_PROCESSES,
	VIEW_COUNT,
};

enum screen_page {
	PAGE_TABLE,
	PAGE_DETAIL, /* of a cache */
	PAGE_HELP,
};

struct screen_cursor {
	size_t at;
	size_t top;
};

struct screen {
	const struct screen_options *o;
	struct source source;
	struct target *t; /* if it is open, of source */
	int open;
	int rc; /* of the last refresh */
	int64_t due_ms;
	int frozen;
	int done;
	int asked;		  /* the command has been asked to end */
	int from_list;		  /* the process was opened from the list */
	sigset_t asleep;	  /* the signals blocked while in ppoll */
	char message[TARGET_WHY]; /* shown until the next key */

	struct snapshot now;
	struct history history;
	struct nodes nodes;
	struct processes processes;
	struct detail detail; /* while its page is open */

	enum screen_view view;
	enum screen_page page;
	enum screen_page behind_help;
	int scroll; /* of pages */
	enum column_set set;
	int key;
	char filter[SCREEN_FILTER];
	int typing; /* the filter is being typed */
	size_t *visible;
	size_t nvisible;
	struct screen_cursor cursors[VIEW_COUNT];
};

/* screen.c */
/* Leaves the process for the list. */
void screen_close(struct screen *s);

/* screen_rows.c */
/* After figures, filter or key have changed. */
void screen_arrange(struct screen *s);
void screen_titles(const struct screen *s, char *line);
void screen_row(const struct screen *s, size_t i, char *line);
/* Use of row i, percent; less than 0: none. */
double screen_row_use(const struct screen *s, size_t i);
/* Whether there is such a view. */
int screen_has_view(const struct screen *s, enum screen_view view);

/* screen_keys.c */
void screen_key(struct screen *s, int key);

/* screen_draw.c */
void screen_draw(struct screen *s);
int screen_nrows(void);

/* screen_detail.c, screen_help.c: from row 0 on, scrolled; how many lines there are */
int screen_draw_detail(struct screen *s);
int screen_draw_help(struct screen *s);

#endif

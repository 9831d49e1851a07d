/* SPDX-License-Identifier: MIT */
/* What each key does: on a page, while a filter is typed, on a table. */
#include "screen_state.h"

#include <ctype.h>
#include <curses.h>
#include <stdio.h>
#include <string.h>

#define KEY_ESCAPE 27

static int is_enter(int key)
{
	return key == KEY_ENTER || key == '\n' || key == '\r';
}

static int is_erase(int key)
{
	return key == KEY_BACKSPACE || key == 127 || key == '\b';
}

/* --- leaving and opening ------------------------------------------------------------- */

static void quit(struct screen *s)
{
	s->done = !s->o->command || s->asked;
	if (!s->asked && s->o->command)
		kill(s->o->command->pid, SIGTERM);
	s->asked = 1;
}

static void refresh_now(struct screen *s)
{
	s->frozen = 0;
	s->due_ms = 0;
}

static void show_view(struct screen *s, enum screen_view view)
{
	s->view = view;
	nodes_free(&s->nodes);
	if (view == VIEW_NODES)
		nodes_read(&s->nodes, &s->now);
	screen_arrange(s);
}

static void next_view(struct screen *s)
{
	int view = s->view;

	do
		view = (view + 1) % VIEW_COUNT;
	while (!screen_has_view(s, (enum screen_view)view));
	if (view != (int)s->view)
		show_view(s, (enum screen_view)view);
}

static void open_help(struct screen *s)
{
	s->behind_help = s->page;
	s->page = PAGE_HELP;
	s->scroll = 0;
}

static void open_process(struct screen *s, const struct process_view *p)
{
	s->source = (struct source){.pid = p->pid};
	s->from_list = 1;
	s->filter[0] = 0;
	memset(s->cursors, 0, sizeof(s->cursors[0]) * VIEW_PROCESSES);
	show_view(s, VIEW_CACHES);
	refresh_now(s);
}

static void back_to_list(struct screen *s)
{
	screen_close(s);
	show_view(s, VIEW_PROCESSES);
	refresh_now(s);
}

static void open_cache(struct screen *s, const struct cache_view *v)
{
	s->page = PAGE_DETAIL;
	s->scroll = 0;
	detail_open(&s->detail, v->id, v->generation);
	detail_read(&s->detail, s->t);
}

/* Of help, whatever it covers; else the table. */
static void close_page(struct screen *s)
{
	if (s->page == PAGE_DETAIL)
		detail_close(&s->detail);
	s->page = s->page == PAGE_HELP ? s->behind_help : PAGE_TABLE;
	s->scroll = 0;
}

static void open_row(struct screen *s)
{
	size_t at = s->cursors[s->view].at;

	if (at >= s->nvisible)
		return;
	if (s->view == VIEW_PROCESSES)
		open_process(s, &s->processes.list[s->visible[at]]);
	else if (s->view == VIEW_CACHES)
		open_cache(s, &s->now.caches[s->visible[at]]);
}

/* One step back: the filter, the process. */
static void step_back(struct screen *s)
{
	if (s->filter[0]) {
		s->filter[0] = 0;
		screen_arrange(s);
	} else if (s->from_list) {
		back_to_list(s);
	}
}

/* --- keys ----------------------------------------------------------------------------- */

static void type_filter(struct screen *s, int key)
{
	size_t n = strlen(s->filter);

	if (is_enter(key)) {
		s->typing = 0;
	} else if (key == KEY_ESCAPE) {
		s->typing = 0;
		s->filter[0] = 0;
	} else if (is_erase(key)) {
		s->filter[n ? n - 1 : 0] = 0;
	} else if (key >= ' ' && key <= '~' && n + 1 < sizeof(s->filter)) {
		s->filter[n] = (char)key;
		s->filter[n + 1] = 0;
	}
	screen_arrange(s);
}

/* How far a key moves, in rows; 0: it does not. */
static long movement(int key, int page)
{
	switch (key) {
	case KEY_UP:
		return -1;
	case KEY_DOWN:
		return 1;
	case KEY_PPAGE:
		return page > 1 ? -page : -1;
	case KEY_NPAGE:
		return page > 1 ? page : 1;
	case KEY_HOME:
		return -1000000000;
	case KEY_END:
		return 1000000000;
	default:
		return 0;
	}
}

static void move_cursor(struct screen *s, long by)
{
	long last = s->nvisible ? (long)s->nvisible - 1 : 0, at;

	at = (long)s->cursors[s->view].at + by;
	s->cursors[s->view].at = (size_t)(at < 0 ? 0 : at > last ? last : at);
}

static void freeze(struct screen *s)
{
	if (s->frozen) {
		refresh_now(s);
	} else {
		s->frozen = 1;
		s->due_ms = INT64_MAX;
	}
}

static void on_page(struct screen *s, int key)
{
	long by = movement(key, LINES);

	if (by)
		s->scroll = by < -s->scroll ? 0 : (int)(s->scroll + by);
	else if (key == ' ')
		s->due_ms = 0;
	else if (key == 'f' && s->page == PAGE_DETAIL)
		freeze(s);
	else if (key == '?' && s->page == PAGE_DETAIL)
		open_help(s);
	else if (key != KEY_RESIZE)
		close_page(s);
}

static void on_view_key(struct screen *s, int key)
{
	enum screen_view view = (enum screen_view)(VIEW_CACHES + key - '1');

	if (key == '\t')
		next_view(s);
	else if (screen_has_view(s, view))
		show_view(s, view);
}

static void on_table(struct screen *s, int key)
{
	long by = movement(key, screen_nrows());

	if (by)
		move_cursor(s, by);
	else if (is_enter(key))
		open_row(s);
	else if (key == '\t' || (key >= '1' && key <= '4'))
		on_view_key(s, key);
	else if (key == KEY_ESCAPE || is_erase(key))
		step_back(s);
	else if (key == '/')
		s->typing = 1;
	else if (key == '?' || key == KEY_F(1))
		open_help(s);
	else if (key == ' ')
		s->due_ms = 0;
	else if (key == 'f' || key == 'F')
		freeze(s);
	else if (key == 'x' || key == 'X')
		s->set = (enum column_set)((s->set + 1) % COLUMNS_NSETS);
	else if (key == 'z' || key == 'Z')
		history_restart(&s->history, &s->now);
	else if (columns_key_is_valid(key)) {
		s->key = tolower(key);
		screen_arrange(s);
	}
	/* KEY_RESIZE: ncurses has the new size already; all is drawn anew. */
}

void screen_key(struct screen *s, int key)
{
	if (key != KEY_RESIZE)
		s->message[0] = 0;
	if (s->typing && key != KEY_RESIZE)
		type_filter(s, key);
	else if (!s->typing && (key == 'q' || key == 'Q') && s->page == PAGE_TABLE)
		quit(s);
	else if (s->page != PAGE_TABLE)
		on_page(s, key);
	else
		on_table(s, key);
}

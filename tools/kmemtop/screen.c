/* SPDX-License-Identifier: MIT */
/*
 * One loop: refresh when due, sleep in ppoll, deal with keys. The signals that
 * matter (a child's change, a new size) are blocked but in ppoll, so that none
 * slips by between a look and the sleep.
 *
 * slabtop leaves the line above the titles empty; here it tells of what no
 * cache holds: zones, heaps, large blocks.
 */
#include "screen.h"

#include <ctype.h>
#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS    200 /* while a command has nothing to show */
#define STATUS_LINE TABLE_NHEADERS
#define TITLE_LINE  (TABLE_NHEADERS + 1)
#define FIRST_ROW   (TABLE_NHEADERS + 2)

struct screen {
	const struct screen_options *o;
	struct target *t;
	struct snapshot now;
	int key;
	int rc; /* of the last refresh */
	int64_t due_ms;
	int done;
	int asked;	 /* the command has been asked to end */
	sigset_t asleep; /* the signals blocked while in ppoll */
};

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void put(int y, const char *line)
{
	if (y < LINES)
		mvaddnstr(y, 0, line, COLS);
}

static void status_line(char *line, const struct screen *s)
{
	const struct snapshot *now = &s->now;
	char reserved[32], committed[32], heaps[32], mapped[32];
	uint64_t parked = 0;
	int n;

	if (s->rc) {
		snprintf(line, TABLE_LINE, " %s", s->t->why);
		return;
	}
	for (size_t i = 0; i < now->ncaches; i++)
		parked += now->caches[i].parked;
	n = snprintf(line, TABLE_LINE, " %d%s:", (int)s->o->pid,
		     s->asked ? " ending, q leaves it" : "");
	if (now->nunreadable)
		n += snprintf(line + n, (size_t)(TABLE_LINE - n), " %zu records UNREADABLE,",
			      now->nunreadable);
	snprintf(line + n, (size_t)(TABLE_LINE - n),
		 " %" PRIu64 " threads, %" PRIu64 " parked, zones %s of %s, heaps %s, mapped %s",
		 now->nthreads, parked, table_nbytes(committed, now->zones.committed_nbytes),
		 table_nbytes(reserved, now->zones.reserved_nbytes),
		 table_nbytes(heaps, now->heaps.span_nbytes),
		 table_nbytes(mapped, now->mapped_nbytes));
}

static void draw(const struct screen *s)
{
	char line[TABLE_LINE];

	erase();
	for (int i = 0; i < TABLE_NHEADERS; i++) {
		table_header(line, &s->now, i, s->o->units);
		put(i, line);
	}
	status_line(line, s);
	put(STATUS_LINE, line);
	table_titles(line);
	attron(A_REVERSE);
	put(TITLE_LINE, line);
	attroff(A_REVERSE);
	for (size_t i = 0; i < s->now.ncaches && (int)i + FIRST_ROW < LINES; i++) {
		table_row(line, &s->now.caches[i], s->o->units);
		put((int)i + FIRST_ROW, line);
	}
	refresh();
}

/* A command that has just begun, or ends now, has no figures; others must. */
static int refresh_figures(struct screen *s)
{
	struct snapshot next;

	s->due_ms = clock_ms() + (int64_t)s->o->delay_s * 1000;
	s->rc = snapshot_take_pid(&next, s->t, s->o->pid);
	if (s->rc && !s->o->command)
		return s->rc;
	if (s->o->command && !next.ncaches)
		s->due_ms = clock_ms() + RETRY_MS;
	snapshot_free(&s->now);
	s->now = next;
	table_sort(&s->now, s->key);
	return 0;
}

static void quit(struct screen *s)
{
	s->done = !s->o->command || s->asked;
	if (!s->asked && s->o->command)
		kill(s->o->pid, SIGTERM);
	s->asked = 1;
}

static void on_key(struct screen *s, int key)
{
	if (key == ' ') {
		s->due_ms = 0;
	} else if (key == 'q' || key == 'Q') {
		quit(s);
	} else if (table_key_is_valid(key)) {
		s->key = tolower(key);
		table_sort(&s->now, s->key);
	}
	/* KEY_RESIZE: ncurses has the new size already; all is drawn anew. */
}

/* Sleeps until a key, a signal, or the next refresh; -EIO if the terminal went. */
static int wait_and_listen(struct screen *s)
{
	struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
	int64_t left = s->due_ms - clock_ms();
	struct timespec wait = {0};
	int key, nkeys = 0;

	if (left > 0) {
		wait.tv_sec = left / 1000;
		wait.tv_nsec = (long)(left % 1000) * 1000000;
	}
	if (ppoll(&keys, 1, &wait, &s->asleep) < 0)
		keys.revents = 0;
	while ((key = getch()) != ERR) {
		on_key(s, key);
		nkeys++;
	}
	if (keys.revents && !nkeys)
		return target_fail(s->t, EIO, "the terminal went away");
	return 0;
}

static int follow_command(struct screen *s)
{
	while (!s->o->command->ended && command_step(s->o->command, COMMAND_POLLS))
		;
	return s->o->command->ended;
}

static int run_loop(struct screen *s)
{
	int rc = 0;

	while (!rc && !s->done) {
		if (s->o->command && follow_command(s))
			break;
		if (clock_ms() >= s->due_ms)
			rc = refresh_figures(s);
		if (rc)
			break;
		draw(s);
		rc = wait_and_listen(s);
	}
	return rc;
}

static void on_child(int sig)
{
	(void)sig; /* ppoll returns, that is all */
}

static void hold_signals(struct screen *s)
{
	struct sigaction child = {.sa_handler = on_child};
	sigset_t held;

	sigaction(SIGCHLD, &child, NULL);
	sigemptyset(&held);
	sigaddset(&held, SIGCHLD);
	sigaddset(&held, SIGWINCH);
	sigprocmask(SIG_BLOCK, &held, &s->asleep);
	sigdelset(&s->asleep, SIGCHLD);
	sigdelset(&s->asleep, SIGWINCH);
}

static void set_up_terminal(void)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
}

int screen_run(const struct screen_options *o, struct target *t)
{
	struct screen s = {.o = o, .t = t, .key = o->key};
	SCREEN *terminal;
	int rc;

	target_open_thread(t, o->pid, o->pid);
	rc = refresh_figures(&s); /* an error now need not disturb the terminal */
	if (rc)
		return rc;
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return target_fail(t, ENOTTY, "this terminal (TERM) is not known; use -o");
	set_up_terminal();
	hold_signals(&s);
	rc = run_loop(&s);
	endwin();
	delscreen(terminal);
	snapshot_free(&s.now);
	return rc;
}

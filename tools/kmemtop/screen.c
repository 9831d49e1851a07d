/* SPDX-License-Identifier: MIT */
/*
 * One loop: refresh when due, sleep in ppoll, deal with keys. The signals that
 * matter (a child's change, a new size) are blocked but in ppoll, so that none
 * slips by between a look and the sleep.
 */
#include "screen_state.h"

#include "screen_paint.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 200 /* while a command has nothing to show */

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- figures -------------------------------------------------------------------- */

static int refresh_list(struct screen *s)
{
	struct processes next;
	int rc = processes_list(&next);

	if (rc)
		return target_fail(s->t, -rc, "the processes cannot be listed");
	processes_free(&s->processes);
	s->processes = next;
	s->rc = 0;
	return 0;
}

/* Nobody's figures are shown for long: a process opened from the list that ends leads back
 * to it. A command that has just begun, or ends now, has none yet; others must. */
static int without_figures(struct screen *s)
{
	if (s->from_list) {
		snprintf(s->message, sizeof(s->message), "%s", s->t->why);
		screen_close(s);
		s->frozen = 0;
		s->due_ms = 0;
		return 0;
	}
	if (!s->o->command)
		return s->rc;
	s->due_ms = clock_ms() + RETRY_MS;
	return 0;
}

void screen_close(struct screen *s)
{
	if (s->open)
		target_close(s->t);
	s->open = 0;
	s->source = s->o->source;
	s->from_list = 0;
	s->view = VIEW_PROCESSES;
	s->page = PAGE_TABLE;
	detail_close(&s->detail);
	history_free(&s->history);
	snapshot_free(&s->now);
}

static int open_or_renew(struct screen *s)
{
	int rc = s->open ? target_renew(s->t) : source_open(&s->source, s->t);

	if (rc && s->open)
		target_close(s->t);
	s->open = !rc;
	return rc;
}

static int refresh_process(struct screen *s)
{
	struct snapshot next;
	int was_open = s->open;

	s->rc = open_or_renew(s);
	if (!s->rc)
		s->rc = snapshot_take(&next, s->t);
	if (s->rc)
		return without_figures(s);
	if (!was_open)
		snprintf(s->message, sizeof(s->message), "%s", s->t->notes);
	if (s->o->command && !next.ncaches)
		s->due_ms = clock_ms() + RETRY_MS;
	snapshot_free(&s->now);
	s->now = next;
	if (history_apply(&s->history, &s->now, clock_ms()))
		return target_fail(s->t, ENOMEM, "not enough memory to look at it");
	if (s->detail.id)
		detail_read(&s->detail, s->t);
	nodes_free(&s->nodes);
	if (s->view == VIEW_NODES)
		nodes_read(&s->nodes, &s->now);
	return 0;
}

/* Reads it all again. -errno if there is nothing to show, and why. */
static int refresh_figures(struct screen *s)
{
	int rc;

	s->due_ms = s->frozen || (s->open && target_is_still(s->t))
			    ? INT64_MAX
			    : clock_ms() + (int64_t)s->o->delay_s * 1000;
	rc = source_is_none(&s->source) ? refresh_list(s) : refresh_process(s);
	if (!rc)
		screen_arrange(s);
	return rc;
}

/* --- the loop -------------------------------------------------------------------- */

/* Sleeps until a key, a signal, or the next refresh; -EIO if the terminal went. */
static int wait_and_listen(struct screen *s)
{
	struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
	int64_t left = s->due_ms == INT64_MAX ? 3600000 : s->due_ms - clock_ms();
	struct timespec wait = {0};
	int key, nkeys = 0;

	if (left > 0) {
		wait.tv_sec = left / 1000;
		wait.tv_nsec = (long)(left % 1000) * 1000000;
	}
	if (ppoll(&keys, 1, &wait, &s->asleep) < 0)
		keys.revents = 0;
	while ((key = getch()) != ERR) {
		screen_key(s, key);
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
		screen_draw(s);
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
	set_escdelay(100); /* so that the key alone is not waited for long */
	nodelay(stdscr, TRUE);
	curs_set(0);
	paint_init();
}

static void forget(struct screen *s)
{
	snapshot_free(&s->now);
	history_free(&s->history);
	nodes_free(&s->nodes);
	processes_free(&s->processes);
	detail_close(&s->detail);
	free(s->visible);
	if (s->open)
		target_close(s->t);
}

static int run_on_terminal(struct screen *s)
{
	SCREEN *terminal = newterm(NULL, stdout, stdin);
	int rc;

	if (!terminal)
		return target_fail(s->t, ENOTTY, "this terminal (TERM) is not known; use -o");
	set_up_terminal();
	hold_signals(s);
	rc = run_loop(s);
	endwin();
	delscreen(terminal);
	return rc;
}

int screen_run(const struct screen_options *o, struct target *t)
{
	struct screen s = {
		.o = o,
		.source = o->source,
		.t = t,
		.key = o->key,
		.view = source_is_none(&o->source) ? VIEW_PROCESSES : VIEW_CACHES,
	};
	int rc;

	target_open_thread(t, o->source.pid, o->source.pid); /* for what fails before */
	rc = refresh_figures(&s); /* an error now need not disturb the terminal */
	if (!rc)
		rc = run_on_terminal(&s);
	forget(&s);
	return rc;
}

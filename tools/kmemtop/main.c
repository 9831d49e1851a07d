/* SPDX-License-Identifier: MIT */
/*
 * kmemtop: slabtop for the caches of a process that uses libkmem.
 *
 * Options in, an errand out: a process, a core, a command or all processes, printed
 * once or kept on the screen.
 */
#include "batch.h"
#include "options.h"
#include "preload.h"
#include "process_table.h"
#include "screen.h"
#include "table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NO_EXEC 127

/* --- one snapshot -------------------------------------------------------------- */

static void print_openmetrics(const struct snapshot *s, const struct options *o)
{
	struct batch_process p = {.s = *s};

	if (o->command)
		snprintf(p.name, sizeof(p.name), "%s", basename(o->command[0]));
	else if (!o->source.core)
		process_read_name(p.name, sizeof(p.name), s->pid);
	for (char *at = p.name; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	batch_openmetrics(stdout, &p, 1);
}

static void print_snapshot(struct snapshot *s, const struct options *o)
{
	switch (o->errand) {
	case ERRAND_JSON:
		batch_json(stdout, s);
		break;
	case ERRAND_SLABINFO:
		batch_slabinfo(stdout, s);
		break;
	case ERRAND_OPENMETRICS:
		print_openmetrics(s, o);
		break;
	default:
		columns_sort(s, o->key);
		table_print(stdout, s, o->units);
		break;
	}
}

static int show(struct snapshot *s, const struct target *t, const struct options *o)
{
	print_snapshot(s, o);
	if (t->notes[0])
		options_complain(t->notes);
	if (s->nunreadable)
		fprintf(stderr, "kmemtop: %zu records could not be read and are left out\n",
			s->nunreadable);
	return options_finish_output();
}

static int show_geometry(const struct geometry *g, const struct target *t)
{
	batch_buddyinfo(stdout, g);
	if (t->notes[0])
		options_complain(t->notes);
	return options_finish_output();
}

static int print_target(struct target *t, const struct options *o)
{
	struct snapshot s;
	struct geometry g;
	int code;

	if (o->errand == ERRAND_LOOK) {
		if (look_print(stdout, t, &o->look))
			return options_complain(t->why);
		if (t->notes[0])
			options_complain(t->notes);
		code = options_finish_output();
	} else if (o->errand == ERRAND_BUDDYINFO) {
		if (geometry_read(&g, t))
			return options_complain(t->why);
		code = show_geometry(&g, t);
		geometry_free(&g);
	} else {
		if (snapshot_take(&s, t))
			return options_complain(t->why);
		code = show(&s, t, o);
		snapshot_free(&s);
	}
	return code;
}

static int print_source(const struct options *o)
{
	struct target t;
	int code;

	if (source_open(&o->source, &t))
		return options_complain(t.why);
	code = print_target(&t, o);
	target_close(&t);
	return code;
}

/* --- all processes --------------------------------------------------------------- */

/* Those that can still be read, in batch; how many. */
static size_t take_all(struct batch_process *batch, const struct processes *p)
{
	struct target t;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (target_open(&t, p->list[i].pid))
			continue;
		if (!snapshot_take(&batch[n].s, &t))
			strcpy(batch[n++].name, p->list[i].name);
		target_close(&t);
	}
	return n;
}

static int print_all_metrics(const struct processes *p)
{
	struct batch_process *batch = calloc(p->n + 1, sizeof(*batch));
	size_t n = batch ? take_all(batch, p) : 0;

	if (!batch)
		return options_complain("not enough memory");
	batch_openmetrics(stdout, batch, n);
	for (size_t i = 0; i < n; i++)
		snapshot_free(&batch[i].s);
	free(batch);
	return options_finish_output();
}

static int print_all(const struct options *o)
{
	struct processes p;
	int code;

	if (processes_list(&p))
		return options_complain("the processes cannot be listed");
	if (o->errand == ERRAND_OPENMETRICS) {
		code = print_all_metrics(&p);
	} else {
		process_table_sort(&p, o->key);
		process_table_print(stdout, &p);
		code = options_finish_output();
	}
	processes_free(&p);
	return code;
}

/* --- screen and command ------------------------------------------------------------ */

static int on_screen(const struct options *o, struct command *c)
{
	const struct screen_options so = {
		.source = c ? (struct source){.pid = c->pid} : o->source,
		.command = c,
		.delay_s = o->delay_s,
		.key = o->key,
		.units = o->units,
	};
	struct target t;

	return screen_run(&so, &t) ? options_complain(t.why) : EXIT_SUCCESS;
}

static int show_look(const struct look_end *end)
{
	fputs(end->text, stdout);
	return options_finish_output();
}

/* The command's status, unless it is 0 and we have nothing to show. */
static int report_end(const struct options *o, struct command *c)
{
	int err = command_exec_error(c), code = command_exit_code(c), shown;

	if (err) {
		fprintf(stderr, "kmemtop: %s: %s\n", o->command[0], strerror(err));
		return EXIT_NO_EXEC;
	}
	if (c->last_rc)
		shown = options_complain(c->target.why);
	else if (c->context)
		shown = show_look(c->context);
	else
		shown = show(&c->last, &c->target, o);
	snapshot_free(&c->last);
	return code ? code : shown;
}

static int run_command(const struct options *o)
{
	int once = o->errand != ERRAND_SCREEN;
	struct command_options co = {
		.argv = o->command,
		.streams = once ? COMMAND_KEEPS_STREAMS : COMMAND_OFF_TERMINAL,
	};
	struct look_end end = {.look = &o->look};
	char why[PATH_MAX + 80], *library = preload_find(why, sizeof(why));
	struct command c;
	int rc, code = EXIT_SUCCESS;

	if (!library)
		return options_complain(why);
	co.library = library;
	if (o->errand == ERRAND_LOOK) {
		co.at_end = look_at_end;
		co.context = &end;
	}
	rc = command_start(&c, &co);
	free(library);
	if (rc)
		return options_complain(c.target.why);
	if (!once)
		code = on_screen(o, &c);
	while (once && !c.ended && command_step(&c, COMMAND_BLOCKS))
		;
	if (once && !c.ended)
		return options_complain("the command was lost");
	return c.ended ? report_end(o, &c) : code;
}

int main(int argc, char **argv)
{
	struct options o;

	options_parse(&o, argc, argv);
	if (o.errand == ERRAND_SCREEN && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
		if (!o.source.core)
			return options_complain("the screen needs a terminal; -o prints once");
		o.errand = ERRAND_TABLE; /* all there is to a core is in one table */
	}
	if (o.command)
		return run_command(&o);
	if (o.errand == ERRAND_SCREEN)
		return on_screen(&o, NULL);
	return source_is_none(&o.source) ? print_all(&o) : print_source(&o);
}

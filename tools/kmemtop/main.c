/* SPDX-License-Identifier: MIT */
/*
 * kmemtop: slabtop for the caches of a process that uses libkmem.
 *
 * Options in, one of four errands out: a process or a command, printed once or
 * kept on the screen.
 */
#include "command.h"
#include "preload.h"
#include "screen.h"
#include "table.h"

#include <kmem/base.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE   2
#define EXIT_NO_EXEC 127

struct options {
	pid_t pid;
	char **command; /* NULL, or what to run */
	int delay_s;
	int key;
	int once;
	enum table_units units;
};

static const char usage[] =
	"Usage:\n"
	" kmemtop [options] -p PID\n"
	" kmemtop [options] -- COMMAND [argument ...]\n"
	"\n"
	"Shows the caches of a process that uses libkmem, as slabtop shows the kernel's.\n"
	"The process is only read, never stopped.\n"
	"\n"
	"Options:\n"
	" -p, --pid PID      the process to look at\n"
	" -d, --delay SECS   seconds between refreshes (3)\n"
	" -o, --once         print once and exit; with COMMAND, as it stands at its end\n"
	" -s, --sort CHAR    what to sort by, see below\n"
	"     --human        sizes in B, K, M, G\n"
	" -h, --help         print this and exit\n"
	" -V, --version      print the version and exit\n"
	"\n"
	"Sort by, as option or key on the screen:\n"
	" a  active objects          b  objects per slab\n"
	" c  cache size              l  slabs\n"
	" v  active slabs            n  name\n"
	" o  objects (the default)   p  pages per slab\n"
	" s  object size             u  use\n"
	"Other keys: space refreshes, q quits.\n"
	"\n"
	"Objects parked in sheaves are not active. A * behind a name: the cache was being\n"
	"made or destroyed, its figures are in motion.\n"
	"\n"
	"COMMAND runs with libkmem-malloc.so preloaded, the one installed beside kmemtop or\n"
	"named by " PRELOAD_ENV ". Forked children are not followed. When it ends its\n"
	"last table is printed, and kmemtop exits with its status, or 128 and the signal's\n"
	"number. Without -o it runs behind the screen: whichever of its standard streams is\n"
	"the terminal becomes /dev/null; q sends it SIGTERM, a second q leaves it running.\n"
	"\n"
	"Exit status: 1 if there is nothing to show, 2 for a wrong option, 127 if COMMAND\n"
	"cannot be executed.\n";

static int complain(const char *text)
{
	fprintf(stderr, "kmemtop: %s\n", text);
	return EXIT_FAILURE;
}

static _Noreturn void bad_usage(const char *text)
{
	fprintf(stderr, "kmemtop: %s (try kmemtop --help)\n", text);
	exit(EXIT_USAGE);
}

/* Whether all that was printed has arrived. */
static int finish_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		return complain("standard output cannot be written");
	return EXIT_SUCCESS;
}

/* --- options ------------------------------------------------------------------ */

static int parse_number(const char *text, int max, const char *complaint)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > max)
		bad_usage(complaint);
	return (int)n;
}

static int parse_key(const char *text)
{
	if (strlen(text) != 1 || !table_key_is_valid((unsigned char)text[0]))
		bad_usage("the sort key is one of a b c l v n o p s u");
	return (unsigned char)text[0];
}

static _Noreturn void print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(finish_output());
}

static _Noreturn void print_version(void)
{
	printf("kmemtop from libkmem %d.%d\n", KMEM_VERSION_MAJOR, KMEM_VERSION_MINOR);
	exit(finish_output());
}

enum { OPTION_HUMAN = 256 };

static void take_option(struct options *o, int option)
{
	switch (option) {
	case 'd':
		o->delay_s = parse_number(optarg, 1000000, "the delay is a number of seconds");
		break;
	case 'o':
		o->once = 1;
		break;
	case 'p':
		o->pid = parse_number(optarg, INT_MAX, "the PID is a positive number");
		break;
	case 's':
		o->key = parse_key(optarg);
		break;
	case OPTION_HUMAN:
		o->units = TABLE_HUMAN;
		break;
	case 'h':
		print_and_exit(usage);
	case 'V':
		print_version();
	default:
		exit(EXIT_USAGE); /* getopt has said it */
	}
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"pid", required_argument, NULL, 'p'},	    {"delay", required_argument, NULL, 'd'},
		{"once", no_argument, NULL, 'o'},	    {"sort", required_argument, NULL, 's'},
		{"human", no_argument, NULL, OPTION_HUMAN}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},	    {NULL, 0, NULL, 0},
	};
	int option;

	*o = (struct options){.delay_s = 3, .key = 'o', .units = TABLE_KIB};
	while ((option = getopt_long(argc, argv, "+p:d:os:hV", longs, NULL)) != -1)
		take_option(o, option);
	if (optind < argc)
		o->command = argv + optind;
	if (!o->pid && !o->command)
		bad_usage("say which process: -p PID, or -- COMMAND");
	if (o->pid && o->command)
		bad_usage("either -p PID or -- COMMAND");
}

/* --- errands -------------------------------------------------------------------- */

static int show(struct snapshot *s, const struct options *o)
{
	table_sort(s, o->key);
	table_print(stdout, s, o->units);
	if (s->nunreadable)
		fprintf(stderr, "kmemtop: %zu records could not be read and are left out\n",
			s->nunreadable);
	return finish_output();
}

static int print_process(const struct options *o)
{
	struct snapshot s;
	struct target t;
	int code;

	if (snapshot_take_pid(&s, &t, o->pid))
		return complain(t.why);
	code = show(&s, o);
	snapshot_free(&s);
	return code;
}

static int on_screen(const struct options *o, struct command *c)
{
	const struct screen_options so = {
		.pid = c ? c->pid : o->pid,
		.command = c,
		.delay_s = o->delay_s,
		.key = o->key,
		.units = o->units,
	};
	struct target t;

	return screen_run(&so, &t) ? complain(t.why) : EXIT_SUCCESS;
}

/* The command's status, unless it is 0 and we have nothing to show. */
static int report_end(const struct options *o, struct command *c)
{
	int err = command_exec_error(c), code = command_exit_code(c), shown;

	if (err) {
		fprintf(stderr, "kmemtop: %s: %s\n", o->command[0], strerror(err));
		return EXIT_NO_EXEC;
	}
	shown = c->last_rc ? complain(c->target.why) : show(&c->last, o);
	snapshot_free(&c->last);
	return code ? code : shown;
}

static int run_command(const struct options *o)
{
	struct command_options co = {
		.argv = o->command,
		.streams = o->once ? COMMAND_KEEPS_STREAMS : COMMAND_OFF_TERMINAL,
	};
	char why[PATH_MAX + 80], *library = preload_find(why, sizeof(why));
	struct command c;
	int rc, code = EXIT_SUCCESS;

	if (!library)
		return complain(why);
	co.library = library;
	rc = command_start(&c, &co);
	free(library);
	if (rc)
		return complain(c.target.why);
	if (!o->once)
		code = on_screen(o, &c);
	while (o->once && !c.ended && command_step(&c, COMMAND_BLOCKS))
		;
	if (o->once && !c.ended)
		return complain("the command was lost");
	return c.ended ? report_end(o, &c) : code;
}

int main(int argc, char **argv)
{
	struct options o;

	parse_options(&o, argc, argv);
	if (!o.once && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return complain("the screen needs a terminal; -o prints once");
	if (o.command)
		return run_command(&o);
	return o.once ? print_process(&o) : on_screen(&o, NULL);
}

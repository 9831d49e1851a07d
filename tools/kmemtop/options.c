/* SPDX-License-Identifier: MIT */
/* The command line: see options.h. */
#include "options.h"

#include "columns.h"
#include "usage.h"
#include "whatis.h"

#include <kmem/base.h>

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTION_HUMAN = 256,
	OPTION_MAP,
	OPTION_HTML,
	OPTION_WHATIS,
	OPTION_ERRAND, /* the errands' follow, by number */
};

int options_complain(const char *text)
{
	fprintf(stderr, "kmemtop: %s\n", text);
	return EXIT_FAILURE;
}

static _Noreturn void bad_usage(const char *text)
{
	fprintf(stderr, "kmemtop: %s (try kmemtop --help)\n", text);
	exit(OPTIONS_EXIT_USAGE);
}

int options_finish_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		return options_complain("standard output cannot be written");
	return EXIT_SUCCESS;
}

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
	if (strlen(text) != 1 || !columns_key_is_valid((unsigned char)text[0]))
		bad_usage("the sort key is one of a b c e g k l n o p r s u v w");
	return tolower((unsigned char)text[0]);
}

static _Noreturn void print_and_exit(const char *text)
{
	fputs(text, stdout);
	exit(options_finish_output());
}

static _Noreturn void print_version(void)
{
	printf("kmemtop from libkmem %d.%d\n", KMEM_VERSION_MAJOR, KMEM_VERSION_MINOR);
	exit(options_finish_output());
}

static void take_errand(struct options *o, int errand)
{
	if (o->errand != ERRAND_SCREEN && (int)o->errand != errand)
		bad_usage(
			"one of -o, --json, --slabinfo, --buddyinfo, --openmetrics or the map at a "
			"time");
	o->errand = (enum errand)errand;
}

/* Settings of the screen and the table, which other errands have no use for. */
static void take_setting(struct options *o, int option)
{
	switch (option) {
	case 'd':
		o->delay_s = parse_number(optarg, 1000000, "the delay is a number of seconds");
		break;
	case 's':
		o->key = parse_key(optarg);
		break;
	default:
		o->units = UNITS_HUMAN;
		break;
	}
}

/* Several of these go together. */
static void take_look(struct options *o, int option)
{
	take_errand(o, ERRAND_LOOK);
	if (option == OPTION_MAP)
		o->look.map = 1;
	else if (option == OPTION_HTML)
		o->look.html = optarg;
	else if (!whatis_parse(optarg, &o->look.addr))
		bad_usage("the address of --whatis is a number, as 0x7f0012345678");
	else
		o->look.whatis = 1;
}

static void take_option(struct options *o, int option)
{
	switch (option) {
	case 'c':
		o->source.core = optarg;
		break;
	case 'e':
		o->source.exe = optarg;
		break;
	case 'o':
		take_errand(o, ERRAND_TABLE);
		break;
	case 'p':
		o->source.pid = parse_number(optarg, INT_MAX, "the PID is a positive number");
		break;
	case OPTION_MAP:
	case OPTION_HTML:
	case OPTION_WHATIS:
		take_look(o, option);
		break;
	case 'h':
		print_and_exit(usage_text);
	case 'V':
		print_version();
	default:
		if (option < OPTION_ERRAND)
			exit(OPTIONS_EXIT_USAGE); /* getopt has said it */
		take_errand(o, option - OPTION_ERRAND);
	}
}

static void check(const struct options *o, int with_settings)
{
	int nsources = !!o->source.pid + !!o->command + !!o->source.core;

	if (nsources > 1)
		bad_usage("either -p PID, -c CORE or -- COMMAND");
	if (o->source.exe && !o->source.core)
		bad_usage("-e goes with -c");
	if (!nsources && o->errand != ERRAND_SCREEN && o->errand != ERRAND_TABLE &&
	    o->errand != ERRAND_OPENMETRICS)
		bad_usage("say which process: -p PID, -c CORE, or -- COMMAND");
	if (o->command && o->errand == ERRAND_BUDDYINFO)
		bad_usage(
			"--buddyinfo is of a process that runs or a core, not of a command's end");
	if (with_settings && o->errand != ERRAND_SCREEN && o->errand != ERRAND_TABLE)
		bad_usage("-d, -s and --human are for the screen and the table");
	if (o->errand == ERRAND_TABLE && columns_key_needs_time(o->key))
		bad_usage("g, r and e sort on the screen: one look tells no rate");
}

void options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"pid", required_argument, NULL, 'p'},
		{"core", required_argument, NULL, 'c'},
		{"exe", required_argument, NULL, 'e'},
		{"delay", required_argument, NULL, 'd'},
		{"once", no_argument, NULL, 'o'},
		{"json", no_argument, NULL, OPTION_ERRAND + ERRAND_JSON},
		{"slabinfo", no_argument, NULL, OPTION_ERRAND + ERRAND_SLABINFO},
		{"buddyinfo", no_argument, NULL, OPTION_ERRAND + ERRAND_BUDDYINFO},
		{"openmetrics", no_argument, NULL, OPTION_ERRAND + ERRAND_OPENMETRICS},
		{"map", no_argument, NULL, OPTION_MAP},
		{"html", required_argument, NULL, OPTION_HTML},
		{"whatis", required_argument, NULL, OPTION_WHATIS},
		{"sort", required_argument, NULL, 's'},
		{"human", no_argument, NULL, OPTION_HUMAN},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option, with_settings = 0;

	*o = (struct options){.delay_s = 3, .key = 'o', .units = UNITS_KIB};
	while ((option = getopt_long(argc, argv, "+p:c:e:d:os:hV", longs, NULL)) != -1) {
		if (option == 'd' || option == 's' || option == OPTION_HUMAN) {
			take_setting(o, option);
			with_settings = 1;
		} else {
			take_option(o, option);
		}
	}
	if (optind < argc)
		o->command = argv + optind;
	check(o, with_settings);
}

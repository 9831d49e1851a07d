// SPDX-License-Identifier: MIT
/* kmem-replay: what a recorded program asked of malloc, asked again of any. */
#include "report.h"

#include "tools/kmemtop/preload.h"

#include <kmem/base.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 16u

struct arguments {
	const char *file, *binary, *plot;
	bool text, summary, one_thread;
	unsigned repeat;
	struct row rows[ROWS_MOST];
	size_t nrows;
};

static const char usage[] =
	"usage: kmem-replay [options] FILE\n"
	"  -l, --library=NAME   libkmem, glibc, or a library's path; may be given again\n"
	"  -t, --threads=1      all requests by one thread, instead of as recorded\n"
	"  -r, --repeat=N       replays for the throughput, of which the fastest counts (3)\n"
	"  -p, --plot=FILE      payload, heap and resident size over time, as SVG\n"
	"  -s, --summary        what is in the trace, without a replay\n"
	"  -T, --text           the trace as text, on standard output\n"
	"  -b, --binary=FILE    the trace as a recording\n"
	"  -h, --help\n"
	"  -V, --version\n";

static _Noreturn void bad_usage(const char *text)
{
	fprintf(stderr, "kmem-replay: %s (try kmem-replay --help)\n", text);
	exit(2);
}

static const char *libkmem_path(void)
{
	char why[256];
	char *path = preload_find(why, sizeof(why));

	if (!path)
		fail("%s", why);
	return path;
}

static void add_library(struct arguments *arguments, const char *name)
{
	struct row *row = &arguments->rows[arguments->nrows];
	const char *slash = strrchr(name, '/');

	if (arguments->nrows++ == ROWS_MOST)
		bad_usage("there are too many libraries");
	*row = (struct row){.name = slash ? slash + 1 : name};
	if (strcmp(name, "libkmem") == 0)
		row->library = libkmem_path();
	else if (slash)
		row->library = name;
	else if (strcmp(name, "glibc") != 0)
		bad_usage("a library is libkmem, glibc, or a path with a slash");
}

static unsigned parse_repeat(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n < 1 || n > 1000)
		bad_usage("--repeat is a number from 1 to 1000");
	return (unsigned)n;
}

static void set_option(struct arguments *arguments, int option, const char *value)
{
	switch (option) {
	case 'l':
		add_library(arguments, value);
		break;
	case 't':
		if (strcmp(value, "1") != 0 && strcmp(value, "recorded") != 0)
			bad_usage("--threads is 1 or recorded");
		arguments->one_thread = *value == '1';
		break;
	case 'r':
		arguments->repeat = parse_repeat(value);
		break;
	case 'p':
		arguments->plot = value;
		break;
	case 's':
		arguments->summary = true;
		break;
	case 'T':
		arguments->text = true;
		break;
	case 'b':
		arguments->binary = value;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(EXIT_SUCCESS);
	case 'V':
		printf("kmem-replay from libkmem %d.%d\n", KMEM_VERSION_MAJOR, KMEM_VERSION_MINOR);
		exit(EXIT_SUCCESS);
	default:
		exit(2);
	}
}

static void parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct option options[] = {
		{"library", required_argument, NULL, 'l'},
		{"threads", required_argument, NULL, 't'},
		{"repeat", required_argument, NULL, 'r'},
		{"plot", required_argument, NULL, 'p'},
		{"summary", no_argument, NULL, 's'},
		{"text", no_argument, NULL, 'T'},
		{"binary", required_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	*arguments = (struct arguments){.repeat = 3};
	while ((option = getopt_long(argc, argv, "l:t:r:p:sTb:hV", options, NULL)) != -1)
		set_option(arguments, option, optarg);
	if (argc - optind != 1)
		bad_usage("one file is wanted");
	arguments->file = argv[optind];
}

/* The fastest counts: what the machine does besides makes others slower, never faster. */
static void measure(struct row *row, int plan, unsigned repeat)
{
	struct results results;

	replay(plan, row->library, MODE_MEMORY, &row->memory);
	replay(plan, row->library, MODE_LATENCY, &results);
	row->p999_ns = results.p999_ns;
	row->worst_ns = results.worst_ns;
	for (unsigned i = 0; i < repeat; i++) {
		replay(plan, row->library, MODE_SPEED, &results);
		if (i == 0 || results.seconds < row->seconds)
			row->seconds = results.seconds;
	}
}

static void replay_all(struct arguments *arguments, const struct trace *trace)
{
	int plan = plan_make(trace);

	if (!arguments->nrows) {
		add_library(arguments, "libkmem");
		add_library(arguments, "glibc");
	}
	for (size_t i = 0; i < arguments->nrows; i++)
		measure(&arguments->rows[i], plan, arguments->repeat);
	report_rows(trace, arguments->rows, arguments->nrows);
	if (arguments->plot)
		plot(arguments->rows, arguments->nrows, arguments->plot);
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	struct trace trace = {.nrequests = 0};

	if (argc == 5 && strcmp(argv[1], "--run") == 0)
		run(atoi(argv[2]), atoi(argv[3]), (enum mode)atoi(argv[4]));
	parse(&arguments, argc, argv);
	trace_read(&trace, arguments.file);
	if (arguments.one_thread)
		trace_flatten(&trace);
	if (arguments.text)
		text_write(&trace);
	if (arguments.binary)
		record_write(&trace, arguments.binary);
	if (arguments.summary)
		report_trace(&trace);
	if (!arguments.text && !arguments.binary && !arguments.summary)
		replay_all(&arguments, &trace);
	free(trace.requests);
	if (fflush(stdout) || ferror(stdout))
		fail("standard output cannot be written");
	return EXIT_SUCCESS;
}

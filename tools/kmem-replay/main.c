// SPDX-License-Identifier: MIT
/* kmem-replay: what a recorded program asked of malloc, asked again of any. */
#include "heap_policy.h"
#include "report.h"

#include "tools/kmemtop/preload.h"

#include <kmem/base.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUBJECTS_MOST	32u
#define LATENCY_REPLAYS 5u

struct arguments {
	char **files;
	size_t nfiles;
	const char *binary, *plot;
	bool text, summary, one_thread, policies;
	unsigned repeat;
	struct subject subjects[SUBJECTS_MOST];
	size_t nsubjects;
};

static const char usage[] =
	"usage: kmem-replay [options] FILE...\n"
	"  -l, --library=NAME   libkmem, glibc, a library's path, or heap[:OPTION,...], a private\n"
	"                       heap; may be given again\n"
	"  -P, --policies       private heaps of all policies, beside libkmem and glibc\n"
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

static char *libkmem_path(void)
{
	char why[256];
	char *path = preload_find(why, sizeof(why));

	if (!path)
		fail("%s", why);
	return path;
}

/* What a private heap is made by: no malloc, so that it is alone in its process. */
static const char *core_path(void)
{
	char *override = libkmem_path(), *core, *slash = strrchr(override, '/');

	if (asprintf(&core, "%.*s/libkmem.so.%d.%d", (int)(slash - override), override,
		     KMEM_VERSION_MAJOR, KMEM_VERSION_MINOR) < 0)
		fail("no memory");
	free(override);
	return core;
}

static struct subject heap_subject(const char *name)
{
	struct kmem_heap_options options;

	if (!heap_policy_parse(name, &options))
		bad_usage("a heap's options are " HEAP_POLICY_WORDS);
	return (struct subject){.name = name,
				.library = core_path(),
				.heap = name,
				.one_thread = options.one_thread};
}

static void add_library(struct arguments *arguments, const char *name)
{
	struct subject subject = {.name = name};
	const char *slash = strrchr(name, '/');

	if (slash)
		subject = (struct subject){.name = slash + 1, .library = name};
	else if (heap_policy_is(name))
		subject = heap_subject(name);
	else if (strcmp(name, "libkmem") == 0)
		subject.library = libkmem_path();
	else if (strcmp(name, "glibc") != 0)
		bad_usage("a library is libkmem, glibc, heap, or a path with a slash");
	if (arguments->nsubjects == SUBJECTS_MOST)
		bad_usage("there are too many libraries");
	arguments->subjects[arguments->nsubjects++] = subject;
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
	case 'P':
		arguments->policies = true;
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

static bool replays(const struct arguments *arguments)
{
	return !arguments->text && !arguments->binary && !arguments->summary;
}

static void parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct option options[] = {
		{"library", required_argument, NULL, 'l'},
		{"policies", no_argument, NULL, 'P'},
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
	while ((option = getopt_long(argc, argv, "l:Pt:r:p:sTb:hV", options, NULL)) != -1)
		set_option(arguments, option, optarg);
	arguments->files = argv + optind;
	arguments->nfiles = (size_t)(argc - optind);
	if (!arguments->nfiles)
		bad_usage("a file is wanted");
	if (arguments->nfiles > 1 && (arguments->plot || !replays(arguments)))
		bad_usage("several files are only for replays without a plot");
}

/* Without a word of what is to be compared: libkmem and glibc. */
static void add_usual(struct arguments *arguments)
{
	if (!arguments->nsubjects || arguments->policies) {
		add_library(arguments, "libkmem");
		add_library(arguments, "glibc");
	}
	for (size_t i = 0; arguments->policies && heap_policies[i]; i++)
		add_library(arguments, heap_policies[i]);
}

static void keep_least(uint32_t *least, uint32_t value)
{
	if (!*least || value < *least)
		*least = value;
}

/*
 * The fastest counts: what the machine does besides makes others slower, never faster. One replay
 * of each after the other, so that it does so to all.
 */
static void measure(struct row *rows, size_t nrows, int plan, unsigned repeat)
{
	struct results results;

	for (size_t i = 0; i < nrows; i++)
		replay(plan, rows[i].subject, MODE_MEMORY, &rows[i].memory);
	for (unsigned i = 0; i < repeat * nrows; i++) {
		struct row *row = &rows[i % nrows];

		replay(plan, row->subject, MODE_SPEED, &results);
		if (i < nrows || results.seconds < row->seconds)
			row->seconds = results.seconds;
		if (i >= LATENCY_REPLAYS * nrows)
			continue;
		replay(plan, row->subject, MODE_LATENCY, &results);
		keep_least(&row->p999_ns, results.p999_ns);
		keep_least(&row->worst_ns, results.worst_ns);
	}
}

static void replay_file(const struct arguments *arguments, struct trace *trace, const char *path)
{
	struct row *rows = must_realloc(NULL, arguments->nsubjects * sizeof(*rows));
	bool several = trace->nthreads > 1;
	size_t nrows = 0;
	int plan;

	for (size_t i = 0; i < arguments->nsubjects; i++)
		if (!arguments->policies || !several || !arguments->subjects[i].one_thread)
			rows[nrows++] = (struct row){.subject = arguments->subjects[i]};
	if (!several)
		trace_renumber(trace);
	plan = plan_make(trace);
	measure(rows, nrows, plan, arguments->repeat);
	close(plan);
	if (path == arguments->files[0])
		report_head();
	report_rows(path, trace, rows, nrows);
	if (arguments->plot)
		plot(rows, nrows, arguments->plot);
	free(rows);
}

static void serve_file(const struct arguments *arguments, const char *path)
{
	struct trace trace = {.nrequests = 0};

	trace_read(&trace, path);
	if (arguments->one_thread)
		trace_flatten(&trace);
	if (arguments->summary)
		report_trace(&trace);
	if (arguments->text || arguments->binary)
		trace_stand_alone(&trace);
	if (arguments->text)
		text_write(&trace);
	if (arguments->binary)
		record_write(&trace, arguments->binary);
	if (replays(arguments))
		replay_file(arguments, &trace, path);
	free(trace.requests);
}

int main(int argc, char **argv)
{
	struct arguments arguments;

	if (argc == 6 && strcmp(argv[1], "--run") == 0)
		run(atoi(argv[2]), atoi(argv[3]), (enum mode)atoi(argv[4]), argv[5]);
	parse(&arguments, argc, argv);
	if (replays(&arguments))
		add_usual(&arguments);
	for (size_t i = 0; i < arguments.nfiles; i++)
		serve_file(&arguments, arguments.files[i]);
	if (fflush(stdout) || ferror(stdout))
		fail("standard output cannot be written");
	return EXIT_SUCCESS;
}

// SPDX-License-Identifier: MIT
/* See report.h. The shares are of the moment at which the payload is largest. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void report_trace(const struct trace *trace)
{
	static const char *const names[OPS] = {"malloc", "calloc", "aligned", "realloc", "free"};

	printf("requests %zu\n", trace->nrequests - trace->nbefore);
	for (int i = 0; i < OPS; i++)
		printf("%s %" PRIu64 "\n", names[i], trace->counts[i]);
	printf("threads %u\n", trace->nthreads);
	printf("peak_payload %" PRIu64 "\n", trace->peak_payload);
	printf("end_payload %" PRIu64 "\n", trace->end_payload);
	printf("file_bytes %" PRIu64 "\n", trace->file_bytes);
	printf("bytes_per_event %.2f\n", (double)trace->file_bytes / (double)trace->nevents);
}

static void print_share(const char *format, uint64_t part, uint64_t whole)
{
	char text[32] = "-";

	if (whole)
		snprintf(text, sizeof(text), "%.1f%%", 100.0 * (double)part / (double)whole);
	printf(format, text);
}

static void print_row(const struct trace *trace, const struct row *row)
{
	const struct sample *at = &row->memory.at_peak;

	printf(" %-18s %10.0f", row->subject.name,
	       (double)(trace->nrequests - trace->nbefore) / row->seconds);
	print_share(" %11s", row->memory.peak_payload, row->memory.peak_heap);
	print_share(" %11s", row->memory.peak_payload, row->memory.peak_resident);
	print_share(" %9s", at->usable > at->payload ? at->usable - at->payload : 0, at->usable);
	print_share(" %9s", at->heap > at->usable ? at->heap - at->usable : 0,
		    at->usable ? at->heap : 0);
	printf(" %11" PRIu64 " %10" PRIu64 " %12" PRIu64 " %8u %9u\n",
	       row->memory.peak_payload >> 10, row->memory.peak_heap >> 10,
	       row->memory.peak_resident >> 10, row->p999_ns, row->worst_ns);
}

void report_head(void)
{
	printf("%-12s %-18s %10s %11s %11s %9s %9s %11s %10s %12s %8s %9s\n", "trace", "library",
	       "requests/s", "utilisation", "of resident", "internal", "external", "payload KiB",
	       "heap KiB", "resident KiB", "99.9% ns", "worst ns");
}

/* The file's name, without what all traces' names end with. */
static void print_name(const char *path)
{
	static const char suffix[] = ".trace";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = strlen(name), end = strlen(suffix);

	if (length > end && strcmp(name + length - end, suffix) == 0)
		length -= end;
	printf("%-12.*s", (int)length, name);
}

void report_rows(const char *path, const struct trace *trace, const struct row *rows, size_t nrows)
{
	for (size_t i = 0; i < nrows; i++) {
		print_name(path);
		print_row(trace, &rows[i]);
	}
}

static void plot_data(FILE *gnuplot, const struct row *rows, size_t nrows)
{
	for (size_t i = 0; i < nrows; i++) {
		fprintf(gnuplot, "$d%zu << EOD\n", i);
		for (uint32_t k = 0; k < rows[i].memory.nsamples; k++) {
			const struct sample *sample = &rows[i].memory.samples[k];

			fprintf(gnuplot, "%" PRIu64 " %f %f %f\n", sample->request,
				(double)sample->payload / 1048576, (double)sample->heap / 1048576,
				(double)sample->resident / 1048576);
		}
		fprintf(gnuplot, "EOD\n");
	}
}

void plot(const struct row *rows, size_t nrows, const char *path)
{
	FILE *gnuplot = popen("gnuplot", "we");

	if (!gnuplot)
		fail("gnuplot cannot be started: %m");
	plot_data(gnuplot, rows, nrows);
	fprintf(gnuplot,
		"set terminal svg size 900,500 noenhanced\nset output '%s'\nset xlabel 'requests'\n"
		"set ylabel 'MiB'\nset key outside\nset yrange [0:*]\n"
		"plot $d0 using 1:2 with lines lc rgb 'black' title 'payload'",
		path);
	for (size_t i = 0; i < nrows; i++)
		fprintf(gnuplot,
			", $d%zu using 1:3 with lines lc %zu dt 2 title '%s: heap'"
			", $d%zu using 1:4 with lines lc %zu title '%s: resident'",
			i, i + 1, rows[i].subject.name, i, i + 1, rows[i].subject.name);
	fprintf(gnuplot, "\n");
	if (pclose(gnuplot) != 0)
		fail("gnuplot (Debian: gnuplot-nox) made no %s", path);
}

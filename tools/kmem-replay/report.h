/* SPDX-License-Identifier: MIT */
/* What the replays of a trace showed, as text and as a picture. */
#ifndef KMEM_REPLAY_REPORT_H
#define KMEM_REPLAY_REPORT_H

#include "replay.h"

struct row {
	struct subject subject;
	double seconds; /* of the fastest replay */
	uint32_t p999_ns, worst_ns;
	struct results memory;
};

void report_trace(const struct trace *trace);
void report_head(void);
void report_rows(const char *path, const struct trace *trace, const struct row *rows, size_t nrows);
/* By gnuplot, into an SVG file. */
void plot(const struct row *rows, size_t nrows, const char *path);

#endif

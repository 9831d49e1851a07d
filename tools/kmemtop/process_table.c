/* SPDX-License-Identifier: MIT */
/* The list of processes: see process_table.h. */
#include "process_table.h"

#include "columns.h"
#include "table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct process_view add_up(const struct processes *p)
{
	struct process_view sum = {0};

	for (size_t i = 0; i < p->n; i++) {
		const struct process_view *v = &p->list[i];

		sum.nthreads += v->nthreads;
		sum.objects += v->objects;
		sum.active += v->active;
		sum.slab_nbytes += v->slab_nbytes;
		sum.committed_nbytes += v->committed_nbytes;
		sum.heap_live_nbytes += v->heap_live_nbytes;
		sum.mapped_nbytes += v->mapped_nbytes;
	}
	return sum;
}

static void header_counts(char *line, const char *title, uint64_t a, uint64_t b)
{
	snprintf(line, COLUMNS_LINE, " %-35s: %" PRIu64 " / %" PRIu64, title, a, b);
}

static void header_sizes(char *line, const char *title, uint64_t a, uint64_t b)
{
	char left[UNITS_TEXT], right[UNITS_TEXT];

	snprintf(line, COLUMNS_LINE, " %-35s: %s / %s", title, units_nbytes(left, (double)a),
		 units_nbytes(right, (double)b));
}

void process_table_header(char *line, const struct processes *p, int which)
{
	struct process_view sum = add_up(p);

	switch (which) {
	case 0:
		header_counts(line, "Processes / Threads", p->n, sum.nthreads);
		break;
	case 1:
		header_counts(line, "Active / Total Objects", sum.active, sum.objects);
		break;
	case 2:
		header_sizes(line, "Slabs / Zones", sum.slab_nbytes, sum.committed_nbytes);
		break;
	case 3:
		header_sizes(line, "Heaps (live) / Mapped blocks", sum.heap_live_nbytes,
			     sum.mapped_nbytes);
		break;
	default:
		header_counts(line, "Not permitted / Not readable", p->nforbidden, p->nfailed);
		break;
	}
}

void process_table_titles(char *line)
{
	snprintf(line, COLUMNS_LINE, "%7s %6s %6s %4s %6s %8s %7s %7s %7s %s", "PID", "OBJS",
		 "ACTIVE", "USE", "SLABS", "IN SLABS", "ZONES", "HEAPS", "MAPPED", "NAME");
}

void process_table_row(char *line, const struct process_view *v)
{
	char slabs[UNITS_TEXT], zones[UNITS_TEXT], heaps[UNITS_TEXT], mapped[UNITS_TEXT];

	snprintf(line, COLUMNS_LINE,
		 "%7d %6" PRIu64 " %6" PRIu64 " %3u%% %6" PRIu64 " %8s %7s %7s %7s %s", (int)v->pid,
		 v->objects, v->active, units_whole_percent((double)v->active, (double)v->objects),
		 v->nslabs, units_nbytes(slabs, (double)v->slab_nbytes),
		 units_nbytes(zones, (double)v->committed_nbytes),
		 units_nbytes(heaps, (double)v->heap_live_nbytes),
		 units_nbytes(mapped, (double)v->mapped_nbytes), v->name);
}

static double value(const struct process_view *v, int key)
{
	switch (key) {
	case 'a':
		return (double)v->active;
	case 'c':
		return (double)v->slab_nbytes;
	case 'k':
		return (double)v->parked;
	case 'l':
		return (double)v->nslabs;
	case 'u':
		return units_percent((double)v->active, (double)v->objects);
	case 'n':
		return 0; /* the name decides */
	default:
		return (double)v->objects;
	}
}

static int compare(const void *left, const void *right, void *context)
{
	const struct process_view *a = left, *b = right;
	int key = *(const int *)context, names;
	double x = value(a, key), y = value(b, key);

	if (x != y)
		return x < y ? 1 : -1;
	names = key == 'n' ? strcmp(a->name, b->name) : 0;
	return names ? names : (a->pid > b->pid) - (a->pid < b->pid);
}

void process_table_sort(struct processes *p, int key)
{
	key = tolower(key);
	if (p->n)
		qsort_r(p->list, p->n, sizeof(p->list[0]), compare, &key);
}

void process_table_print(FILE *out, const struct processes *p)
{
	char line[COLUMNS_LINE];

	for (int i = 0; i < TABLE_NHEADERS; i++) {
		process_table_header(line, p, i);
		fprintf(out, "%s\n", line);
	}
	process_table_titles(line);
	fprintf(out, "\n%s\n", line);
	for (size_t i = 0; i < p->n; i++) {
		process_table_row(line, &p->list[i]);
		fprintf(out, "%s\n", line);
	}
}

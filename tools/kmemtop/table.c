/* SPDX-License-Identifier: MIT */
/*
 * Sorting and the look of slabtop, column by column, so that eyes and scripts
 * used to it are at home. A size is from object to object, as in the kernel's
 * slabinfo; a cache's size is that of its slabs.
 */
#include "table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct totals {
	uint64_t objects, active_objects;
	uint64_t slabs, active_slabs;
	uint64_t caches, active_caches;
	double nbytes, active_nbytes;
	uint64_t min_nbytes, max_nbytes;
};

/* Whole per cent, rounded down: 100 means all. */
static unsigned int use_percent(const struct cache_view *v)
{
	return v->objects ? (unsigned int)(v->active * 100 / v->objects) : 0;
}

static uint64_t cache_nbytes(const struct cache_view *v)
{
	return v->nslabs * v->slab_nbytes;
}

static uint64_t sort_value(const struct cache_view *v, int key)
{
	switch (key) {
	case 'a':
		return v->active;
	case 'b':
		return v->slab_objects;
	case 'c':
		return cache_nbytes(v);
	case 'l':
		return v->nslabs;
	case 'v':
		return v->active_slabs;
	case 'p':
		return v->slab_nbytes;
	case 's':
		return v->object_nbytes;
	case 'u':
		return use_percent(v);
	case 'n':
		return 0; /* the name decides */
	default:
		return v->objects;
	}
}

static int compare(const void *left, const void *right, void *context)
{
	const struct cache_view *a = left, *b = right;
	int key = *(const int *)context;
	uint64_t x = sort_value(a, key), y = sort_value(b, key);

	return x != y ? (x < y ? 1 : -1) : strcmp(a->name, b->name);
}

int table_key_is_valid(int key)
{
	return key > 0 && strchr("abclvnopsu", tolower(key)) != NULL;
}

void table_sort(struct snapshot *s, int key)
{
	key = tolower(key);
	if (s->ncaches)
		qsort_r(s->caches, s->ncaches, sizeof(s->caches[0]), compare, &key);
}

static struct totals add_up(const struct snapshot *s)
{
	struct totals t = {.caches = s->ncaches};

	for (size_t i = 0; i < s->ncaches; i++) {
		const struct cache_view *v = &s->caches[i];

		t.objects += v->objects;
		t.active_objects += v->active;
		t.slabs += v->nslabs;
		t.active_slabs += v->active_slabs;
		t.active_caches += v->active_slabs != 0;
		t.nbytes += (double)v->objects * (double)v->object_nbytes;
		t.active_nbytes += (double)v->active * (double)v->object_nbytes;
		if (!i || v->object_nbytes < t.min_nbytes)
			t.min_nbytes = v->object_nbytes;
		if (v->object_nbytes > t.max_nbytes)
			t.max_nbytes = v->object_nbytes;
	}
	return t;
}

static char *format_human(char *text, double nbytes)
{
	const char *unit = "BKMGTPE";

	while (nbytes >= 1023.95 && unit[1]) {
		nbytes /= 1024;
		unit++;
	}
	snprintf(text, 32, *unit == 'B' ? "%.0f%c" : "%.1f%c", nbytes, *unit);
	return text;
}

static char *format_size(char *text, double nbytes, enum table_units units)
{
	if (units == TABLE_HUMAN)
		return format_human(text, nbytes);
	snprintf(text, 32, "%.2fK", nbytes / 1024);
	return text;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static void header_counts(char *line, const char *title, uint64_t active, uint64_t total)
{
	snprintf(line, TABLE_LINE, " %-35s: %" PRIu64 " / %" PRIu64 " (%.1f%%)", title, active,
		 total, percent((double)active, (double)total));
}

static void header_sizes(char *line, const struct totals *t, enum table_units units)
{
	char active[32], total[32];

	snprintf(line, TABLE_LINE, " %-35s: %s / %s (%.1f%%)", "Active / Total Size (% used)",
		 format_size(active, t->active_nbytes, units), format_size(total, t->nbytes, units),
		 percent(t->active_nbytes, t->nbytes));
}

static void header_objects(char *line, const struct totals *t, enum table_units units)
{
	char min[32], mean[32], max[32];

	snprintf(line, TABLE_LINE, " %-35s: %s / %s / %s", "Minimum / Average / Maximum Object",
		 format_size(min, (double)t->min_nbytes, units),
		 format_size(mean, t->objects ? t->nbytes / (double)t->objects : 0, units),
		 format_size(max, (double)t->max_nbytes, units));
}

void table_header(char *line, const struct snapshot *s, int which, enum table_units units)
{
	struct totals t = add_up(s);

	switch (which) {
	case 0:
		header_counts(line, "Active / Total Objects (% used)", t.active_objects, t.objects);
		break;
	case 1:
		header_counts(line, "Active / Total Slabs (% used)", t.active_slabs, t.slabs);
		break;
	case 2:
		header_counts(line, "Active / Total Caches (% used)", t.active_caches, t.caches);
		break;
	case 3:
		header_sizes(line, &t, units);
		break;
	default:
		header_objects(line, &t, units);
		break;
	}
}

void table_titles(char *line)
{
	snprintf(line, TABLE_LINE, "%6s %6s %4s %8s %6s %8s %10s %-23s", "OBJS", "ACTIVE", "USE",
		 "OBJ SIZE", "SLABS", "OBJ/SLAB", "CACHE SIZE", "NAME");
}

void table_row(char *line, const struct cache_view *v, enum table_units units)
{
	char object[32], cache[32];

	format_size(object, (double)v->object_nbytes, units);
	if (units == TABLE_HUMAN)
		format_human(cache, (double)cache_nbytes(v));
	else
		snprintf(cache, sizeof(cache), "%" PRIu64 "K", cache_nbytes(v) / 1024);
	snprintf(line, TABLE_LINE,
		 "%6" PRIu64 " %6" PRIu64 " %3u%% %8s %6" PRIu64 " %8" PRIu64 " %10s %-23s",
		 v->objects, v->active, use_percent(v), object, v->nslabs, v->slab_objects, cache,
		 v->name);
}

char *table_nbytes(char *text, uint64_t nbytes)
{
	return format_human(text, (double)nbytes);
}

void table_print(FILE *out, const struct snapshot *s, enum table_units units)
{
	char line[TABLE_LINE];

	for (int i = 0; i < TABLE_NHEADERS; i++) {
		table_header(line, s, i, units);
		fprintf(out, "%s\n", line);
	}
	table_titles(line);
	fprintf(out, "\n%s\n", line);
	for (size_t i = 0; i < s->ncaches; i++) {
		table_row(line, &s->caches[i], units);
		fprintf(out, "%s\n", line);
	}
}

/* SPDX-License-Identifier: MIT */
/* slabtop's lines of totals, and its table in print. */
#include "table.h"

#include <inttypes.h>

struct totals {
	uint64_t objects, active_objects;
	uint64_t slabs, active_slabs;
	uint64_t caches, active_caches;
	double nbytes, active_nbytes;
	uint64_t min_nbytes, max_nbytes;
};

static struct totals add_up(const struct snapshot *s)
{
	struct totals t = {.caches = s->ncaches};

	for (size_t i = 0; i < s->ncaches; i++) {
		const struct cache_view *v = &s->caches[i];

		t.objects += v->objects;
		t.active_objects += v->active;
		t.slabs += v->nslabs;
		t.active_slabs += v->active_slabs;
		t.active_caches += v->objects != 0; /* slabtop's word for it */
		t.nbytes += (double)v->objects * (double)v->object_nbytes;
		t.active_nbytes += (double)v->active * (double)v->object_nbytes;
		if (!i || v->object_nbytes < t.min_nbytes)
			t.min_nbytes = v->object_nbytes;
		if (v->object_nbytes > t.max_nbytes)
			t.max_nbytes = v->object_nbytes;
	}
	return t;
}

static void header_counts(char *line, const char *title, uint64_t active, uint64_t total)
{
	snprintf(line, TABLE_LINE, " %-35s: %" PRIu64 " / %" PRIu64 " (%.1f%%)", title, active,
		 total, units_percent((double)active, (double)total));
}

static void header_sizes(char *line, const struct totals *t, enum units units)
{
	char active[UNITS_TEXT], total[UNITS_TEXT];

	snprintf(line, TABLE_LINE, " %-35s: %s / %s (%.1f%%)", "Active / Total Size (% used)",
		 units_size(active, t->active_nbytes, units), units_size(total, t->nbytes, units),
		 units_percent(t->active_nbytes, t->nbytes));
}

static void header_objects(char *line, const struct totals *t, enum units units)
{
	char min[UNITS_TEXT], mean[UNITS_TEXT], max[UNITS_TEXT];

	snprintf(line, TABLE_LINE, " %-35s: %s / %s / %s", "Minimum / Average / Maximum Object",
		 units_size(min, (double)t->min_nbytes, units),
		 units_size(mean, t->objects ? t->nbytes / (double)t->objects : 0, units),
		 units_size(max, (double)t->max_nbytes, units));
}

void table_header(char *line, const struct snapshot *s, int which, enum units units)
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

void table_print(FILE *out, const struct snapshot *s, enum units units)
{
	char line[COLUMNS_LINE];
	struct columns columns;

	columns_choose(&columns, COLUMNS_SLABTOP, 80);
	for (int i = 0; i < TABLE_NHEADERS; i++) {
		table_header(line, s, i, units);
		fprintf(out, "%s\n", line);
	}
	columns_titles(line, &columns);
	fprintf(out, "\n%s\n", line);
	for (size_t i = 0; i < s->ncaches; i++) {
		columns_row(line, &columns, &s->caches[i], units);
		fprintf(out, "%s\n", line);
	}
}

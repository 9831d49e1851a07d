/* SPDX-License-Identifier: MIT */
/*
 * Columns and sorting. slabtop's have its titles and widths, so that eyes and scripts
 * used to it are at home. A size is from object to object, as in the kernel's slabinfo;
 * a cache's size is that of its slabs.
 */
#include "columns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 23 /* as slabtop's */
#define NAME_LEAST 8  /* in a narrow terminal */

enum column_kind {
	KIND_COUNT,
	KIND_SIGNED,
	KIND_PERCENT,
	KIND_SIZE,   /* of an object */
	KIND_CACHE,  /* of a cache, whole KiB */
	KIND_NBYTES, /* always with a unit */
	KIND_RATE,
	KIND_COUNTED, /* a rate, of caches that count */
};

struct column {
	const char *title;
	int width;
	int key;
	enum column_kind kind;
	double (*value)(const struct cache_view *v);
};

/* --- values ------------------------------------------------------------------- */

unsigned int columns_use_percent(const struct cache_view *v)
{
	return v->objects ? (unsigned int)(v->active * 100 / v->objects) : 0;
}

double columns_cache_nbytes(const struct cache_view *v)
{
	return (double)v->nslabs * (double)v->slab_nbytes;
}

struct cache_memory columns_memory(const struct cache_view *v)
{
	double stride = (double)v->object_nbytes, active = (double)v->active;

	return (struct cache_memory){
		.live = active * (double)v->asked_nbytes,
		.rounding = active * (stride - (double)v->asked_nbytes),
		.parked = (double)v->parked * stride,
		.free = (double)(v->objects - v->active - v->parked) * stride,
		.tail = columns_cache_nbytes(v) - (double)v->objects * stride,
	};
}

double columns_wasted_nbytes(const struct cache_view *v)
{
	return columns_cache_nbytes(v) - columns_memory(v).live;
}

#define VALUE(name, what)                                                                          \
	static double value_##name(const struct cache_view *v)                                     \
	{                                                                                          \
		return (double)(what);                                                             \
	}

VALUE(objects, v->objects)
VALUE(active, v->active)
VALUE(use, columns_use_percent(v))
VALUE(size, v->object_nbytes)
VALUE(slabs, v->nslabs)
VALUE(active_slabs, v->active_slabs)
VALUE(per_slab, v->slab_objects)
VALUE(pages, v->slab_nbytes / 4096)
VALUE(parked, v->parked)
VALUE(growth, v->change.active)
VALUE(traded, v->change.traded)
VALUE(barn, v->change.barn)
VALUE(allocs, v->change.allocs)
VALUE(frees, v->change.frees)
VALUE(live, columns_memory(v).live)
VALUE(rounding, columns_memory(v).rounding)
VALUE(parked_nbytes, columns_memory(v).parked)
VALUE(free, columns_memory(v).free)

static const struct column columns[] = {
	{"OBJS", 6, 'o', KIND_COUNT, value_objects},
	{"ACTIVE", 6, 'a', KIND_COUNT, value_active},
	{"USE", 4, 'u', KIND_PERCENT, value_use},
	{"OBJ SIZE", 8, 's', KIND_SIZE, value_size},
	{"SLABS", 6, 'l', KIND_COUNT, value_slabs},
	{"OBJ/SLAB", 8, 'b', KIND_COUNT, value_per_slab},
	{"CACHE SIZE", 10, 'c', KIND_CACHE, columns_cache_nbytes},
	{"PARKED", 7, 'k', KIND_COUNT, value_parked},
	{"WASTED", 8, 'w', KIND_NBYTES, columns_wasted_nbytes},
	{"GROWTH", 8, 'g', KIND_SIGNED, value_growth},
	{"TRADED/S", 8, 'r', KIND_RATE, value_traded},
	{"BARN/S", 7, 0, KIND_RATE, value_barn},
	{"ALLOCS/S", 8, 'e', KIND_COUNTED, value_allocs},
	{"FREES/S", 7, 0, KIND_COUNTED, value_frees},
	{"SLABS ACT", 9, 'v', KIND_COUNT, value_active_slabs},
	{"PAGES", 5, 'p', KIND_COUNT, value_pages},
	{"LIVE", 8, 0, KIND_NBYTES, value_live},
	{"ROUNDING", 8, 0, KIND_NBYTES, value_rounding},
	{"PARKED", 8, 0, KIND_NBYTES, value_parked_nbytes},
	{"FREE", 8, 0, KIND_NBYTES, value_free},
};

#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Indices, and how many of them are the set's own; the others come where it is wide. */
static const struct {
	int own, n;
	unsigned char list[COLUMNS_MAX];
} sets[COLUMNS_NSETS] = {
	[COLUMNS_SLABTOP] = {7, 14, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}},
	[COLUMNS_ACTIVITY] = {7, 8, {0, 1, 7, 9, 10, 12, 13, 11}},
	[COLUMNS_MEMORY] = {7, 9, {6, 16, 17, 18, 19, 8, 2, 14, 15}},
};

/* --- lines --------------------------------------------------------------------- */

void columns_choose(struct columns *c, enum column_set set, int width)
{
	int used = 0;

	c->n = 0;
	for (int i = 0; i < sets[set].n; i++) {
		const struct column *column = &columns[sets[set].list[i]];

		used += column->width + 1;
		if (used + (i < sets[set].own ? NAME_LEAST : NAME_WIDTH) > width)
			return;
		c->list[c->n++] = column;
	}
}

static const struct column *column_of_key(int key)
{
	for (size_t i = 0; key && i < NCOLUMNS; i++)
		if (columns[i].key == key)
			return &columns[i];
	return NULL;
}

int columns_find(const struct columns *c, int key, int *x)
{
	*x = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i]->key == key)
			return c->list[i]->width;
		*x += c->list[i]->width + 1;
	}
	return key == 'n' ? 4 : 0;
}

void columns_titles(char *line, const struct columns *c)
{
	int at = 0;

	for (size_t i = 0; i < c->n; i++)
		at += snprintf(line + at, (size_t)(COLUMNS_LINE - at), "%*s ", c->list[i]->width,
			       c->list[i]->title);
	snprintf(line + at, (size_t)(COLUMNS_LINE - at), "%-*s", NAME_WIDTH, "NAME");
}

static void format_value(char *text, const struct column *column, const struct cache_view *v,
			 enum units units)
{
	double value = column->value(v);

	switch (column->kind) {
	case KIND_PERCENT:
		snprintf(text, UNITS_TEXT, "%.0f%%", value);
		break;
	case KIND_SIGNED:
		snprintf(text, UNITS_TEXT, value > 0 ? "+%.0f" : "%.0f", value);
		break;
	case KIND_SIZE:
		units_size(text, value, units);
		break;
	case KIND_CACHE:
		if (units == UNITS_HUMAN)
			units_nbytes(text, value);
		else
			snprintf(text, UNITS_TEXT, "%.0fK", value / 1024);
		break;
	case KIND_NBYTES:
		units_nbytes(text, value);
		break;
	case KIND_COUNTED:
		if (!v->counted) {
			strcpy(text, "-");
			break;
		}
		/* fall through */
	case KIND_RATE:
		units_rate(text, value);
		break;
	default:
		snprintf(text, UNITS_TEXT, "%.0f", value);
		break;
	}
}

void columns_row(char *line, const struct columns *c, const struct cache_view *v, enum units units)
{
	char text[UNITS_TEXT], name[sizeof(v->name) + 1];
	int at = 0;

	for (size_t i = 0; i < c->n; i++) {
		format_value(text, c->list[i], v, units);
		at += snprintf(line + at, (size_t)(COLUMNS_LINE - at), "%*s ", c->list[i]->width,
			       text);
	}
	snprintf(name, sizeof(name), "%s%s", v->name, v->moving ? "*" : "");
	snprintf(line + at, (size_t)(COLUMNS_LINE - at), "%-*s", NAME_WIDTH, name);
}

/* --- sorting --------------------------------------------------------------------- */

int columns_key_is_valid(int key)
{
	key = key > 0 && key < 128 ? tolower(key) : 0;
	return key == 'n' || column_of_key(key) != NULL;
}

int columns_key_needs_time(int key)
{
	return strchr("gre", tolower(key)) != NULL;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct cache_view *a = left, *b = right;
	const struct column *column = context;
	double x = column ? column->value(a) : 0, y = column ? column->value(b) : 0;
	int names;

	if (x != y)
		return x < y ? 1 : -1;
	names = strcmp(a->name, b->name);
	return names ? names : (a->id > b->id) - (a->id < b->id);
}

void columns_sort(struct snapshot *s, int key)
{
	if (s->ncaches)
		qsort_r(s->caches, s->ncaches, sizeof(s->caches[0]), compare,
			(void *)(uintptr_t)column_of_key(tolower(key)));
}

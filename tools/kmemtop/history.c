/* SPDX-License-Identifier: MIT */
/*
 * An id is given to another cache after the first was destroyed: the generation tells
 * them apart. Figures in motion are neither compared nor remembered. Looks that follow
 * too closely to make a rate keep the one that there was.
 */
#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_MS 100 /* between looks, to make a rate */

struct past {
	uint32_t generation; /* 0: nothing known */
	uint64_t first_active;
	int64_t when_ms;
	uint64_t taken, given, lent, allocs, frees;
	struct cache_change change; /* as it was shown last */
};

static int make_room(struct history *h, const struct snapshot *s)
{
	size_t n = h->n;
	struct past *past;

	for (size_t i = 0; i < s->ncaches; i++)
		if (s->caches[i].id >= n)
			n = (size_t)s->caches[i].id + 1;
	if (n == h->n)
		return 0;
	past = reallocarray(h->past, n, sizeof(*past));
	if (!past)
		return -ENOMEM;
	memset(past + h->n, 0, (n - h->n) * sizeof(*past));
	h->past = past;
	h->n = n;
	return 0;
}

/* A counter's difference, modulo 2^64 and never below zero. */
static double rate(uint64_t now, uint64_t then, double seconds)
{
	int64_t n = (int64_t)(now - then);

	return n > 0 ? (double)n / seconds : 0;
}

static void remember(struct past *p, const struct cache_view *v, int64_t now_ms)
{
	p->generation = v->generation;
	p->when_ms = now_ms;
	p->taken = v->taken;
	p->given = v->given;
	p->lent = v->lent;
	p->allocs = v->allocs;
	p->frees = v->frees;
}

static void compare(struct past *p, const struct cache_view *v, int64_t now_ms)
{
	double seconds = (double)(now_ms - p->when_ms) / 1000;

	p->change.traded = rate(v->taken, p->taken, seconds) + rate(v->given, p->given, seconds);
	p->change.barn = (double)(int64_t)(v->lent - p->lent) / seconds;
	p->change.allocs = v->counted ? rate(v->allocs, p->allocs, seconds) : 0;
	p->change.frees = v->counted ? rate(v->frees, p->frees, seconds) : 0;
}

int history_apply(struct history *h, struct snapshot *s, int64_t now_ms)
{
	int first = !h->last_ms, rc = make_room(h, s);

	for (size_t i = 0; !rc && i < s->ncaches; i++) {
		struct cache_view *v = &s->caches[i];
		struct past *p = &h->past[v->id];

		if (!v->moving && p->generation != v->generation) {
			*p = (struct past){.first_active = first ? v->active : 0};
			remember(p, v, now_ms);
		} else if (!v->moving && now_ms - p->when_ms >= LEAST_MS) {
			compare(p, v, now_ms);
			remember(p, v, now_ms);
		}
		if (!v->moving)
			p->change.active = (int64_t)(v->active - p->first_active);
		v->change = p->change;
	}
	h->last_ms = now_ms;
	return rc;
}

void history_restart(struct history *h, struct snapshot *s)
{
	for (size_t i = 0; i < s->ncaches; i++) {
		struct cache_view *v = &s->caches[i];

		v->change.active = 0;
		if (v->id < h->n && h->past[v->id].generation == v->generation) {
			h->past[v->id].first_active = v->active;
			h->past[v->id].change.active = 0;
		}
	}
}

void history_free(struct history *h)
{
	free(h->past);
	memset(h, 0, sizeof(*h));
}

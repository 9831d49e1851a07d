/* SPDX-License-Identifier: MIT */
/* One cache's part of the geometry: see detail.h. */
#include "detail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_FRAMES 4 /* of a site */

/* Whether a place is in the allocator itself, which says nothing of who allocates. */
static int is_ours(const char *place)
{
	return !strncmp(place, "libkmem", strlen("libkmem"));
}

static void describe_site(struct detail *d, char *where, const struct geometry_stack *stack)
{
	char place[MODULE_LINE];
	int at = 0, nframes = 0;

	snprintf(where, DETAIL_WHERE, "nobody was seen");
	for (uint32_t i = 0; i < stack->nframes && nframes < MAX_FRAMES && at < DETAIL_WHERE; i++) {
		modules_format(&d->modules, stack->frames[i], place);
		if (is_ours(place) && i + 1 < stack->nframes)
			continue;
		at += snprintf(where + at, (size_t)(DETAIL_WHERE - at), "%s%s",
			       nframes++ ? " < " : "", place);
	}
}

static void read_sites(struct detail *d, struct target *t, const struct geometry *g,
		       const struct geometry_cache *c)
{
	struct geometry_site sites[DETAIL_SITES];
	int n = geometry_sites(g, t, c, sites, DETAIL_SITES);

	d->tracked = c->tracks != 0;
	d->nsites = n > 0 ? (size_t)n : 0;
	if (d->nsites && !d->with_modules) {
		modules_read(&d->modules, t); /* what it could not read is shown as numbers */
		d->with_modules = 1;
	}
	for (size_t i = 0; i < d->nsites; i++) {
		d->sites[i].nobjects = sites[i].nobjects;
		describe_site(d, d->sites[i].where, &sites[i].stack);
	}
}

static void take_cache(struct detail *d, const struct geometry_cache *c)
{
	memcpy(d->nslabs_by_fill, c->nslabs_by_fill, sizeof(d->nslabs_by_fill));
	d->limit = c->limit;
	d->used = c->used;
	d->ctor = c->ctor;
	d->waiting = c->waiting;
	d->debug = c->debug;
	d->hardened = c->hardened;
}

static int fail(struct detail *d, int rc, const char *why)
{
	snprintf(d->why, sizeof(d->why), "%s", why);
	return rc;
}

void detail_read(struct detail *d, struct target *t)
{
	const struct geometry_cache *c;
	struct geometry g;

	d->rc = geometry_read(&g, t);
	if (d->rc) {
		fail(d, d->rc, t->why);
		return;
	}
	c = geometry_cache_of_id(&g, d->id);
	if (c && c->pub.generation == d->generation) {
		take_cache(d, c);
		d->nmoving = g.nmoving;
		read_sites(d, t, &g, c);
	} else {
		d->rc = fail(d, -ENOENT, "it is no more");
	}
	geometry_free(&g);
}

void detail_open(struct detail *d, uint32_t id, uint32_t generation)
{
	*d = (struct detail){.id = id, .generation = generation};
}

void detail_close(struct detail *d)
{
	if (d->with_modules)
		modules_free(&d->modules);
	memset(d, 0, sizeof(*d));
}

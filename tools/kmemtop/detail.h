/* SPDX-License-Identifier: MIT */
/* What the table does not say of one cache: from the geometry, read for it alone. */
#ifndef KMEMTOP_DETAIL_H
#define KMEMTOP_DETAIL_H

#include "geometry.h"
#include "geometry_modules.h"

#define DETAIL_SITES 8
#define DETAIL_WHERE 400 /* a site as text */

struct detail_site {
	uint64_t nobjects;
	char where[DETAIL_WHERE]; /* functions, innermost first, without those of libkmem */
};

/* Between detail_open and detail_close; else all zero. */
struct detail {
	uint32_t id; /* of the cache */
	uint32_t generation;
	struct modules modules; /* read once there are sites, and kept */
	int with_modules;

	int rc; /* of the last reading; not 0: what follows does not hold, but why */
	char why[TARGET_WHY];
	uint64_t nslabs_by_fill[GEOMETRY_FILLS];
	uint64_t limit, used, ctor;
	uint32_t waiting; /* slabs, for a grace period */
	uint32_t debug;	  /* SLAB_ flags in force */
	int hardened;
	int tracked;
	size_t nmoving;
	struct detail_site sites[DETAIL_SITES];
	size_t nsites;
};

void detail_open(struct detail *d, uint32_t id, uint32_t generation);
void detail_read(struct detail *d, struct target *t);
void detail_close(struct detail *d);

#endif

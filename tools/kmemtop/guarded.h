/* SPDX-License-Identifier: MIT */
/* A guarded object: of the pool that kfence_sample_interval fills, an object to each second page.
 */
#ifndef KMEMTOP_GUARDED_H
#define KMEMTOP_GUARDED_H

#include "geometry.h"

struct guarded {
	uint32_t number;
	uint32_t state;	 /* KMEM_GUARD_ */
	uint32_t nbytes; /* asked for */
	uint64_t object;
	char name[65]; /* of its cache, printable */
	struct kmem_root_track tracks[2];
};

/* The one on whose page an address of the pool is. 1; 0: on no object's; -1: it cannot be told. */
int guarded_read(struct guarded *guarded, const struct geometry *g, struct target *t,
		 uint64_t addr);

#endif

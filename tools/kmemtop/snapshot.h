/* SPDX-License-Identifier: MIT */
/*
 * What a process's libkmem holds at about one moment, as plain numbers that
 * have been checked: safe to add, to divide by after a look at zero, to print.
 */
#ifndef KMEMTOP_SNAPSHOT_H
#define KMEMTOP_SNAPSHOT_H

#include "target.h"

struct cache_view {
	char name[72]; /* printable; a '*' at its end: figures in motion */
	uint64_t objects;
	uint64_t active; /* in the program's hands, <= objects */
	uint64_t parked; /* in sheaves */
	uint64_t nslabs;
	uint64_t active_slabs;
	uint64_t slab_objects;
	uint64_t slab_nbytes;
	uint64_t object_nbytes; /* from object to object */
};

struct zones_view {
	uint64_t count;
	uint64_t reserved_nbytes;
	uint64_t committed_nbytes;
	uint64_t free_nbytes; /* dirty, not yet given back to the system */
};

struct heaps_view {
	uint64_t count;
	uint64_t span_nbytes;
	uint64_t live_nbytes;
};

struct snapshot {
	struct cache_view *caches;
	size_t ncaches;
	size_t nunreadable; /* records left out */
	uint64_t nthreads;  /* that run */
	struct zones_view zones;
	struct heaps_view heaps;
	uint64_t mapped_nbytes;
	uint64_t meta_nbytes;
	char release[17];
};

/* Reads through t, which target_open prepared. 0, or -errno and t->why; *s is
 * then empty. */
int snapshot_take(struct snapshot *s, struct target *t);
/* target_open and snapshot_take. */
int snapshot_take_pid(struct snapshot *s, struct target *t, pid_t pid);
void snapshot_free(struct snapshot *s);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a process's libkmem holds at about one moment, as plain numbers that
 * have been checked: safe to add, to divide by after a look at zero, to print.
 */
#ifndef KMEMTOP_SNAPSHOT_H
#define KMEMTOP_SNAPSHOT_H

#include "target.h"

#include <kmem/inspect.h>

/* How a cache's figures move, between two snapshots: see history.h. */
struct cache_change {
	int64_t active; /* more than at the start */
	double traded;	/* objects a second that left slabs and came home */
	double barn;	/* objects a second to the cache's barn, less those from it */
	double allocs;	/* a second; 0 unless counted */
	double frees;
};

/* Slabs of a cache that are of one node. */
struct node_slabs {
	int node;
	uint64_t nslabs;
};

struct cache_view {
	char name[65]; /* printable */
	int moving;    /* figures in motion: its record changed under the reading */
	uint32_t id;
	uint32_t generation;
	uint32_t flags; /* SLAB_ */
	uint32_t align;
	uint64_t objects;
	uint64_t active; /* in the program's hands, <= objects */
	uint64_t parked; /* in sheaves */
	uint64_t nslabs;
	uint64_t active_slabs;
	uint64_t slab_objects;
	uint64_t slab_nbytes;
	uint64_t object_nbytes; /* from object to object */
	uint64_t asked_nbytes;	/* what the program asked for an object, no more */
	uint64_t taken;		/* objects that left slabs, of all threads */
	uint64_t given;		/* that came home */
	uint64_t lent;		/* to the cache's barn, net, modulo 2^64 */
	int counted;		/* allocs and frees hold (stats:true) */
	uint64_t allocs;
	uint64_t frees;
	struct node_slabs *on; /* by node; those bound to several are in none */
	size_t non;
	struct cache_change change;
};

struct zone_view {
	uint64_t base;
	uint64_t reserved_nbytes;
	uint64_t committed_nbytes;
	uint64_t dirty_nbytes; /* free, not yet given back to the system */
	uint64_t clean_nbytes; /* free, known to be zero */
	int node;	       /* -1: not one, or not placed */
};

struct heap_view {
	char name[33]; /* printable */
	uint64_t nspans;
	uint64_t span_nbytes;
	uint64_t live_blocks;
	uint64_t live_nbytes;
};

struct snapshot {
	pid_t pid;
	struct cache_view *caches;
	size_t ncaches;
	size_t nunreadable; /* records left out */
	uint64_t nthreads;  /* that run */
	struct zone_view *zones;
	size_t nzones;
	struct heap_view *heaps;
	size_t nheaps;
	uint64_t mapped_nbytes;
	uint64_t meta_nbytes;
	struct kmem_root_waiting waiting; /* sums */
	char release[17];
};

/* Reads through t, which target_open prepared. 0, or -errno and t->why; *s is
 * then empty. */
int snapshot_take(struct snapshot *s, struct target *t);
/* target_open and snapshot_take. */
int snapshot_take_pid(struct snapshot *s, struct target *t, pid_t pid);
void snapshot_free(struct snapshot *s);

#endif

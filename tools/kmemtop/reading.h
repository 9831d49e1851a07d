/* SPDX-License-Identifier: MIT */
/*
 * A snapshot in the making: the target's own records, indexed by cache id, as
 * records.c and threads.c collect them and snapshot.c evaluates them.
 */
#ifndef KMEMTOP_READING_H
#define KMEMTOP_READING_H

#include "target.h"

#include <kmem/inspect.h>

enum record_state {
	RECORD_NONE,	/* the id has no record */
	RECORD_PENDING, /* to be read, or read again */
	RECORD_GOOD,
	RECORD_MOVING, /* its seq kept changing */
	RECORD_BAD,    /* not readable, or makes no sense */
};

/* One id's part in the arithmetic of kmem/inspect.h. Wraps like its counters. */
struct cache_sum {
	uint64_t taken;
	uint64_t given;
	uint64_t lent;
	uint64_t held; /* in sheaves of threads */
};

struct reading {
	struct target *t;
	struct kmem_root root;
	size_t n; /* ids lie below it; at least 1 */
	struct kmem_root_cache *records;
	uint8_t *states;
	uint64_t *addrs;
	struct cache_sum *sums;
	uint64_t nthreads;
	size_t nbad_threads; /* whose slots cannot be read */
};

/* Finds the root and makes room. 0 or -errno; freed in either case. */
int reading_init(struct reading *r, struct target *t);
void reading_free(struct reading *r);

/* A stranger's text, made fit for a terminal. dst has room for n + 1. */
void copy_text(char *dst, const char *src, size_t n);

/* Fill records and states. 0 or -errno. */
int records_read(struct reading *r);
/* Marks those that changed since as moving. */
int records_read_again(struct reading *r);

/* Adds every thread's slots and shelves to sums. 0 or -errno. */
int threads_read(struct reading *r);

#endif

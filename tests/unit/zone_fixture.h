/* SPDX-License-Identifier: MIT */
/* A zone to try runs and chunks on, and a shadow of what its pages should be. */
#ifndef TESTS_UNIT_ZONE_FIXTURE_H
#define TESTS_UNIT_ZONE_FIXTURE_H

#include "unit.h"

#include "buddy/chunk.h"
#include "buddy/sys.h"

#define NPAGES 1024u
#define DIRTY  BLOCK_DIRTY
#define CLEAN  BLOCK_CLEAN

static struct zone zone;

/* A zone of 4 MiB with npages committed. */
static inline void setup(unsigned npages)
{
	void *base = sys_reserve(NPAGES * PAGE_BYTES, NPAGES * PAGE_BYTES);

	memset(&zone, 0, sizeof(zone));
	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(pagemap_cover(base), 0);
	zone_init(&zone, base, NPAGES);
	ck_assert_int_eq(zone_grow(&zone, npages), 0);
	ck_assert_ptr_null(zone_check(&zone));
}

/* All committed and in use. */
static inline void setup_full(void)
{
	setup(NPAGES);
	ck_assert_uint_eq(zone_take(&zone, NPAGES, 1, CLEAN), 0);
	ck_assert_ptr_null(zone_check(&zone));
}

/* The same, with a chunk from this page on. */
static inline void setup_chunk(uint32_t index)
{
	setup_full();
	chunk_open(&zone, index, CHUNK_PAGES, DIRTY);
	ck_assert_ptr_null(zone_check(&zone));
}

/* Pages in one state; a table of them ends with none. */
struct span {
	uint32_t index, npages;
	enum block_state state;
};

static inline void insert_spans(const struct span *span)
{
	for (; span->npages; span++)
		chunk_or_zone_insert(&zone, span->index, span->npages, span->state, 0);
	ck_assert_ptr_null(zone_check(&zone));
}

/* Pages in use become free, run by run: insert({index, npages, state}, …). */
#define insert(...) insert_spans((const struct span[]){__VA_ARGS__, {0}})

/* 0 for each page in use, 1 dirty, 2 clean: all in use at first. */
static unsigned char shadow[NPAGES];

/* How many of npages from index on are of each. */
static inline void shadow_count(uint32_t index, size_t npages, size_t n[3])
{
	n[0] = n[1] = n[2] = 0;
	while (npages--)
		n[shadow[index + npages]]++;
}

/* The zone counts the same, and its invariants hold. */
static inline void shadow_compare(void)
{
	size_t n[3];

	shadow_count(0, NPAGES, n);
	require(zone.pub.dirty == n[1] && zone.pub.clean == n[2]);
	require(zone_check(&zone) == NULL);
}

#endif

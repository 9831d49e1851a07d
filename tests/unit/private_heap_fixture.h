/* SPDX-License-Identifier: MIT */
/* One private heap, and what its tests ask of it. */
#ifndef TESTS_PRIVATE_HEAP_FIXTURE_H
#define TESTS_PRIVATE_HEAP_FIXTURE_H

#include "unit.h"

#include <kmem.h>

#define KIB 1024u
#define MIB ((size_t)1 << 20)

static struct kmem_heap *heap;

static inline void setup(const struct kmem_heap_options *options)
{
	heap = kmem_heap_create("test", options);
	ck_assert_ptr_nonnull(heap);
}

static inline void valid(void)
{
	const char *wrong = kmem_heap_validate(heap);

	if (wrong)
		ck_abort_msg("%s", wrong);
}

static inline void teardown(void)
{
	valid();
	kmem_heap_destroy(heap);
}

static inline struct kmem_heap_stats stats(void)
{
	struct kmem_heap_stats all = {.size = sizeof(all)};

	ck_assert_int_eq(kmem_heap_stats(heap, &all), 0);
	return all;
}

static inline unsigned char *alloc(size_t nbytes)
{
	unsigned char *addr = kmem_heap_alloc(heap, nbytes);

	ck_assert_ptr_nonnull(addr);
	return addr;
}

/* Blocks until there are no more; how many. */
static inline unsigned fill(size_t nbytes)
{
	unsigned n = 0;

	while (kmem_heap_alloc(heap, nbytes))
		n++;
	ck_assert_int_eq(errno, ENOMEM);
	return n;
}

#endif

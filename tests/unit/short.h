/* SPDX-License-Identifier: MIT */
/* Memory that is short: all that can be had without the system is taken, and the system refuses. */
#ifndef TESTS_UNIT_SHORT_H
#define TESTS_UNIT_SHORT_H

#include "unit.h"

#include "faults.h"

#include <kmem.h>

#define SHORT_BYTES 20000u
#define SHORT_LEAST 400u
#define SHORT_MOST  10000u

static struct kmem_cache *short_cache;
static void *short_objects[SHORT_MOST];
static unsigned short_n;

/* From now on nothing is committed or mapped. */
static inline void short_refuse(void)
{
	faults_count();
	faults.refused[FAULT_MMAP] = faults.refused[FAULT_MPROTECT] = true;
}

static inline void short_grant(void)
{
	faults.refused[FAULT_MMAP] = faults.refused[FAULT_MPROTECT] = false;
}

/* Objects of a cache until there is no memory, shrinkers not asked. */
static inline void short_begin(void)
{
	void *object;

	short_cache = kmem_cache_create("short", SHORT_BYTES, 0, 0, NULL);
	ck_assert_ptr_nonnull(short_cache);
	while (short_n < SHORT_LEAST)
		short_objects[short_n++] = kmem_cache_alloc(short_cache, GFP_KERNEL);
	short_refuse();
	while ((object = kmem_cache_alloc(short_cache, GFP_KERNEL | __GFP_NORETRY)))
		short_objects[short_n++] = object;
	ck_assert_int_eq(errno, ENOMEM);
}

/* Free up to n of them; how many. */
static inline unsigned short_free(unsigned n)
{
	unsigned before = short_n;

	for (; n > 0 && short_n > 0; n--)
		kmem_cache_free(short_cache, short_objects[--short_n]);
	return before - short_n;
}

#endif

/* SPDX-License-Identifier: MIT */
/* The limit of the process: set from what is in use, and blocks until it is reached. */
#ifndef TESTS_UNIT_PROCESS_LIMIT_H
#define TESTS_UNIT_PROCESS_LIMIT_H

#include "unit.h"

#include <kmem.h>

#define MIB	((size_t)1 << 20)
#define NBLOCKS 400000u

static void *blocks[NBLOCKS];
static size_t nblocks;

/* So much more than is in use now. */
static inline void limit_to(size_t more)
{
	ck_assert_int_eq(kmem_limit_set(kmem_limit_usage() + more), 0);
}

static inline void require_within(void)
{
	require(kmem_limit_usage() <= kmem_limit_get());
}

/* Blocks of a size until there are no more; how many bytes. */
static inline size_t fill(size_t nbytes)
{
	size_t first = nblocks;
	void *block;

	errno = 0;
	while ((block = kmem_malloc(nbytes))) {
		require(nblocks < NBLOCKS);
		memset(block, 1, nbytes);
		blocks[nblocks++] = block;
		require_within();
	}
	ck_assert_int_eq(errno, ENOMEM);
	return (nblocks - first) * nbytes;
}

static inline void empty(void)
{
	while (nblocks > 0)
		kmem_free(blocks[--nblocks]);
}

#endif

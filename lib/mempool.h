/* SPDX-License-Identifier: MIT */
/* How the pools of one kind or another are made. */
#ifndef LIB_MEMPOOL_H
#define LIB_MEMPOOL_H

#include <kmem/mempool.h>

/* kmem_mempool_create; doing names the function in messages. */
struct kmem_mempool *mempool_make(const char *doing, int min_nr, kmem_mempool_alloc_t *alloc,
				  kmem_mempool_free_t *free, void *pool_data);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What libkmem-malloc takes from the core, under names of its own. A program may
 * define a kmem_malloc, and by the rules of dynamic linking it would take the
 * place of ours in every other library; these names are nobody's but ours.
 */
#ifndef LIB_CORE_H
#define LIB_CORE_H

#include "buddy/pagemap.h"
#include "slab/thread.h"

#include <kmem/mallinfo.h>
#include <kmem/malloc.h>

#define CORE_DECLARE(name) KMEM_API extern __typeof__(kmem_##name) kmem_core_##name

CORE_DECLARE(free_sized);
CORE_DECLARE(calloc);
CORE_DECLARE(realloc);
CORE_DECLARE(aligned_alloc);
CORE_DECLARE(usable_size);
CORE_DECLARE(trim);
CORE_DECLARE(mallinfo2);
CORE_DECLARE(malloc_info);
CORE_DECLARE(malloc_stats);
CORE_DECLARE(mallopt);

/*
 * The fast paths of malloc and free are in the override itself, and work on the core's
 * data: how these lie is settled between the two by the soname. What they cannot do
 * is for the core's slow paths.
 */
KMEM_API extern __thread struct slot *kmem_core_thread_slots
	__attribute__((tls_model("initial-exec")));
KMEM_API extern const uint16_t kmem_core_class_slots[];
KMEM_API extern const struct pagemap kmem_core_pagemap;
KMEM_API void *kmem_core_malloc_more(size_t nbytes);
KMEM_API void kmem_core_free_slow(void *block);

/* Beside the definition of kmem_name: the same address under the other name. */
#define CORE_DEFINE(name)                                                                          \
	__asm__(".globl kmem_core_" #name "\n.set kmem_core_" #name ", kmem_" #name "\n"           \
		".type kmem_core_" #name ", %function")

#endif

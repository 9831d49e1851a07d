/* SPDX-License-Identifier: MIT */
/*
 * The kernel's <linux/shrinker.h> for sources written against it. Its structs are those of
 * <kmem/shrinker.h>, whose tags are the kernel's here: callbacks of one type are callbacks
 * of the other. docs/kernel-api.md says what differs.
 */
#ifndef KMEM_COMPAT_LINUX_SHRINKER_H
#define KMEM_COMPAT_LINUX_SHRINKER_H

#include <kmem/shrinker.h>
#include <linux/gfp.h>

#define shrinker       kmem_shrinker
#define shrink_control kmem_shrink_control

#define SHRINK_STOP   KMEM_SHRINK_STOP
#define SHRINK_EMPTY  KMEM_SHRINK_EMPTY
#define DEFAULT_SEEKS 2

/* All shrinkers are asked on any thread's behalf, and there is one node. */
#define SHRINKER_NUMA_AWARE  (1u << 0)
#define SHRINKER_MEMCG_AWARE (1u << 1)
#define SHRINKER_NONSLAB     (1u << 2)

#define shrinker_alloc kmem_shrinker_alloc
#define shrinker_free  kmem_shrinker_free

/* Callbacks are checked by kmem_shrinker_register, whose answer the kernel's form has no room for.
 */
static inline void shrinker_register(struct shrinker *registered)
{
	(void)kmem_shrinker_register(registered);
}

#endif

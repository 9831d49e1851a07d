/* SPDX-License-Identifier: MIT */
/*
 * Shrinkers: what a program can do without when memory is short. They run, with no lock
 * held, before an allocation fails, before a limit is reported, and when the program asks:
 * in whichever thread that is, in several at a time perhaps, so under all locks that the
 * program holds there. One may call the allocator, but not free itself; while it runs its
 * thread runs no other, nor itself again. It is asked for count / seeks of its objects at a
 * first try, and for twice as many at a second: with two seeks for half of them, then all.
 * Source: include/linux/shrinker.h of Linux, whose names <linux/shrinker.h> below
 * kmem/compat gives.
 */
#ifndef KMEM_SHRINKER_H
#define KMEM_SHRINKER_H

#include <kmem/base.h>
#include <kmem/gfp.h>

KMEM_BEGIN_DECLS

#define KMEM_SHRINK_STOP  (~0ul)     /* scan: no progress can be made now */
#define KMEM_SHRINK_EMPTY (~0ul - 1) /* count: there is nothing at all */

struct kmem_shrink_control {
	gfp_t gfp_mask;
	int nid;		  /* 0: nodes are not told apart */
	unsigned long nr_to_scan; /* objects to look at */
	unsigned long nr_scanned; /* scan may lower it to what it looked at; nr_to_scan before */
};

struct kmem_shrinker {
	/* How many objects could be freed; 0 or KMEM_SHRINK_EMPTY: none. */
	unsigned long (*count_objects)(struct kmem_shrinker *shrinker,
				       struct kmem_shrink_control *control);
	/* Look at nr_to_scan of them, free what can be; how many were, or KMEM_SHRINK_STOP. */
	unsigned long (*scan_objects)(struct kmem_shrinker *shrinker,
				      struct kmem_shrink_control *control);
	long batch;	/* objects to a scan; 0: 128 */
	int seeks;	/* cost of making one again: fewer are asked for; 0: 2, as the kernel's */
	unsigned flags; /* unused */
	void *private_data; /* the program's */
};

/* A shrinker, all zeros but for its name (printf's format). NULL: ENOMEM. */
KMEM_API struct kmem_shrinker *kmem_shrinker_alloc(unsigned int flags, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* From now on it is asked; count_objects and scan_objects are set. 0 or -EINVAL. */
KMEM_API int kmem_shrinker_register(struct kmem_shrinker *shrinker);
/* Free it, registered or not; waits until it runs in no other thread. NULL is a no-op. */
KMEM_API void kmem_shrinker_free(struct kmem_shrinker *shrinker);

/* Run all shrinkers and caches' reclaim callbacks once, as when memory is short; objects freed. */
KMEM_API unsigned long kmem_shrink(void);

KMEM_END_DECLS

#endif

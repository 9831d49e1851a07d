/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocation flags, as far as they mean something in userspace.
 * Source: include/linux/gfp_types.h of Linux; the values are libkmem's own.
 *
 * GFP_KERNEL   may map memory and wait for a lock.
 * GFP_NOWAIT   enters no kernel and waits for no lock: NULL instead.
 * GFP_ATOMIC   the same here; there is no emergency reserve to draw on.
 * __GFP_ZERO   the memory comes zeroed.
 * __GFP_NOWARN a refused request, or a bad argument, prints nothing.
 */
#ifndef KMEM_GFP_H
#define KMEM_GFP_H

typedef unsigned int gfp_t;

#define __GFP_DIRECT_RECLAIM 0x0001u
#define __GFP_ZERO	     0x0002u
#define __GFP_NOWARN	     0x0004u

#define GFP_KERNEL __GFP_DIRECT_RECLAIM
#define GFP_NOWAIT __GFP_NOWARN
#define GFP_ATOMIC 0u

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The kernel's allocation flags, as far as they mean something in userspace.
 * Source: include/linux/gfp_types.h of Linux; the values are libkmem's own.
 *
 * GFP_KERNEL     may map memory, run shrinkers and wait for a lock.
 * GFP_NOWAIT     enters no kernel and waits for no lock: NULL instead, and prints nothing.
 * GFP_ATOMIC     the same, and may use a cache's reserve.
 * __GFP_ZERO     the memory comes zeroed.
 * __GFP_NOWARN   a refused request, or a bad argument, prints nothing.
 * __GFP_HIGH     may use a cache's reserve.
 * __GFP_NORETRY  runs no shrinkers before it gives NULL.
 * __GFP_NOFAIL   never NULL: waits until memory can be had. Needs GFP_KERNEL.
 * __GFP_THISNODE from the node named, or NULL.
 */
#ifndef KMEM_GFP_H
#define KMEM_GFP_H

typedef unsigned int gfp_t;

#define __GFP_DIRECT_RECLAIM 0x0001u
#define __GFP_ZERO	     0x0002u
#define __GFP_NOWARN	     0x0004u
#define __GFP_HIGH	     0x0008u
#define __GFP_NORETRY	     0x0010u
#define __GFP_NOFAIL	     0x0020u
#define __GFP_THISNODE	     0x0040u

#define GFP_KERNEL __GFP_DIRECT_RECLAIM
#define GFP_NOWAIT __GFP_NOWARN
#define GFP_ATOMIC __GFP_HIGH

#endif

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
 * __GFP_NOFAIL   never NULL: waits until memory can be had, shrinkers run now and then. Without
 *                GFP_KERNEL, where nothing is at hand: one line, NULL and EINVAL. What can
 *                never be had is NULL all the same: sizes beyond the address space, more
 *                objects than a cache's limit; and a shrinker or callback that is asked for
 *                memory gets what is free, or NULL.
 * __GFP_THISNODE from the node named, or NULL.
 * __GFP_IO, __GFP_FS  handed through to shrinkers, which do without what holds the caller's
 *                locks where they are missing (as in the kernel).
 *
 * The low byte stays free: kernel sources keep bits of their own beside a mask there, as the
 * roots of radix trees do.
 */
#ifndef KMEM_GFP_H
#define KMEM_GFP_H

typedef unsigned int gfp_t;

#define __GFP_DIRECT_RECLAIM 0x00100u
#define __GFP_ZERO	     0x00200u
#define __GFP_NOWARN	     0x00400u
#define __GFP_HIGH	     0x00800u
#define __GFP_NORETRY	     0x01000u
#define __GFP_NOFAIL	     0x02000u
#define __GFP_THISNODE	     0x04000u
#define __GFP_IO	     0x08000u
#define __GFP_FS	     0x10000u

#define GFP_KERNEL (__GFP_DIRECT_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_NOWAIT __GFP_NOWARN
#define GFP_ATOMIC __GFP_HIGH

#endif

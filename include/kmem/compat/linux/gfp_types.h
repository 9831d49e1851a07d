/* SPDX-License-Identifier: MIT */
/*
 * The kernel's <linux/gfp_types.h>: its names for what <kmem/gfp.h> has, and for flags
 * without a meaning here, which are 0. docs/kernel-api.md says what differs.
 */
#ifndef KMEM_COMPAT_LINUX_GFP_TYPES_H
#define KMEM_COMPAT_LINUX_GFP_TYPES_H

#include <kmem/gfp.h>

/* Zones and kinds of pages: all memory is alike. The low bits belong to them. */
#define __GFP_DMA	  0u
#define __GFP_HIGHMEM	  0u
#define __GFP_DMA32	  0u
#define __GFP_MOVABLE	  0u
#define __GFP_RECLAIMABLE 0u
#define GFP_ZONEMASK	  0x0fu

/* Placement, accounting, reserves and debugging. */
#define __GFP_WRITE	     0u
#define __GFP_HARDWALL	     0u
#define __GFP_ACCOUNT	     0u
#define __GFP_COMP	     0u
#define __GFP_MEMALLOC	     __GFP_HIGH
#define __GFP_NOMEMALLOC     0u
#define __GFP_NO_OBJ_EXT     0u
#define __GFP_NOLOCKDEP	     0u
#define __GFP_SKIP_ZERO	     0u
#define __GFP_ZEROTAGS	     0u
#define __GFP_SKIP_KASAN     0u
#define __GFP_KSWAPD_RECLAIM 0u
#define __GFP_RETRY_MAYFAIL  0u /* nothing here gives up earlier */
#define __GFP_RECLAIM	     (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)

/* Bits of a mask; those above are the source's own, but for the last, 31, which is libkmem's. */
#define __GFP_BITS_SHIFT 24
#define __GFP_BITS_MASK	 ((gfp_t)((1u << __GFP_BITS_SHIFT) - 1))

#define GFP_KERNEL_ACCOUNT   GFP_KERNEL
#define GFP_NOIO	     __GFP_DIRECT_RECLAIM
#define GFP_NOFS	     (__GFP_DIRECT_RECLAIM | __GFP_IO)
#define GFP_USER	     GFP_KERNEL
#define GFP_DMA		     __GFP_DMA
#define GFP_DMA32	     __GFP_DMA32
#define GFP_HIGHUSER	     GFP_USER
#define GFP_HIGHUSER_MOVABLE GFP_USER
#define GFP_TRANSHUGE_LIGHT  __GFP_NOWARN
#define GFP_TRANSHUGE	     (GFP_KERNEL | __GFP_NOWARN)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Put before all else in each of the kernel's sources (gcc -include): its tools' <linux/types.h>
 * makes gfp_t an enumeration with the names of some flags, so it is read once with these
 * names set aside, and the flags are libkmem's from then on.
 */
#ifndef TESTS_KERNEL_BEFORE_H
#define TESTS_KERNEL_BEFORE_H

#define gfp_t	      tools_gfp_t
#define GFP_KERNEL    tools_gfp_kernel
#define GFP_ATOMIC    tools_gfp_atomic
#define __GFP_HIGHMEM tools_gfp_highmem
#define __GFP_HIGH    tools_gfp_high
#include <linux/types.h>
#undef gfp_t
#undef GFP_KERNEL
#undef GFP_ATOMIC
#undef __GFP_HIGHMEM
#undef __GFP_HIGH

#include <kmem/gfp.h>

#endif

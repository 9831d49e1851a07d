/* SPDX-License-Identifier: MIT */
/*
 * The kernel's <linux/gfp.h> for sources written against it: the flags, and whole pages, of
 * 4 KiB whatever the machine's. docs/kernel-api.md says what differs.
 */
#ifndef KMEM_COMPAT_LINUX_GFP_H
#define KMEM_COMPAT_LINUX_GFP_H

#include <kmem/pages.h>
#include <linux/gfp_types.h>
#include <stdbool.h>

static inline bool gfpflags_allow_blocking(const gfp_t flags)
{
	return (flags & __GFP_DIRECT_RECLAIM) != 0;
}

/* Pages by their address; 0: none, with errno set. */
static inline unsigned long __get_free_pages(gfp_t flags, unsigned int order)
{
	return (unsigned long)kmem_pages_alloc(order, flags);
}

#define __get_free_page(flags) __get_free_pages(flags, 0)

static inline unsigned long get_zeroed_page(gfp_t flags)
{
	return __get_free_pages(flags | __GFP_ZERO, 0);
}

static inline void free_pages(unsigned long address, unsigned int order)
{
	(void)order;
	kmem_pages_free((void *)address);
}

#define free_page(address) free_pages(address, 0)

static inline void *alloc_pages_exact(size_t nbytes, gfp_t flags)
{
	return kmem_pages_alloc_exact(nbytes, flags);
}

static inline void free_pages_exact(void *pages, size_t nbytes)
{
	(void)nbytes;
	kmem_pages_free(pages);
}

#endif

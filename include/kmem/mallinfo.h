/* SPDX-License-Identifier: MIT */
/*
 * glibc's statistics of malloc, <malloc.h>, in libkmem's terms. All sizes in bytes.
 *
 *	arena     zones' memory below their watermarks
 *	hblks     zones                       hblkhd    blocks with a mapping of their own
 *	uordblks  in use by the program       fordblks  arena that is not
 *	keepcost  free pages that a trim would give back
 */
#ifndef KMEM_MALLINFO_H
#define KMEM_MALLINFO_H

#include <kmem/base.h>
#include <malloc.h>
#include <stdio.h>

KMEM_BEGIN_DECLS

KMEM_API struct mallinfo2 kmem_mallinfo2(void);
/* An XML document of the caches in use and the totals. 0, or EINVAL for options other than 0. */
KMEM_API int kmem_malloc_info(int options, FILE *stream);
/* The totals on standard error. */
KMEM_API void kmem_malloc_stats(void);
/* 1 for the parameters glibc knows (they have nothing to set here), else 0. */
KMEM_API int kmem_mallopt(int parameter, int value);

KMEM_END_DECLS

#endif

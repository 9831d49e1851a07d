/* SPDX-License-Identifier: MIT */
/* malloc with the kernel's flags: what may wait does as malloc, else only what is at hand. */
#ifndef LIB_GFP_H
#define LIB_GFP_H

#include <kmem/gfp.h>
#include <stddef.h>

/*
 * nbytes, or NULL with ENOMEM, or EAGAIN: without __GFP_DIRECT_RECLAIM it makes no
 * system call and waits for no lock. Freed by facade_free.
 */
void *gfp_malloc(size_t nbytes, gfp_t flags);

#endif

/* SPDX-License-Identifier: MIT */
/* Where libkmem-malloc.so lies, and how a command comes to load it. */
#ifndef KMEMTOP_PRELOAD_H
#define KMEMTOP_PRELOAD_H

#include <stddef.h>

#define PRELOAD_ENV "KMEM_MALLOC_LIBRARY"

/* An absolute path in memory of its own; or NULL and one line in why. */
char *preload_find(char *why, size_t size);

/* Puts the library before whatever LD_PRELOAD holds in this process. 0 or -errno. */
int preload_set(const char *library);

#endif

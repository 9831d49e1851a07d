/* SPDX-License-Identifier: MIT */
/* A cache's flags by name. */
#ifndef KMEMTOP_FLAGS_H
#define KMEMTOP_FLAGS_H

#include <stddef.h>
#include <stdint.h>

/* "HWCACHE_ALIGN PANIC", what has no name in hex, "none". Returns text. */
char *flags_text(char *text, size_t nbytes, uint32_t flags);

#endif

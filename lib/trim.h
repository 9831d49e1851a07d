/* SPDX-License-Identifier: MIT */
/* Objects out of sheaves and barns, and empty slabs, to the pages. */
#ifndef LIB_TRIM_H
#define LIB_TRIM_H

#include <stdbool.h>

/*
 * Those of this thread and of all barns, now; other threads are asked. ready: of SLAB_NOWAIT
 * caches too, which have them to be ready.
 */
void trim_sheaves(bool ready);

#endif

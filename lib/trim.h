/* SPDX-License-Identifier: MIT */
/* Objects out of sheaves and barns, and empty slabs, to the pages. */
#ifndef LIB_TRIM_H
#define LIB_TRIM_H

/* Those of this thread and of all barns, now; other threads are asked. */
void trim_sheaves(void);

#endif

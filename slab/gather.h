/* SPDX-License-Identifier: MIT */
/* Memory from caches that a thread has not used lately, for those it uses: see buddy/gather.h. */
#ifndef SLAB_GATHER_H
#define SLAB_GATHER_H

#include <stddef.h>

/* A gather_hook. */
size_t gather_idle(void);

#endif

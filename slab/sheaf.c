// SPDX-License-Identifier: MIT
/* The pool of idle sheaves: see sheaf.h. */
#include "slab/sheaf.h"

struct sheaf_stack sheaf_idle[SHEAF_LEVELS];

struct sheaf *sheaf_make(unsigned level)
{
	size_t nbytes = (size_t)16 << level;
	struct sheaf *sheaf = meta_alloc(nbytes, nbytes);

	if (sheaf)
		atomic_store_explicit(&sheaf->head, level, memory_order_relaxed);
	return sheaf;
}

// SPDX-License-Identifier: MIT
/* See failslab.h. */
#include "lib/failslab.h"

#include "lib/debug_block.h"
#include "lib/malloc.h"
#include "slab/debug_spec.h"
#include "slab/failslab.h"

#include <errno.h>

bool runs_only;
static slab_flags_t large_flags; /* SLAB_FAILSLAB or none */

void failslab_start(void)
{
	large_flags = debug_spec_flags(DEBUG_BLOCK_NAME) & SLAB_FAILSLAB;
	runs_only = large_flags || failslab_is_for_all();
}

static bool fails(const char *name, slab_flags_t flags_of_name, size_t nbytes, gfp_t flags)
{
	if (!failslab_strikes(name, flags_of_name, nbytes, flags))
		return false;
	errno = ENOMEM;
	return true;
}

bool large_fails(size_t nbytes, gfp_t flags)
{
	return fails(DEBUG_BLOCK_NAME, large_flags, nbytes, flags);
}

bool facade_fails(size_t nbytes, gfp_t flags)
{
	const struct kmem_cache *cache;

	if (!failslab_is_on())
		return false;
	if (nbytes > SMALL_MAX)
		return large_fails(nbytes, flags);
	cache = class_cache(class_index(nbytes ? nbytes : 1));
	return cache && fails(cache->pub.name, cache->pub.flags, nbytes, flags);
}

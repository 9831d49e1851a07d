// SPDX-License-Identifier: MIT
/* realloc: where the block is if it can, by moving pages if it is large, else by copying. */
#include "buddy/run.h"
#include "lib/core.h"
#include "lib/front.h"
#include "lib/malloc.h"

#include <errno.h>
#include <kmem/malloc.h>
#include <string.h>

/* The block with room for nbytes, moved only as pages; NULL if it must be copied. */
static void *resize(void *block, enum block_kind kind, size_t nbytes)
{
	size_t usable = block_usable(block, kind);

	/* Shrinking is not worth a copy until half would be wasted. */
	if (nbytes <= usable && (nbytes >= usable / 2 || usable <= 64))
		return block;
	if (kind == BLOCK_HEAP && nbytes > SMALL_MAX && nbytes <= HEAP_MAX)
		return heap_resize(heap_of(block, "realloc"), block, nbytes) ? block : NULL;
	if (kind == BLOCK_LARGE && nbytes > HEAP_MAX)
		return run_resize(block, (nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT);
	return NULL;
}

static void *copy(void *block, enum block_kind kind, size_t nbytes)
{
	size_t usable = block_usable(block, kind);
	void *other = facade_malloc(nbytes);

	if (!other)
		return nbytes <= usable ? block : NULL; /* a refused shrink is no failure */
	memcpy(other, block, nbytes < usable ? nbytes : usable);
	facade_free(block);
	return other;
}

void *kmem_realloc(void *block, size_t nbytes)
{
	enum block_kind kind;
	void *resized;

	if (!block)
		return facade_malloc(nbytes);
	if (nbytes == 0) {
		facade_free(block);
		return NULL;
	}
	kind = block_kind(block);
	if (kind == BLOCK_FOREIGN || (kind == BLOCK_HEAP && !heap_of(block, "realloc"))) {
		if (kind == BLOCK_FOREIGN)
			report_foreign(block, "realloc");
		errno = EINVAL;
		return NULL;
	}
	if (nbytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	resized = resize(block, kind, nbytes);
	return resized ? resized : copy(block, kind, nbytes);
}

CORE_DEFINE(realloc);

// SPDX-License-Identifier: MIT
/* realloc: where the block is if it can, by moving pages if it is large, else by copying. */
#include "buddy/limit.h"
#include "buddy/run.h"
#include "buddy/shortage.h"
#include "lib/core.h"
#include "lib/failslab.h"
#include "lib/front.h"
#include "lib/malloc.h"
#include "lib/record.h"
#include "slab/guard.h"
#include "slab/shade.h"

#include <errno.h>
#include <kmem/malloc.h>
#include <string.h>

/* A block as realloc found it. */
struct found {
	void *block;
	enum block_kind kind;
	struct heap *heap; /* of a heap's block */
	size_t usable;
	bool noted;
};

/* Reported in one line and false if no block begins there. */
static bool find(void *block, struct found *found)
{
	*found = (struct found){.block = block, .kind = block_kind(block)};
	if (found->kind == BLOCK_FOREIGN) {
		report_foreign(block, "realloc");
		return false;
	}
	if (found->kind == BLOCK_HEAP) {
		found->heap = heap_of(block, "realloc");
		if (!found->heap)
			return false;
	}
	if (found->kind == BLOCK_GUARDED && !guard_check(block, "realloc"))
		return false;
	found->usable = block_usable(block, found->kind);
	found->noted = block_noted(block, found->kind);
	return true;
}

/* Some bytes, not 0, for which the block is right: to shrink is no copy until half is waste. */
static inline bool fits(size_t nbytes, size_t usable)
{
	return nbytes - 1 < usable && (nbytes >= usable / 2 || usable <= 64);
}

static inline bool stays(const struct found *found, size_t nbytes)
{
	return !found->noted && fits(nbytes, found->usable);
}

/* The block with room for nbytes, moved only as pages; NULL if it must be copied. */
static void *resize(const struct found *found, size_t nbytes)
{
	if (stays(found, nbytes))
		return found->block;
	if (found->noted)
		return NULL;
	if (found->kind == BLOCK_HEAP && nbytes > SMALL_MAX && nbytes <= HEAP_MAX) {
		if (!heap_resize(found->heap, found->block, nbytes))
			return NULL;
		front_tag(found->block);
		return found->block;
	}
	if (found->kind == BLOCK_LARGE && nbytes > HEAP_MAX)
		return run_resize(found->block, (nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT);
	return NULL;
}

/*
 * What outgrew its place will grow again: it gets a quarter more than it had at
 * least, above 256 bytes half as much again, so that a string
 * grown by bytes is copied half as often as it passes classes. Small blocks that
 * grow once are too many for more.
 */
static size_t with_slack(const struct found *found, size_t nbytes)
{
	size_t slack = found->usable > 256 ? found->usable / 2 : found->usable / 4;
	size_t room = found->usable + slack;

	if (found->noted || nbytes <= found->usable || nbytes >= room || room > HEAP_MAX)
		return nbytes;
	return room;
}

static void *copy(const struct found *found, size_t nbytes)
{
	bool zeroed;
	void *other = facade_malloc_once(with_slack(found, nbytes), &zeroed);

	if (!other)
		other = facade_malloc_once(nbytes, &zeroed);
	if (!other)
		/* A refused shrink is no failure. */
		return nbytes <= found->usable ? found->block : NULL;
	memcpy(other, found->block, nbytes < found->usable ? nbytes : found->usable);
	facade_free(found->block);
	return other;
}

static __attribute__((noinline)) void *realloc_slow(void *block, size_t nbytes)
{
	struct shortage shortage = {
		.nbytes = nbytes, .npages = nbytes >> PAGE_SHIFT, .flags = GFP_MALLOC};
	struct found found;
	void *resized;

	if (nbytes == 0) {
		facade_free(block);
		return NULL;
	}
	if (shaded())
		return record_realloc(block, nbytes);
	if (!find(block, &found)) {
		errno = EINVAL;
		return NULL;
	}
	if (nbytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	/* A refused shrink is no failure here either. */
	if (!stays(&found, nbytes) && facade_fails(nbytes, GFP_MALLOC))
		return nbytes <= found.usable ? block : NULL;
	do {
		resized = resize(&found, nbytes);
		if (!resized)
			resized = copy(&found, nbytes);
	} while (!resized && shortage_again(&shortage));
	/* What was refused is then not the request, but that it stays in place, or slack. */
	if (resized)
		limit_forget();
	else
		errno = ENOMEM;
	return resized;
}

void *kmem_realloc(void *block, size_t nbytes)
{
	unsigned id = pagemap_id(block);

	/* Some programs allocate in no other way. */
	if (!block)
		return facade_malloc(nbytes);
	if (id >= ID_FIRST && !id_is_front(id) && fits(nbytes, cache_of(id)->usable))
		return block;
	return realloc_slow(block, nbytes);
}

CORE_DEFINE(realloc);

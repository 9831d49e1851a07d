// SPDX-License-Identifier: MIT
/* See guarded.h. A libkmem of an older release does not publish its pool: then nothing is told. */
#include "guarded.h"

#include "geometry_reading.h"
#include "reading.h"

static int fits(const struct kmem_root_layout *at, size_t offset, size_t nbytes)
{
	return offset + nbytes <= at->guard_size;
}

static int layout_fits(const struct kmem_root_layout *at)
{
	return at->guard_pool && at->guard_size <= GEOMETRY_RECORD &&
	       fits(at, at->guard_state, sizeof(uint32_t)) &&
	       fits(at, at->guard_nbytes, sizeof(uint32_t)) &&
	       fits(at, at->guard_object, sizeof(uint64_t)) &&
	       fits(at, at->guard_tracks, 2 * sizeof(struct kmem_root_track)) &&
	       fits(at, at->guard_name, 64);
}

/* Its number, or nobjects. */
static uint64_t number_at(const struct kmem_root_pool *pool, uint64_t addr)
{
	uint64_t page;

	if (!pool->unit || addr - pool->base >= pool->nbytes)
		return pool->nobjects;
	page = (addr - pool->base) / pool->unit;
	return page % 2 && page / 2 < pool->nobjects ? page / 2 : pool->nobjects;
}

int guarded_read(struct guarded *guarded, const struct geometry *g, struct target *t, uint64_t addr)
{
	const struct kmem_root_layout *at = &g->root.layout;
	char record[GEOMETRY_RECORD];
	struct kmem_root_pool pool;
	uint64_t number;

	if (!layout_fits(at) || target_read(t, at->guard_pool, &pool, sizeof(pool)))
		return -1;
	number = number_at(&pool, addr);
	if (number == pool.nobjects)
		return 0;
	if (target_read(t, pool.objects + number * at->guard_size, record, at->guard_size))
		return -1;
	*guarded = (struct guarded){
		.number = (uint32_t)number,
		.state = geometry_u32(record, at->guard_state),
		.nbytes = geometry_u32(record, at->guard_nbytes),
		.object = geometry_u64(record, at->guard_object),
	};
	copy_text(guarded->name, record + at->guard_name, 64);
	memcpy(guarded->tracks, record + at->guard_tracks, sizeof(guarded->tracks));
	return 1;
}

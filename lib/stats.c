// SPDX-License-Identifier: MIT
/* Statistics: summed when asked for, so that nobody pays for them before. */
#include "lib/stats.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "lib/classes.h"
#include "lib/core.h"
#include "lib/front.h"
#include "slab/guard.h"
#include "slab/thread.h"

#include <errno.h>
#include <kmem/mallinfo.h>
#include <string.h>

static uint64_t load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* away: objects that are not in their slabs. parked: of them, in sheaves. */
static void add_threads(const struct kmem_cache *cache, uint64_t *away, uint64_t *parked)
{
	for_each_thread (thread) {
		struct shelf *shelf = thread_shelf(thread, cache->id);

		*away += load(&shelf->pub.taken) - load(&shelf->pub.given);
		*parked += load(&shelf->pub.lent) + slot_fill(thread_slot(thread, cache->id)) +
			   slot_fill(shelf_spare(shelf));
	}
}

static void read_locked(const struct kmem_cache *cache, struct cache_stats *stats)
{
	uint64_t away = load(&cache->pub.taken) - load(&cache->pub.given);

	*stats = (struct cache_stats){
		.stride = cache->pub.stride,
		.slab_pages = cache->pub.slab_pages,
		.parked = load(&cache->pub.lent),
		.nslabs = __atomic_load_n(&cache->pub.nslabs, __ATOMIC_RELAXED),
	};
	memcpy(stats->name, cache->pub.name, sizeof(stats->name));
	add_threads(cache, &away, &stats->parked);
	/* In motion the terms may be read out of step: never below nothing. */
	if ((int64_t)(away - stats->parked) > 0)
		stats->in_use = away - stats->parked;
}

bool cache_stats_read(unsigned id, struct cache_stats *stats)
{
	const struct kmem_cache *cache;
	bool known;

	/* Held so that the cache is not destroyed, or made another, meanwhile. */
	lock_take(&cache_lock, LOCK_CACHES);
	cache = cache_of(id);
	known = cache && cache->pub.id;
	if (known)
		read_locked(cache, stats);
	lock_release(&cache_lock, LOCK_CACHES);
	return known;
}

struct cache_stats cache_stats(const struct kmem_cache *cache)
{
	struct cache_stats stats = {.nslabs = 0};

	cache_stats_read(cache->id, &stats);
	return stats;
}

struct totals {
	size_t committed, free_pages, dirty; /* bytes of zones */
	size_t slabs, slab_live, slab_parked;
	size_t spans, heap_live, runs_parked;
	size_t nzones, ncaches, mapped;
};

static void add_caches(struct totals *totals)
{
	struct cache_stats stats;

	for (unsigned id = ID_FIRST; id < cache_ids(); id++) {
		if (!cache_stats_read(id, &stats))
			continue;
		totals->ncaches++;
		totals->slabs += stats.nslabs * stats.slab_pages * PAGE_BYTES;
		totals->slab_live += stats.in_use * stats.stride;
		totals->slab_parked += stats.parked * stats.stride;
	}
}

/* Bytes of blocks that are free, in the sheaves of the bins [first, end). */
static size_t front_parked(unsigned first, unsigned end)
{
	size_t nbytes = 0;

	for (unsigned id = ID_FRONTS + first; id < ID_FRONTS + end; id++) {
		const struct kmem_cache *cache = cache_of(id);
		uint64_t away = 0, parked = 0;

		if (cache)
			add_threads(cache, &away, &parked);
		nbytes += cache ? parked * cache->pub.stride : 0;
	}
	return nbytes;
}

static struct totals sum(void)
{
	struct totals totals = {.mapped = load(&root_record.mapped_bytes)};
	struct heap *heap;
	size_t nbytes;

	for_each_zone (zone) {
		totals.nzones++;
		totals.committed += load(&zone->pub.committed) << PAGE_SHIFT;
		totals.dirty += load(&zone->pub.dirty) << PAGE_SHIFT;
		totals.free_pages += (load(&zone->pub.dirty) + load(&zone->pub.clean))
				     << PAGE_SHIFT;
	}
	for (unsigned i = 0; (heap = front_heap(i)); i++) {
		totals.spans += load(&heap->pub.span_bytes);
		totals.heap_live += load(&heap->pub.live_bytes);
	}
	nbytes = front_parked(0, FRONT_RUNS);
	totals.heap_live = totals.heap_live > nbytes ? totals.heap_live - nbytes : 0;
	totals.runs_parked = front_parked(FRONT_RUNS, NFRONTS);
	add_caches(&totals);
	return totals;
}

/* Runs of pages are what the zones hold besides slabs and spans. */
static size_t run_bytes(const struct totals *totals)
{
	size_t others = totals->free_pages + totals->slabs + totals->spans + totals->runs_parked;

	return totals->committed > others ? totals->committed - others : 0;
}

struct mallinfo2 kmem_mallinfo2(void)
{
	struct totals totals = sum();
	size_t used = totals.slab_live + totals.heap_live + run_bytes(&totals);

	return (struct mallinfo2){
		.arena = totals.committed,
		.ordblks = 1,
		.hblks = totals.nzones,
		.hblkhd = totals.mapped,
		.fsmblks = totals.slab_parked,
		.uordblks = used + totals.mapped,
		/* In motion the terms may be read out of step. */
		.fordblks = totals.committed > used ? totals.committed - used : 0,
		.keepcost = totals.dirty,
	};
}

static void print_cache(FILE *stream, const struct cache_stats *stats)
{
	fprintf(stream,
		"<cache name=\"%s\" size=\"%u\" objects=\"%lu\" parked=\"%lu\" slabs=\"%lu\"/>\n",
		stats->name, stats->stride, (unsigned long)stats->in_use,
		(unsigned long)stats->parked, (unsigned long)stats->nslabs);
}

int kmem_malloc_info(int options, FILE *stream)
{
	struct totals totals = sum();
	struct cache_stats stats;

	if (options != 0)
		return EINVAL;
	fprintf(stream, "<malloc version=\"libkmem-%s\">\n", root_record.release);
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_stats_read(id, &stats))
			print_cache(stream, &stats);
	fprintf(stream, "<total type=\"slabs\" size=\"%zu\"/>\n", totals.slabs);
	fprintf(stream, "<total type=\"heaps\" size=\"%zu\"/>\n", totals.spans);
	fprintf(stream, "<total type=\"runs\" size=\"%zu\"/>\n", run_bytes(&totals));
	fprintf(stream, "<total type=\"mmap\" size=\"%zu\"/>\n", totals.mapped);
	fprintf(stream, "<system type=\"current\" size=\"%zu\"/>\n",
		totals.committed + totals.mapped);
	fprintf(stream, "</malloc>\n");
	return ferror(stream) ? EIO : 0;
}

void kmem_malloc_stats(void)
{
	struct totals totals = sum();
	struct guard_counts counts;

	report("zones: %zu, %zu bytes, %zu free, of them %zu dirty", totals.nzones,
	       totals.committed, totals.free_pages, totals.dirty);
	report("caches: %zu, slabs %zu bytes, in use %zu, parked %zu", totals.ncaches, totals.slabs,
	       totals.slab_live, totals.slab_parked);
	report("heaps: spans %zu bytes, in use %zu", totals.spans, totals.heap_live);
	report("pages: %zu bytes in zones, %zu in mappings of their own", run_bytes(&totals),
	       totals.mapped);
	if (guard_count(&counts))
		report("kfence: %zu objects so far, %u of %u in use", (size_t)counts.nallocated,
		       counts.ntaken, counts.nobjects);
}

int kmem_mallopt(int parameter, int value)
{
	(void)value;
	return parameter == M_MXFAST || (parameter >= M_ARENA_MAX && parameter <= M_TRIM_THRESHOLD);
}

CORE_DEFINE(mallinfo2);
CORE_DEFINE(malloc_info);
CORE_DEFINE(malloc_stats);
CORE_DEFINE(mallopt);

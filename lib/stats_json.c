// SPDX-License-Identifier: MIT
/* Statistics as one JSON object on one line, the same as that of kmemtop --json. */
#include "buddy/buddy.h"
#include "lib/heaps.h"
#include "lib/stats.h"
#include "lib/stats_out.h"

#include <unistd.h>

/* Of an object: its first member has no comma before it. */
static void number(struct stats_out *out, const char *comma, const char *key, uint64_t n)
{
	out_text(out, "%s\"%s\":%zu", comma, key, n);
}

static void string(struct stats_out *out, const char *key, const char *text, size_t nbytes)
{
	char shown[NAME_SHOWN];

	out_name(text, nbytes, shown);
	out_text(out, "\"%s\":\"", key);
	for (const char *c = shown; *c; c++)
		out_text(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	out_text(out, "\"");
}

/* Slabs by node, where zones are of nodes. */
static void print_nodes(struct stats_out *out, unsigned id)
{
	const char *before = ",\"nodes\":[";
	uint64_t n, nbytes;
	bool any = false;

	for (int node = -1; (node = stats_node_next(node)) >= 0;) {
		n = stats_slabs_on(id, node, &nbytes);
		if (!n)
			continue;
		out_text(out, "%s", before);
		number(out, "{", "node", (uint64_t)node);
		number(out, ",", "slabs", n);
		out_text(out, "}");
		before = ",";
		any = true;
	}
	if (any)
		out_text(out, "]");
}

static void print_cache(struct stats_out *out, const struct kmem_cache_stats *cache)
{
	number(out, "{", "id", cache->id);
	out_text(out, ",");
	string(out, "name", cache->name, sizeof(cache->name));
	number(out, ",", "flags", cache->flags);
	number(out, ",", "object_size", cache->object_size);
	number(out, ",", "stride", cache->stride);
	number(out, ",", "align", cache->align);
	number(out, ",", "slab_bytes", cache->slab_bytes);
	number(out, ",", "slab_objects", cache->slab_objects);
	number(out, ",", "slabs", cache->slabs);
	number(out, ",", "slabs_empty", cache->slabs_empty);
	number(out, ",", "objects", cache->objects);
	number(out, ",", "active", cache->active);
	number(out, ",", "parked", cache->parked);
	number(out, ",", "taken", cache->taken);
	number(out, ",", "given", cache->given);
	if (cache->counted) {
		number(out, ",", "allocs", cache->allocs);
		number(out, ",", "frees", cache->frees);
	}
	print_nodes(out, cache->id);
	out_text(out, "}");
}

static void print_caches(struct stats_out *out)
{
	struct kmem_cache_stats cache = {.size = sizeof(cache)};
	const char *comma = "";

	for (unsigned id = 0; (id = kmem_cache_stats_next(id, &cache)); comma = ",") {
		out_text(out, "%s", comma);
		print_cache(out, &cache);
	}
}

static void print_zones(struct stats_out *out)
{
	const char *comma = "";

	for_each_zone (zone) {
		int node;

		out_text(out, "%s", comma);
		number(out, "{", "base", zone->pub.base);
		number(out, ",", "reserved_bytes", stats_load(&zone->pub.npages) << PAGE_SHIFT);
		number(out, ",", "committed_bytes", stats_load(&zone->pub.committed) << PAGE_SHIFT);
		number(out, ",", "dirty_bytes", stats_load(&zone->pub.dirty) << PAGE_SHIFT);
		number(out, ",", "clean_bytes", stats_load(&zone->pub.clean) << PAGE_SHIFT);
		node = __atomic_load_n(&zone->node, __ATOMIC_RELAXED);
		if (node >= 0)
			number(out, ",", "node", (uint64_t)node);
		out_text(out, "}");
		comma = ",";
	}
}

static void print_heaps(struct stats_out *out)
{
	struct kmem_root_heap heap;

	for (unsigned i = 0; heap_published(i, &heap); i++) {
		out_text(out, "%s{", i ? "," : "");
		string(out, "name", heap.name, sizeof(heap.name));
		number(out, ",", "spans", heap.nspans);
		number(out, ",", "span_bytes", heap.span_bytes);
		number(out, ",", "live_blocks", heap.live_blocks);
		number(out, ",", "live_bytes", heap.live_bytes);
		out_text(out, "}");
	}
}

void stats_json(struct stats_out *out)
{
	struct kmem_stats stats = stats_sum();

	out_text(out, "{\"format\":1,");
	string(out, "release", root_record.release, sizeof(root_record.release));
	number(out, ",", "pid", (uint64_t)getpid());
	number(out, ",", "threads", stats.threads);
	number(out, ",", "mapped_bytes", stats.mapped_bytes);
	number(out, ",", "meta_bytes", stats.meta_bytes);
	number(out, ",", "waiting_objects", stats.waiting_objects);
	number(out, ",", "waiting_bytes", stats.waiting_bytes);
	number(out, ",", "waiting_slabs", stats.waiting_slabs);
	number(out, ",", "waiting_slab_bytes", stats.waiting_slab_bytes);
	out_text(out, ",\"caches\":[");
	print_caches(out);
	out_text(out, "],\"zones\":[");
	print_zones(out);
	out_text(out, "],\"heaps\":[");
	print_heaps(out);
	out_text(out, "]}\n");
}

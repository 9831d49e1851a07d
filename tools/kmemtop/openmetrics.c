/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format and OpenMetrics name a counter's family differently: with
 * _total and without. Families of counters so have no TYPE line, which both take for
 * unknown, and rate() works all the same; the others are gauges in both. "# EOF" is the
 * end to one and a comment to the other.
 */
#include "batch.h"

#include <inttypes.h>

typedef uint64_t cache_value(const struct cache_view *v);
typedef uint64_t process_value(const struct snapshot *s);

struct family {
	const char *name;
	const char *type; /* NULL: a counter */
	const char *help;
};

#define VALUE(kind, name, type, what)                                                              \
	static uint64_t kind##_##name(const type *v)                                               \
	{                                                                                          \
		return what;                                                                       \
	}

VALUE(cache, objects, struct cache_view, v->objects)
VALUE(cache, active, struct cache_view, v->active)
VALUE(cache, parked, struct cache_view, v->parked)
VALUE(cache, object_bytes, struct cache_view, v->object_nbytes)
VALUE(cache, slabs, struct cache_view, v->nslabs)
VALUE(cache, slabs_active, struct cache_view, v->active_slabs)
VALUE(cache, slab_bytes, struct cache_view, v->nslabs * v->slab_nbytes)
VALUE(cache, asked, struct cache_view, v->active * v->asked_nbytes)
VALUE(cache, taken, struct cache_view, v->taken)
VALUE(cache, given, struct cache_view, v->given)
VALUE(cache, allocs, struct cache_view, v->allocs)
VALUE(cache, frees, struct cache_view, v->frees)
VALUE(process, threads, struct snapshot, v->nthreads)
VALUE(process, mapped, struct snapshot, v->mapped_nbytes)
VALUE(process, meta, struct snapshot, v->meta_nbytes)
VALUE(zone, reserved, struct zone_view, v->reserved_nbytes)
VALUE(zone, committed, struct zone_view, v->committed_nbytes)
VALUE(zone, dirty, struct zone_view, v->dirty_nbytes)
VALUE(zone, clean, struct zone_view, v->clean_nbytes)
VALUE(heap, spans, struct heap_view, v->span_nbytes)
VALUE(heap, blocks, struct heap_view, v->live_blocks)
VALUE(heap, live, struct heap_view, v->live_nbytes)

static void begin(FILE *out, const struct family *f)
{
	if (f->type)
		fprintf(out, "# TYPE %s %s\n", f->name, f->type);
	fprintf(out, "# HELP %s %s\n", f->name, f->help);
}

static void put_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=", name);
	batch_quote(out, value);
}

/* name{pid="…",command="…" */
static void begin_sample(FILE *out, const struct family *f, const struct batch_process *p)
{
	fprintf(out, "%s{pid=\"%d\",", f->name, (int)p->s.pid);
	put_label(out, "command", p->name);
}

/* Names may be alike, ids not. */
static void name_it(FILE *out, const char *kind, const char *name, uint64_t id)
{
	putc(',', out);
	put_label(out, kind, name);
	fprintf(out, ",id=\"%" PRIu64 "\"", id);
}

static void put_processes(FILE *out, const struct batch_process *list, size_t n)
{
	static const struct {
		struct family f;
		process_value *value;
	} families[] = {
		{{"kmem_threads", "gauge", "Threads that use libkmem."}, process_threads},
		{{"kmem_mapped_bytes", "gauge", "Blocks with a mapping of their own."},
		 process_mapped},
		{{"kmem_meta_bytes", "gauge", "Memory committed for records of all kinds."},
		 process_meta},
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		begin(out, &families[i].f);
		for (size_t j = 0; j < n; j++) {
			begin_sample(out, &families[i].f, &list[j]);
			fprintf(out, "} %" PRIu64 "\n", families[i].value(&list[j].s));
		}
	}
}

static const struct {
	struct family f;
	cache_value *value;
	int counted; /* of caches that count only */
} of_caches[] = {
	{{"kmem_cache_objects", "gauge", "Objects that the cache's slabs hold."}, cache_objects, 0},
	{{"kmem_cache_active_objects", "gauge", "Objects in the program's hands."},
	 cache_active,
	 0},
	{{"kmem_cache_parked_objects", "gauge", "Free objects in sheaves."}, cache_parked, 0},
	{{"kmem_cache_object_bytes", "gauge", "From object to object."}, cache_object_bytes, 0},
	{{"kmem_cache_slabs", "gauge", "Slabs."}, cache_slabs, 0},
	{{"kmem_cache_active_slabs", "gauge", "Slabs that are not kept empty."},
	 cache_slabs_active,
	 0},
	{{"kmem_cache_slab_bytes", "gauge", "Memory of all slabs."}, cache_slab_bytes, 0},
	{{"kmem_cache_asked_bytes", "gauge", "What the program asked for in active objects."},
	 cache_asked,
	 0},
	{{"kmem_cache_taken_objects_total", NULL, "Objects that have left slabs."}, cache_taken, 0},
	{{"kmem_cache_given_objects_total", NULL, "Objects that have come home to slabs."},
	 cache_given,
	 0},
	{{"kmem_cache_allocations_total", NULL, "Allocations, where stats:true counts them."},
	 cache_allocs,
	 1},
	{{"kmem_cache_frees_total", NULL, "Frees, where stats:true counts them."}, cache_frees, 1},
};

static void put_family_of_caches(FILE *out, const struct batch_process *list, size_t n, size_t i)
{
	begin(out, &of_caches[i].f);
	for (size_t j = 0; j < n; j++) {
		for (size_t k = 0; k < list[j].s.ncaches; k++) {
			const struct cache_view *v = &list[j].s.caches[k];

			if (of_caches[i].counted && !v->counted)
				continue;
			begin_sample(out, &of_caches[i].f, &list[j]);
			name_it(out, "cache", v->name, v->id);
			fprintf(out, "} %" PRIu64 "\n", of_caches[i].value(v));
		}
	}
}

static int any_counts(const struct batch_process *list, size_t n)
{
	for (size_t j = 0; j < n; j++)
		for (size_t k = 0; k < list[j].s.ncaches; k++)
			if (list[j].s.caches[k].counted)
				return 1;
	return 0;
}

static void put_caches(FILE *out, const struct batch_process *list, size_t n)
{
	int counts = any_counts(list, n);

	for (size_t i = 0; i < sizeof(of_caches) / sizeof(of_caches[0]); i++)
		if (counts || !of_caches[i].counted)
			put_family_of_caches(out, list, n, i);
}

static void put_zones(FILE *out, const struct batch_process *list, size_t n)
{
	static const struct {
		struct family f;
		uint64_t (*value)(const struct zone_view *z);
	} families[] = {
		{{"kmem_zone_reserved_bytes", "gauge", "Addresses reserved."}, zone_reserved},
		{{"kmem_zone_committed_bytes", "gauge", "Memory below the watermark."},
		 zone_committed},
		{{"kmem_zone_dirty_bytes", "gauge", "Free, not yet given back to the system."},
		 zone_dirty},
		{{"kmem_zone_clean_bytes", "gauge", "Free, known to be zero."}, zone_clean},
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		begin(out, &families[i].f);
		for (size_t j = 0; j < n; j++)
			for (size_t k = 0; k < list[j].s.nzones; k++) {
				begin_sample(out, &families[i].f, &list[j]);
				fprintf(out, ",zone=\"%zu\"} %" PRIu64 "\n", k,
					families[i].value(&list[j].s.zones[k]));
			}
	}
}

static void put_heaps(FILE *out, const struct batch_process *list, size_t n)
{
	static const struct {
		struct family f;
		uint64_t (*value)(const struct heap_view *h);
	} families[] = {
		{{"kmem_heap_span_bytes", "gauge", "Memory of a heap's spans."}, heap_spans},
		{{"kmem_heap_live_blocks", "gauge", "Blocks in the program's hands."}, heap_blocks},
		{{"kmem_heap_live_bytes", "gauge", "Their bytes."}, heap_live},
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		begin(out, &families[i].f);
		for (size_t j = 0; j < n; j++)
			for (size_t k = 0; k < list[j].s.nheaps; k++) {
				begin_sample(out, &families[i].f, &list[j]);
				name_it(out, "heap", list[j].s.heaps[k].name, k);
				fprintf(out, "} %" PRIu64 "\n",
					families[i].value(&list[j].s.heaps[k]));
			}
	}
}

void batch_openmetrics(FILE *out, const struct batch_process *list, size_t n)
{
	put_processes(out, list, n);
	put_caches(out, list, n);
	put_zones(out, list, n);
	put_heaps(out, list, n);
	fputs("# EOF\n", out);
}

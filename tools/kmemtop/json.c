/* SPDX-License-Identifier: MIT */
/* All figures as JSON: see batch.h. */
#include "batch.h"

#include <inttypes.h>
#include <stdlib.h>

void batch_quote(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void put_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

/* Slabs by node, where the process is placed. */
static void put_nodes(FILE *out, const struct cache_view *v)
{
	if (v->non)
		fputs(",\"nodes\":[", out);
	for (size_t i = 0; i < v->non; i++)
		fprintf(out, "%s{\"node\":%d,\"slabs\":%" PRIu64 "}", i ? "," : "", v->on[i].node,
			v->on[i].nslabs);
	if (v->non)
		putc(']', out);
}

static void put_cache(FILE *out, const struct cache_view *v)
{
	fprintf(out, "{\"id\":%u,\"name\":", v->id);
	batch_quote(out, v->name);
	put_number(out, "flags", v->flags);
	put_number(out, "object_size", v->asked_nbytes);
	put_number(out, "stride", v->object_nbytes);
	put_number(out, "align", v->align);
	put_number(out, "slab_bytes", v->slab_nbytes);
	put_number(out, "slab_objects", v->slab_objects);
	put_number(out, "slabs", v->nslabs);
	put_number(out, "slabs_empty", v->nslabs - v->active_slabs);
	put_number(out, "objects", v->objects);
	put_number(out, "active", v->active);
	put_number(out, "parked", v->parked);
	put_number(out, "taken", v->taken);
	put_number(out, "given", v->given);
	if (v->counted) {
		put_number(out, "allocs", v->allocs);
		put_number(out, "frees", v->frees);
	}
	put_nodes(out, v);
	putc('}', out);
}

static void put_zone(FILE *out, const struct zone_view *z)
{
	fprintf(out, "{\"base\":%" PRIu64, z->base);
	put_number(out, "reserved_bytes", z->reserved_nbytes);
	put_number(out, "committed_bytes", z->committed_nbytes);
	put_number(out, "dirty_bytes", z->dirty_nbytes);
	put_number(out, "clean_bytes", z->clean_nbytes);
	if (z->node >= 0)
		put_number(out, "node", (uint64_t)z->node);
	putc('}', out);
}

static void put_heap(FILE *out, const struct heap_view *h)
{
	fputs("{\"name\":", out);
	batch_quote(out, h->name);
	put_number(out, "spans", h->nspans);
	put_number(out, "span_bytes", h->span_nbytes);
	put_number(out, "live_blocks", h->live_blocks);
	put_number(out, "live_bytes", h->live_nbytes);
	putc('}', out);
}

static int compare_ids(const void *left, const void *right)
{
	const struct cache_view *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

void batch_json(FILE *out, struct snapshot *s)
{
	if (s->ncaches)
		qsort(s->caches, s->ncaches, sizeof(s->caches[0]), compare_ids);
	fputs("{\"format\":1,\"release\":", out);
	batch_quote(out, s->release);
	put_number(out, "pid", (uint64_t)s->pid);
	put_number(out, "threads", s->nthreads);
	put_number(out, "mapped_bytes", s->mapped_nbytes);
	put_number(out, "meta_bytes", s->meta_nbytes);
	put_number(out, "waiting_objects", s->waiting.objects);
	put_number(out, "waiting_bytes", s->waiting.object_bytes);
	put_number(out, "waiting_slabs", s->waiting.slabs);
	put_number(out, "waiting_slab_bytes", s->waiting.slab_bytes);
	fputs(",\"caches\":[", out);
	for (size_t i = 0; i < s->ncaches; i++) {
		fputs(i ? "," : "", out);
		put_cache(out, &s->caches[i]);
	}
	fputs("],\"zones\":[", out);
	for (size_t i = 0; i < s->nzones; i++) {
		fputs(i ? "," : "", out);
		put_zone(out, &s->zones[i]);
	}
	fputs("],\"heaps\":[", out);
	for (size_t i = 0; i < s->nheaps; i++) {
		fputs(i ? "," : "", out);
		put_heap(out, &s->heaps[i]);
	}
	fputs("]}\n", out);
}

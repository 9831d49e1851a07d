/* SPDX-License-Identifier: MIT */
/*
 * From records to figures. The order is root, caches, threads, caches' seqs
 * again, zones, heaps: a cache that changed hands while its threads were summed
 * is seen and marked.
 *
 * The target runs on meanwhile, so the sums may be off by what moved: a count
 * below zero is zero, and no more objects are active than there are.
 */
#include "snapshot.h"

#include "elfnote.h"
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NBYTES_PER_PAGE 4096

static int reading_init(struct reading *r, struct target *t)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->t = t;
	rc = elfnote_find_root(t, &r->root);
	if (rc)
		return rc;
	r->n = r->root.ncaches ? r->root.ncaches : 1;
	r->records = calloc(r->n, sizeof(*r->records));
	r->states = calloc(r->n, sizeof(*r->states));
	r->addrs = calloc(r->n, sizeof(*r->addrs));
	r->sums = calloc(r->n, sizeof(*r->sums));
	return r->records && r->states && r->addrs && r->sums ? 0 : -ENOMEM;
}

static void reading_free(struct reading *r)
{
	free(r->records);
	free(r->states);
	free(r->addrs);
	free(r->sums);
}

/* A stranger's text, made fit for a terminal. dst has room for n + 1. */
static void copy_text(char *dst, const char *src, size_t n)
{
	size_t i;

	for (i = 0; i < n && src[i]; i++)
		dst[i] = src[i] >= ' ' && src[i] <= '~' ? src[i] : '?';
	if (!i)
		dst[i++] = '?';
	dst[i] = 0;
}

/* What modular arithmetic left, as a count between 0 and max. */
static uint64_t clamp(uint64_t count, uint64_t max)
{
	if (count >> 63)
		return 0;
	return count < max ? count : max;
}

static void view_cache(struct cache_view *v, const struct reading *r, size_t id)
{
	const struct kmem_root_cache *c = &r->records[id];
	uint64_t away = r->sums[id].away + c->taken - c->given;
	uint64_t parked = r->sums[id].parked + c->lent;

	copy_text(v->name, c->name, sizeof(c->name));
	if (r->states[id] == RECORD_MOVING)
		strcat(v->name, "*");
	v->objects = (uint64_t)c->nslabs * c->slab_objects;
	v->active = clamp(away - parked, v->objects);
	v->parked = clamp(parked, v->objects - v->active);
	v->nslabs = c->nslabs;
	v->active_slabs = c->nslabs - clamp(c->nslabs_empty, c->nslabs);
	v->slab_objects = c->slab_objects;
	v->slab_nbytes = (uint64_t)c->slab_pages * NBYTES_PER_PAGE;
	v->object_nbytes = c->stride;
}

static int view_caches(struct snapshot *s, const struct reading *r)
{
	s->caches = calloc(r->n, sizeof(*s->caches));
	if (!s->caches)
		return -ENOMEM;
	for (size_t id = 0; id < r->n; id++) {
		if (r->states[id] == RECORD_GOOD || r->states[id] == RECORD_MOVING)
			view_cache(&s->caches[s->ncaches++], r, id);
		s->nunreadable += r->states[id] == RECORD_BAD;
	}
	s->nunreadable += r->nbad_threads;
	s->nthreads = r->nthreads;
	s->mapped_nbytes = r->root.mapped_bytes;
	s->meta_nbytes = r->root.meta_bytes;
	copy_text(s->release, r->root.release, sizeof(r->root.release));
	return 0;
}

static int add_zone(void *context, const void *record)
{
	const struct kmem_root_zone *zone = record;
	struct zones_view *v = context;

	v->count++;
	v->reserved_nbytes += zone->npages * NBYTES_PER_PAGE;
	v->committed_nbytes += zone->committed * NBYTES_PER_PAGE;
	v->free_nbytes += zone->dirty * NBYTES_PER_PAGE;
	return 0;
}

static int add_heap(void *context, const void *record)
{
	const struct kmem_root_heap *heap = record;
	struct heaps_view *v = context;

	v->count++;
	v->span_nbytes += heap->span_bytes;
	v->live_nbytes += heap->live_bytes;
	return 0;
}

static int read_areas(struct snapshot *s, struct reading *r)
{
	struct kmem_root_zone zone;
	struct kmem_root_heap heap;
	const struct target_list zones = {
		.name = "zones",
		.first = r->root.zones,
		.record = &zone,
		.nbytes = sizeof(zone),
		.each = add_zone,
		.context = &s->zones,
	};
	const struct target_list heaps = {
		.name = "heaps",
		.first = r->root.heaps,
		.record = &heap,
		.nbytes = sizeof(heap),
		.each = add_heap,
		.context = &s->heaps,
	};
	int rc = target_walk(r->t, &zones);

	return rc ? rc : target_walk(r->t, &heaps);
}

int snapshot_take(struct snapshot *s, struct target *t)
{
	struct reading r;
	int rc = reading_init(&r, t);

	memset(s, 0, sizeof(*s));
	if (!rc)
		rc = records_read(&r);
	if (!rc)
		rc = threads_read(&r);
	if (!rc)
		rc = records_read_again(&r);
	if (!rc)
		rc = read_areas(s, &r);
	if (!rc)
		rc = view_caches(s, &r);
	reading_free(&r);
	if (rc)
		snapshot_free(s);
	if (rc == -ENOMEM)
		target_fail(t, ENOMEM, "not enough memory to look at it");
	return rc;
}

int snapshot_take_pid(struct snapshot *s, struct target *t, pid_t pid)
{
	int rc = target_open(t, pid);

	if (!rc)
		return snapshot_take(s, t);
	memset(s, 0, sizeof(*s));
	return rc;
}

void snapshot_free(struct snapshot *s)
{
	free(s->caches);
	memset(s, 0, sizeof(*s));
}

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

#include "arrays.h"
#include "elfnote.h"
#include "reading.h"
#include "snapshot_nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NBYTES_PER_PAGE 4096

int reading_init(struct reading *r, struct target *t)
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

void reading_free(struct reading *r)
{
	free(r->records);
	free(r->states);
	free(r->addrs);
	free(r->sums);
}

void copy_text(char *dst, const char *src, size_t n)
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
	const struct cache_sum *sum = &r->sums[id];
	uint64_t away = sum->taken + c->taken - sum->given - c->given;
	uint64_t parked = sum->held + sum->lent + c->lent;

	copy_text(v->name, c->name, sizeof(c->name));
	v->moving = r->states[id] == RECORD_MOVING;
	v->id = c->id;
	v->generation = c->generation;
	v->flags = c->flags;
	v->align = c->align;
	v->objects = (uint64_t)c->nslabs * c->slab_objects;
	v->active = clamp(away - parked, v->objects);
	v->parked = clamp(parked, v->objects - v->active);
	v->nslabs = c->nslabs;
	v->active_slabs = c->nslabs - clamp(c->nslabs_empty, c->nslabs);
	v->slab_objects = c->slab_objects;
	v->slab_nbytes = (uint64_t)c->slab_pages * NBYTES_PER_PAGE;
	v->object_nbytes = c->stride;
	v->asked_nbytes = c->object_size < c->stride ? c->object_size : c->stride;
	v->taken = sum->taken + c->taken;
	v->given = sum->given + c->given;
	v->lent = sum->lent + c->lent;
	v->counted = c->counted != 0;
	v->allocs = v->counted ? v->taken : 0;
	v->frees = v->counted ? v->given : 0;
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
	s->pid = r->t->pid;
	s->nthreads = r->nthreads;
	s->mapped_nbytes = r->root.mapped_bytes;
	s->meta_nbytes = r->root.meta_bytes;
	copy_text(s->release, r->root.release, sizeof(r->root.release));
	return 0;
}

/* With the words of a zone's record that the layout knows of. */
struct zone_record {
	union {
		struct kmem_root_zone zone;
		char bytes[128];
	};
	uint32_t nbytes;
	uint32_t node_at; /* 0: it says nothing of nodes */
};

static void zone_record_init(struct zone_record *z, const struct kmem_root *root)
{
	uint64_t at = root->layout.zone_node, end = at + sizeof(int32_t);

	memset(z, 0, sizeof(*z));
	z->nbytes = elfnote_common(root->zone_size, sizeof(z->zone));
	if (at < sizeof(z->zone) || end > sizeof(z->bytes) || end > root->zone_size)
		return;
	z->node_at = (uint32_t)at;
	z->nbytes = (uint32_t)end;
}

static int zone_node(const struct zone_record *z)
{
	int32_t node = -1;

	if (z->node_at)
		memcpy(&node, z->bytes + z->node_at, sizeof(node));
	return node < NODES_MAX ? node : -1;
}

static int add_zone(void *context, const void *record)
{
	const struct zone_record *z = record;
	const struct kmem_root_zone *zone = &z->zone;
	struct snapshot *s = context;
	struct zone_view *zones = array_grown(s->zones, s->nzones, sizeof(*zones));

	if (!zones)
		return -ENOMEM;
	s->zones = zones;
	zones[s->nzones++] = (struct zone_view){
		.base = zone->base,
		.reserved_nbytes = zone->npages * NBYTES_PER_PAGE,
		.committed_nbytes = zone->committed * NBYTES_PER_PAGE,
		.dirty_nbytes = zone->dirty * NBYTES_PER_PAGE,
		.clean_nbytes = zone->clean * NBYTES_PER_PAGE,
		.node = zone_node(z),
	};
	return 0;
}

static int add_heap(void *context, const void *record)
{
	const struct kmem_root_heap *heap = record;
	struct snapshot *s = context;
	struct heap_view *heaps = array_grown(s->heaps, s->nheaps, sizeof(*heaps));

	if (!heaps)
		return -ENOMEM;
	s->heaps = heaps;
	heaps[s->nheaps] = (struct heap_view){
		.nspans = heap->nspans,
		.span_nbytes = heap->span_bytes,
		.live_blocks = heap->live_blocks,
		.live_nbytes = heap->live_bytes,
	};
	copy_text(heaps[s->nheaps++].name, heap->name, sizeof(heap->name));
	return 0;
}

static int add_waiting(void *context, const void *record)
{
	const struct kmem_root_waiting *waiting = record;
	struct kmem_root_waiting *sum = &((struct snapshot *)context)->waiting;

	sum->objects += waiting->objects;
	sum->object_bytes += waiting->object_bytes;
	sum->slabs += waiting->slabs;
	sum->slab_bytes += waiting->slab_bytes;
	return 0;
}

/* Some only take away: what more of them is read is below nothing. */
static int read_waiting(struct snapshot *s, struct reading *r)
{
	struct kmem_root_waiting waiting = {.next = 0};
	const struct target_list list = {
		.name = "counts of what waits",
		.first = r->root.layout.waiting,
		.record = &waiting,
		.nbytes = sizeof(waiting),
		.each = add_waiting,
		.context = s,
	};
	int rc = target_walk(r->t, &list);

	s->waiting.objects = clamp(s->waiting.objects, UINT64_MAX);
	s->waiting.object_bytes = clamp(s->waiting.object_bytes, UINT64_MAX);
	return rc;
}

static int read_areas(struct snapshot *s, struct reading *r)
{
	struct zone_record zone;
	struct kmem_root_heap heap = {.next = 0};
	struct target_list zones = {
		.name = "zones",
		.first = r->root.zones,
		.record = &zone,
		.each = add_zone,
		.context = s,
	};
	const struct target_list heaps = {
		.name = "heaps",
		.first = r->root.heaps,
		.record = &heap,
		.nbytes = elfnote_common(r->root.heap_size, sizeof(heap)),
		.each = add_heap,
		.context = s,
	};
	int rc;

	zone_record_init(&zone, &r->root);
	zones.nbytes = zone.nbytes;
	rc = target_walk(r->t, &zones);
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
		rc = read_waiting(s, &r);
	if (!rc)
		rc = view_caches(s, &r);
	if (!rc)
		rc = snapshot_nodes(s, &r);
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
	for (size_t i = 0; i < s->ncaches; i++)
		free(s->caches[i].on);
	free(s->caches);
	free(s->zones);
	free(s->heaps);
	memset(s, 0, sizeof(*s));
}

// SPDX-License-Identifier: MIT
/*
 * What is in sheaves: those loaded in threads' slots, their spares, and the full ones in
 * barns. A sheaf is an array of addresses, aligned to its size: slots tell how full theirs are.
 *
 *	slot: sp ------------------.
 *	| head | object | object | object |  |  |      size = mask + 8
 *
 * Where each operation is counted the mask is 0, and the lower bits of sp are the sheaf's level.
 */
#include "geometry_reading.h"

#include <errno.h>
#include <stddef.h>

#define PLACES_MOST 128			/* records of a cache: more is no list */
#define SHEAF_MOST  ((uint64_t)1 << 16) /* bytes */
#define LEVEL_MOST  12

/* Objects of a sheaf that are to be read. */
struct load {
	uint64_t addr;
	uint32_t nobjects;
	uint32_t id;
	uint32_t holder;
	enum geometry_place place;
};

struct loads {
	struct geometry_reading *r;
	struct load *loads;
	size_t n;
	size_t nobjects; /* of all */
	char *slots, *shelves;
	size_t nids;
};

static int add_load(struct loads *l, struct load load)
{
	struct load *loads = geometry_grown(l->loads, l->n, sizeof(*loads));

	if (!loads)
		return -ENOMEM;
	l->loads = loads;
	l->nobjects += load.nobjects;
	if (l->nobjects > GEOMETRY_MOST)
		return target_fail(l->r->t, E2BIG, "its sheaves hold more than can be true");
	loads[l->n++] = load;
	return 0;
}

/* --- threads ------------------------------------------------------------------------ */

static int is_counted(const struct loads *l, uint32_t id)
{
	const struct geometry_cache *c = geometry_cache_of_id(l->r->g, id);

	return c && c->pub.counted;
}

static int add_slot(struct loads *l, const struct kmem_root_slot *slot, struct load load)
{
	uint64_t mask = slot->mask, nbytes;

	if (!mask && slot->sp && is_counted(l, load.id))
		mask = ((uint64_t)16 << (slot->sp & 7)) - 8;
	nbytes = mask + 8;
	if (!mask || nbytes > SHEAF_MOST || nbytes & (nbytes - 1))
		return 0;
	load.nobjects = (uint32_t)((slot->sp & mask) / 8);
	load.addr = (slot->sp & ~(nbytes - 1)) + 8;
	return load.nobjects ? add_load(l, load) : 0;
}

static int add_slots(struct loads *l, size_t n, uint32_t tid)
{
	const struct kmem_root *root = &l->r->g->root;
	int rc = 0;

	for (size_t id = 0; !rc && id < n; id++) {
		struct load load = {.id = (uint32_t)id, .holder = tid, .place = GEOMETRY_LOADED};
		struct kmem_root_shelf shelf;
		struct kmem_root_slot slot;

		memcpy(&slot, l->slots + id * root->slot_size, sizeof(slot));
		memcpy(&shelf, l->shelves + (n - 1 - id) * root->shelf_size, sizeof(shelf));
		rc = add_slot(l, &slot, load);
		load.place = GEOMETRY_SPARE;
		if (!rc)
			rc = add_slot(l, &shelf.spare, load);
	}
	return rc;
}

static int add_thread(void *context, const void *record)
{
	const struct kmem_root_thread *thread = record;
	struct loads *l = context;
	const struct kmem_root *root = &l->r->g->root;
	size_t n = thread->nslots < l->nids ? thread->nslots : l->nids;
	struct target_part parts[2] = {
		{
			.addr = thread->slots,
			.buf = l->slots,
			.nbytes = (n - 1) * root->slot_size + sizeof(struct kmem_root_slot),
		},
		{
			.addr = thread->shelves - (n - 1) * root->shelf_size,
			.buf = l->shelves,
			.nbytes = (n - 1) * root->shelf_size + sizeof(struct kmem_root_shelf),
		},
	};
	int rc;

	if (!n || !thread->slots || !thread->shelves)
		return 0;
	rc = target_read_parts(l->r->t, parts, 2);
	if (!rc && parts[0].ok && parts[1].ok)
		return add_slots(l, n, thread->tid);
	l->r->g->nmoving += !rc;
	return rc;
}

static int add_threads(struct loads *l)
{
	const struct kmem_root *root = &l->r->g->root;
	struct kmem_root_thread thread;

	l->nids = root->ncaches;
	l->slots = calloc(l->nids + 1, root->slot_size);
	l->shelves = calloc(l->nids + 1, root->shelf_size);
	if (!l->slots || !l->shelves)
		return -ENOMEM;
	return target_walk(l->r->t, &(struct target_list){
					    .name = "threads",
					    .first = root->threads,
					    .record = &thread,
					    .nbytes = sizeof(thread),
					    .each = add_thread,
					    .context = l,
				    });
}

/* --- barns -------------------------------------------------------------------------- */

uint64_t geometry_chunk_at(const struct kmem_root_chunk *chunks, size_t nchunks, uint32_t index,
			   uint64_t nbytes)
{
	uint64_t offset = (uint64_t)(index & ((1u << 27) - 1)) << 4;
	const struct kmem_root_chunk *chunk;

	if (!index || index >> 27 >= nchunks)
		return 0;
	chunk = &chunks[index >> 27];
	if (chunk->committed < nbytes || offset > chunk->committed - nbytes)
		return 0;
	return chunk->base + offset;
}

struct kmem_root_chunk *geometry_chunks(const struct kmem_root *root, struct target *t)
{
	size_t n = root->layout.nchunks;
	struct kmem_root_chunk *chunks = calloc(n + 1, sizeof(*chunks));

	if (chunks && target_read(t, root->chunks, chunks, n * sizeof(*chunks))) {
		free(chunks);
		return NULL;
	}
	return chunks;
}

/* The sheaves of one stack. No more than the cache has objects, however they are linked. */
static int add_stack(struct loads *l, const struct geometry_cache *c, uint32_t barn, uint32_t index)
{
	const struct geometry_reading *r = l->r;
	uint64_t left = (uint64_t)c->pub.nslabs * c->pub.slab_objects;
	struct load load = {.id = c->id, .holder = barn, .place = GEOMETRY_BARN};

	for (;;) {
		uint64_t addr = geometry_chunk_at(r->chunks, r->g->root.layout.nchunks, index, 16);
		uint64_t head;
		int rc;

		if (!addr)
			return 0;
		rc = target_read(r->t, addr, &head, sizeof(head));
		if (rc)
			return rc == -EFAULT ? 0 : rc;
		if ((uint32_t)head >= LEVEL_MOST)
			return 0;
		load.addr = addr + 8;
		load.nobjects = (2u << (uint32_t)head) - 1;
		if (load.nobjects > left)
			return 0;
		left -= load.nobjects;
		rc = add_load(l, load);
		if (rc)
			return rc;
		index = (uint32_t)(head >> 32);
	}
}

static int add_barns(struct loads *l)
{
	const struct geometry *g = l->r->g;
	const struct kmem_root_layout *at = &g->root.layout;
	size_t n = g->ncaches * at->nbarns;
	struct target_part *parts = calloc(n + 1, sizeof(*parts));
	uint64_t *tops = calloc(n + 1, sizeof(*tops));
	int rc = parts && tops ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < n; i++)
		parts[i] = (struct target_part){
			.addr = g->caches[i / at->nbarns].barns +
				(uint64_t)(i % at->nbarns) * at->barn_size + at->barn_full,
			.buf = &tops[i],
			.nbytes = sizeof(tops[i]),
		};
	if (!rc)
		rc = target_read_parts(l->r->t, parts, n);
	for (size_t i = 0; !rc && i < n; i++) {
		const struct geometry_cache *c = &g->caches[i / at->nbarns];

		if (c->barns && parts[i].ok)
			rc = add_stack(l, c, (uint32_t)(i % at->nbarns), (uint32_t)tops[i]);
	}
	free(parts);
	free(tops);
	return rc;
}

/* Those of one of the cache's other places, at addr. */
static int add_place_barns(struct loads *l, const struct geometry_cache *c, uint64_t addr,
			   uint32_t n)
{
	const struct kmem_root_layout *at = &l->r->g->root.layout;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < at->nbarns; i++) {
		uint64_t top;

		rc = target_read(l->r->t,
				 addr + at->place_barns + i * at->barn_size + at->barn_full, &top,
				 sizeof(top));
		if (rc)
			return rc == -EFAULT ? 0 : rc;
		rc = add_stack(l, c, n * at->nbarns + i, (uint32_t)top);
	}
	return rc;
}

/* Numbered on from the cache's own. */
static int add_places(struct loads *l)
{
	const struct geometry *g = l->r->g;
	int rc = 0;

	for (size_t i = 0; !rc && i < g->ncaches; i++) {
		uint64_t addr = g->caches[i].places;

		for (uint32_t n = 1; !rc && addr && n < PLACES_MOST; n++) {
			rc = add_place_barns(l, &g->caches[i], addr, n);
			if (!rc && target_read(l->r->t, addr + g->root.layout.place_next, &addr,
					       sizeof(addr)))
				addr = 0;
		}
	}
	return rc;
}

/* --- objects ------------------------------------------------------------------------ */

static int by_object(const void *a, const void *b)
{
	const struct geometry_parked *x = a, *y = b;

	return x->object < y->object ? -1 : x->object > y->object;
}

/* Sorted; an object that was seen twice moved from one to the other. */
static void sort_parked(struct geometry *g)
{
	size_t n = 0;

	if (g->nparked)
		qsort(g->parked, g->nparked, sizeof(g->parked[0]), by_object);
	for (size_t i = 0; i < g->nparked; i++)
		if (!n || g->parked[n - 1].object != g->parked[i].object)
			g->parked[n++] = g->parked[i];
	g->nmoving += g->nparked - n;
	g->nparked = n;
}

static void add_objects(struct geometry *g, const struct load *load, const uint64_t *objects)
{
	for (uint32_t i = 0; i < load->nobjects; i++)
		if (objects[i])
			g->parked[g->nparked++] = (struct geometry_parked){
				.object = objects[i],
				.id = load->id,
				.holder = load->holder,
				.place = load->place,
			};
}

static int read_loads(const struct loads *l)
{
	struct geometry *g = l->r->g;
	uint64_t *objects = calloc(l->nobjects + 1, sizeof(*objects)), *at = objects;
	struct target_part *parts = calloc(l->n + 1, sizeof(*parts));
	int rc;

	g->parked = calloc(l->nobjects + 1, sizeof(*g->parked));
	rc = objects && parts && g->parked ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < l->n; i++) {
		parts[i] = (struct target_part){
			.addr = l->loads[i].addr,
			.buf = at,
			.nbytes = l->loads[i].nobjects * sizeof(*at),
		};
		at += l->loads[i].nobjects;
	}
	if (!rc)
		rc = target_read_parts(l->r->t, parts, l->n);
	for (size_t i = 0; !rc && i < l->n; i++)
		if (parts[i].ok)
			add_objects(g, &l->loads[i], parts[i].buf);
	if (!rc)
		sort_parked(g);
	free(objects);
	free(parts);
	return rc;
}

int geometry_read_parked(struct geometry_reading *r)
{
	struct loads l = {.r = r};
	int rc = 0;

	r->chunks = geometry_chunks(&r->g->root, r->t);
	if (!r->chunks)
		rc = target_fail(r->t, EFAULT, "its list of records cannot be read");
	if (!rc)
		rc = add_threads(&l);
	if (!rc)
		rc = add_barns(&l);
	if (!rc)
		rc = add_places(&l);
	if (!rc)
		rc = read_loads(&l);
	free(l.loads);
	free(l.slots);
	free(l.shelves);
	return rc;
}

// SPDX-License-Identifier: MIT
/* The root, whether its layout can be believed, and the caches' records with all they say. */
#include "geometry_reading.h"
#include "reading.h"

#include <kmem/cache.h>

#include <errno.h>
#include <stdio.h>

#define WORDS_MOST 64 /* of a slab's bitmap */
#define EXTRAS	   10 /* words of a record that lie behind struct kmem_root_cache */

/* What is needed of the layout; a release that has less does not publish what lies where. */
#define LAYOUT_NEEDED offsetof(struct kmem_root_layout, cache_lock)

static int fits(uint32_t offset, uint32_t nbytes, uint32_t size)
{
	return offset <= size && nbytes <= size - offset;
}

static int cache_fits(const struct kmem_root *root)
{
	const struct kmem_root_layout *at = &root->layout;
	uint32_t size = root->cache_size;

	return fits(at->cache_barns, 8, size) && fits(at->cache_limit, 8, size) &&
	       fits(at->cache_used, 8, size) && fits(at->cache_ctor, 8, size) &&
	       fits(at->cache_hardened, 1, size) && fits(at->cache_debug, 4, size) &&
	       fits(at->cache_left, 4, size) && fits(at->cache_tracks, 4, size) &&
	       fits(at->cache_asked, 4, size) && fits(at->cache_waiting, 4, size) &&
	       fits(at->cache_places, 8, size);
}

static int slab_fits(const struct kmem_root_layout *at)
{
	uint32_t size = at->slab_size, nbytes = at->slab_words * 8u;

	return size && size <= GEOMETRY_RECORD && !(size & (size - 1)) && at->slab_words &&
	       at->slab_words <= WORDS_MOST && fits(at->slab_state, 8, size) &&
	       fits(at->slab_base, 8, size) && fits(at->slab_free, nbytes, size) &&
	       fits(at->slab_cache, 8, size) && fits(at->slab_fresh, 4, size) &&
	       fits(at->slab_marks, nbytes, GEOMETRY_RECORD);
}

static int others_fit(const struct kmem_root *root)
{
	const struct kmem_root_layout *at = &root->layout;

	return fits(at->zone_pages, 8, root->zone_size) &&
	       fits(at->zone_pages, 8, GEOMETRY_RECORD) &&
	       fits(at->heap_spans, 8, root->heap_size) &&
	       fits(at->span_heap, 8, GEOMETRY_RECORD) && fits(at->span_base, 8, GEOMETRY_RECORD) &&
	       fits(at->span_nbytes, 8, GEOMETRY_RECORD) && fits(at->barn_full, 8, at->barn_size) &&
	       at->nbarns <= 64 && at->chunk_size == sizeof(struct kmem_root_chunk) &&
	       at->leaf_pages >= LEAF_PAGES * sizeof(uint16_t) &&
	       at->leaf_size >= at->leaf_pages + LEAF_PAGES * sizeof(struct kmem_root_page);
}

static int check_layout(struct target *t, const struct kmem_root *root)
{
	if (root->size < offsetof(struct kmem_root, layout) + LAYOUT_NEEDED ||
	    root->layout_size < LAYOUT_NEEDED)
		return target_fail(t, EPROTO, "its libkmem does not publish what lies where");
	if (!cache_fits(root) || !slab_fits(&root->layout) || !others_fit(root))
		return target_fail(t, EPROTO, "its libkmem publishes a layout that makes no sense");
	return 0;
}

static void add_cache(struct geometry *g, const struct reading *r, uint32_t id)
{
	struct geometry_cache *c = &g->caches[g->ncaches++];

	*c = (struct geometry_cache){.id = id, .record = r->addrs[id], .pub = r->records[id]};
	copy_text(c->name, c->pub.name, sizeof(c->pub.name));
	if (r->states[id] == RECORD_MOVING)
		strcat(c->name, "*");
}

/* Only what can have slabs. */
static int is_whole(const struct geometry *g, const struct kmem_root_cache *c)
{
	return c->stride && c->slab_pages && c->slab_objects &&
	       c->slab_objects <= 64u * g->root.layout.slab_words;
}

static int list_caches(struct geometry *g, const struct reading *r)
{
	g->caches = calloc(r->n, sizeof(*g->caches));
	if (!g->caches)
		return -ENOMEM;
	for (uint32_t id = 0; id < r->n; id++) {
		if (r->states[id] == RECORD_BAD)
			g->nmoving++;
		if (r->states[id] != RECORD_GOOD && r->states[id] != RECORD_MOVING)
			continue;
		if (is_whole(g, &r->records[id]))
			add_cache(g, r, id);
	}
	return 0;
}

/* Where the words of a cache's record go that only the layout knows of. */
static void want_extras(const struct kmem_root_layout *at, struct geometry_cache *c,
			struct target_part *parts, uint8_t *hardened)
{
	const struct target_part wanted[EXTRAS + 1] = {
		{.addr = at->cache_barns, .buf = &c->barns, .nbytes = 8},
		{.addr = at->cache_limit, .buf = &c->limit, .nbytes = 8},
		{.addr = at->cache_used, .buf = &c->used, .nbytes = 8},
		{.addr = at->cache_ctor, .buf = &c->ctor, .nbytes = 8},
		{.addr = at->cache_debug, .buf = &c->debug, .nbytes = 4},
		{.addr = at->cache_left, .buf = &c->left, .nbytes = 4},
		{.addr = at->cache_tracks, .buf = &c->tracks, .nbytes = 4},
		{.addr = at->cache_asked, .buf = &c->asked, .nbytes = 4},
		{.addr = at->cache_waiting, .buf = &c->waiting, .nbytes = 4},
		{.addr = at->cache_places, .buf = &c->places, .nbytes = 8},
		{.addr = at->cache_hardened, .buf = hardened, .nbytes = 1},
	};

	for (int i = 0; i <= EXTRAS; i++) {
		parts[i] = wanted[i];
		parts[i].addr += c->record;
	}
}

static int read_extras(struct geometry_reading *r)
{
	struct geometry *g = r->g;
	struct target_part *parts = calloc(g->ncaches * (EXTRAS + 1) + 1, sizeof(*parts));
	uint8_t *hardened = calloc(g->ncaches + 1, 1);
	int rc = parts && hardened ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < g->ncaches; i++)
		want_extras(&g->root.layout, &g->caches[i], parts + i * (EXTRAS + 1), hardened + i);
	if (!rc)
		rc = target_read_parts(r->t, parts, g->ncaches * (EXTRAS + 1));
	for (size_t i = 0; !rc && i < g->ncaches; i++) {
		struct geometry_cache *c = &g->caches[i];

		c->hardened = hardened[i];
		if (!g->root.layout.cache_places)
			c->places = 0;
		/* What cannot be is as if it were not there. */
		if (!c->debug || c->left >= c->pub.stride)
			c->left = 0;
		if (!(c->debug & SLAB_STORE_USER) ||
		    !fits(c->tracks, 2 * sizeof(struct kmem_root_track), c->pub.stride))
			c->tracks = 0;
		if (!(c->debug & SLAB_RED_ZONE) || !fits(c->asked, 4, c->pub.stride))
			c->asked = 0;
	}
	free(parts);
	free(hardened);
	return rc;
}

int geometry_read_caches(struct geometry_reading *r)
{
	struct reading records;
	int rc = reading_init(&records, r->t);

	r->g->root = records.root;
	if (!rc)
		rc = check_layout(r->t, &r->g->root);
	if (!rc)
		rc = records_read(&records);
	if (!rc)
		rc = list_caches(r->g, &records);
	reading_free(&records);
	return rc ? rc : read_extras(r);
}

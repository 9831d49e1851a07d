// SPDX-License-Identifier: MIT
/*
 * The slabs' records, held against the pages that lead to them and the caches they say they
 * are of; then which of their objects are parked, by a walk through both in order of address.
 */
#include "geometry_reading.h"

#include <errno.h>

/* Records on their way: of slab i that of run runs[i]. */
struct records {
	struct target_part *parts;
	uint32_t *runs;
	char *bytes;
	size_t n;
	size_t nbytes; /* of each, marks included */
};

static size_t count_runs(const struct geometry *g, enum geometry_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < g->nruns; i++)
		n += g->runs[i].kind == kind;
	return n;
}

static int has_marks(const struct geometry_cache *c)
{
	return c->debug || c->hardened;
}

static int fetch_records(struct geometry_reading *r, struct records *all)
{
	const struct geometry *g = r->g;
	const struct kmem_root_layout *at = &g->root.layout;
	size_t n = count_runs(g, GEOMETRY_SLAB), marked = at->slab_marks + at->slab_words * 8u;

	all->nbytes = marked > at->slab_size ? marked : at->slab_size;
	all->parts = calloc(n + 1, sizeof(*all->parts));
	all->runs = calloc(n + 1, sizeof(*all->runs));
	all->bytes = calloc(n + 1, all->nbytes);
	if (!all->parts || !all->runs || !all->bytes)
		return -ENOMEM;
	for (size_t i = 0; i < g->nruns; i++) {
		const struct geometry_cache *c = geometry_cache_of_id(g, g->runs[i].bin);

		if (g->runs[i].kind != GEOMETRY_SLAB || !c || r->owners[i] % at->slab_size)
			continue;
		all->runs[all->n] = (uint32_t)i;
		all->parts[all->n] = (struct target_part){
			.addr = r->owners[i],
			.buf = all->bytes + all->n * all->nbytes,
			.nbytes = has_marks(c) ? all->nbytes : at->slab_size,
		};
		all->n++;
	}
	return target_read_parts(r->t, all->parts, all->n);
}

/* Of this cache, on those pages. */
static int is_sound(const struct geometry *g, const struct geometry_cache *c,
		    const struct geometry_run *run, const char *record)
{
	const struct kmem_root_layout *at = &g->root.layout;

	return geometry_u64(record, at->slab_cache) == c->record &&
	       geometry_u64(record, at->slab_base) - c->left == run->addr &&
	       run->npages == c->pub.slab_pages;
}

/* Only bits of objects. */
static void copy_bits(uint64_t *bits, const char *record, size_t nwords, uint32_t nobjects)
{
	memcpy(bits, record, nwords * sizeof(*bits));
	for (size_t w = 0; w < nwords; w++) {
		uint64_t left = nobjects > w * 64 ? nobjects - w * 64 : 0;

		if (left < 64)
			bits[w] &= ((uint64_t)1 << left) - 1;
	}
}

static void add_slab(struct geometry *g, size_t run, const struct target_part *part)
{
	const struct kmem_root_layout *at = &g->root.layout;
	const struct geometry_cache *c = geometry_cache_of_id(g, g->runs[run].bin);
	struct geometry_slab *s = &g->slabs[g->nslabs];
	uint32_t n = c->pub.slab_objects;
	const char *record = part->buf;
	uint64_t *bits = geometry_bits(g, s);

	*s = (struct geometry_slab){
		.record = part->addr,
		.base = geometry_u64(record, at->slab_base),
		.addr = g->runs[run].addr,
		.cache = (uint32_t)(c - g->caches),
		.nobjects = n,
		.fresh = geometry_u32(record, at->slab_fresh),
		.owned = geometry_u64(record, at->slab_state) & 1,
	};
	copy_bits(bits, record + at->slab_free, at->slab_words, n);
	if (has_marks(c))
		copy_bits(bits + at->slab_words, record + at->slab_marks, at->slab_words, n);
	g->runs[run].owner = (uint32_t)g->nslabs++;
}

/* --- parked objects ------------------------------------------------------------------ */

static int contains(const struct geometry *g, const struct geometry_slab *s, uint64_t object)
{
	return object - s->base < (uint64_t)s->nobjects * g->caches[s->cache].pub.stride;
}

static void mark_parked(struct geometry *g)
{
	size_t nwords = g->root.layout.slab_words, i = 0;

	for (size_t k = 0; k < g->nparked; k++) {
		const struct geometry_parked *p = &g->parked[k];
		const struct geometry_cache *c;
		const struct geometry_slab *s;
		uint64_t offset;

		while (i + 1 < g->nslabs && g->slabs[i + 1].addr <= p->object)
			i++;
		s = &g->slabs[i];
		if (i >= g->nslabs || !contains(g, s, p->object))
			continue;
		c = &g->caches[s->cache];
		offset = p->object - s->base;
		if (c->id == p->id && offset % c->pub.stride == 0) {
			uint64_t index = offset / c->pub.stride;

			geometry_bits(g, s)[2 * nwords + index / 64] |= (uint64_t)1 << index % 64;
		}
	}
}

/* --- sums ---------------------------------------------------------------------------- */

static void count_objects(struct geometry *g, struct geometry_slab *s)
{
	size_t nwords = g->root.layout.slab_words;
	const uint64_t *free = geometry_bits(g, s), *marks = free + nwords,
		       *parked = marks + nwords;
	uint32_t aside = 0;

	for (size_t w = 0; w < nwords; w++) {
		s->home += (uint32_t)__builtin_popcountll(free[w]);
		s->parked += (uint32_t)__builtin_popcountll(parked[w] & ~free[w]);
		aside += (uint32_t)__builtin_popcountll(marks[w] & ~free[w] & ~parked[w]);
	}
	s->in_use = s->nobjects - s->home - s->parked - aside;
}

static int by_cache(struct geometry *g)
{
	size_t *at = calloc(g->ncaches + 1, sizeof(*at)), first = 0;

	g->slabs_by_cache = calloc(g->nslabs + 1, sizeof(*g->slabs_by_cache));
	if (!at || !g->slabs_by_cache) {
		free(at);
		return -ENOMEM;
	}
	for (size_t i = 0; i < g->nslabs; i++)
		g->caches[g->slabs[i].cache].nslabs++;
	for (size_t i = 0; i < g->ncaches; i++) {
		g->caches[i].first_slab = at[i] = first;
		first += g->caches[i].nslabs;
	}
	for (size_t i = 0; i < g->nslabs; i++) {
		const struct geometry_slab *s = &g->slabs[i];
		struct geometry_cache *c = &g->caches[s->cache];

		g->slabs_by_cache[at[s->cache]++] = (uint32_t)i;
		c->home += s->home;
		c->parked += s->parked;
		c->in_use += s->in_use;
		c->nslabs_by_fill[geometry_fill(s)]++;
	}
	free(at);
	return 0;
}

static int add_slabs(struct geometry *g, const struct records *all)
{
	size_t nwords = GEOMETRY_WORDSETS * (size_t)g->root.layout.slab_words;

	g->slabs = calloc(all->n + 1, sizeof(*g->slabs));
	g->bits = calloc((all->n + 1) * nwords, sizeof(*g->bits));
	if (!g->slabs || !g->bits)
		return -ENOMEM;
	for (size_t i = 0; i < all->n; i++) {
		const struct geometry_run *run = &g->runs[all->runs[i]];

		if (all->parts[i].ok &&
		    is_sound(g, geometry_cache_of_id(g, run->bin), run, all->parts[i].buf))
			add_slab(g, all->runs[i], &all->parts[i]);
	}
	return 0;
}

int geometry_read_slabs(struct geometry_reading *r)
{
	struct geometry *g = r->g;
	struct records all = {0};
	int rc = fetch_records(r, &all);

	if (!rc)
		rc = add_slabs(g, &all);
	if (!rc) {
		mark_parked(g);
		for (size_t i = 0; i < g->nslabs; i++)
			count_objects(g, &g->slabs[i]);
		g->nmoving += count_runs(g, GEOMETRY_SLAB) - g->nslabs;
		rc = by_cache(g);
	}
	free(all.parts);
	free(all.runs);
	free(all.bytes);
	return rc;
}

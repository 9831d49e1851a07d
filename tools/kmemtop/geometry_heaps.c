// SPDX-License-Identifier: MIT
/*
 * Heaps, their spans, and the spans' blocks. A block's head leads to the next one, so spans are
 * walked side by side: each round reads a piece of every span that has not ended, all in a few
 * calls. A piece is a head where blocks are large, and many of them where they are small.
 */
#include "geometry_reading.h"
#include "reading.h"

#include <errno.h>

#define HEAD	   GEOMETRY_BLOCK_HEAD
#define WINDOW	   4096
#define FLAGS	   0xfu
#define HEAPS_MOST 4096	 /* each span's is looked for */
#define SPANS_ONCE 4096u /* walked side by side */

/* Where the walk through a span has arrived. */
struct cursor {
	uint32_t span;
	uint32_t window; /* bytes to be read next */
	uint64_t at;	 /* of the next head, from the span's base on */
};

struct walk {
	struct geometry_reading *r;
	struct cursor *cursors;
	struct target_part *parts;
	char *windows;
	size_t n;
};

/* --- heaps and spans ------------------------------------------------------------------ */

struct heap_list {
	struct geometry *g;
	struct target *t;
	uint64_t record; /* of the next */
};

static int add_heap(void *context, const void *record)
{
	const struct kmem_root_heap *heap = record;
	struct heap_list *list = context;
	struct geometry *g = list->g;
	struct geometry_heap *heaps = geometry_grown(g->heaps, g->nheaps, sizeof(*heaps));

	if (!heaps)
		return -ENOMEM;
	g->heaps = heaps;
	if (g->nheaps == HEAPS_MOST)
		return target_fail(list->t, E2BIG, "its heaps are too many to be true");
	heaps[g->nheaps] = (struct geometry_heap){.record = list->record};
	copy_text(heaps[g->nheaps++].name, heap->name, sizeof(heap->name));
	list->record = heap->next;
	return 0;
}

static int read_heaps(struct geometry_reading *r)
{
	struct heap_list list = {.g = r->g, .t = r->t, .record = r->g->root.heaps};
	struct kmem_root_heap heap;

	return target_walk(r->t, &(struct target_list){
					 .name = "heaps",
					 .first = r->g->root.heaps,
					 .record = &heap,
					 .nbytes = sizeof(heap),
					 .each = add_heap,
					 .context = &list,
				 });
}

static uint32_t heap_index(const struct geometry *g, uint64_t record)
{
	for (uint32_t i = 0; i < g->nheaps; i++)
		if (g->heaps[i].record == record)
			return i;
	return GEOMETRY_NOBODY;
}

/* Base, length and heap of a span, as its record has them. */
struct span_words {
	uint64_t base, nbytes, heap;
};

static int list_spans(struct geometry_reading *r, const uint32_t *runs, size_t n,
		      const struct span_words *words, const struct target_part *parts)
{
	struct geometry *g = r->g;
	uint32_t heap = GEOMETRY_NOBODY;

	g->spans = calloc(n + 1, sizeof(*g->spans));
	if (!g->spans)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct geometry_run *run = &g->runs[runs[i]];

		if (!parts[3 * i].ok || !parts[3 * i + 1].ok || !parts[3 * i + 2].ok ||
		    words[i].base != run->addr ||
		    words[i].nbytes != (uint64_t)run->npages * GEOMETRY_PAGE) {
			g->nmoving++;
			continue;
		}
		/* Neighbours are mostly of one heap. */
		if (heap == GEOMETRY_NOBODY || g->heaps[heap].record != words[i].heap)
			heap = heap_index(g, words[i].heap);
		run->owner = (uint32_t)g->nspans;
		g->spans[g->nspans++] = (struct geometry_span){
			.record = r->owners[runs[i]],
			.base = words[i].base,
			.nbytes = words[i].nbytes,
			.heap = heap,
		};
	}
	return 0;
}

static int read_spans(struct geometry_reading *r)
{
	const struct kmem_root_layout *at = &r->g->root.layout;
	struct target_part *parts = calloc(3 * r->g->nruns + 1, sizeof(*parts));
	struct span_words *words = calloc(r->g->nruns + 1, sizeof(*words));
	uint32_t *runs = calloc(r->g->nruns + 1, sizeof(*runs));
	int rc = parts && words && runs ? 0 : -ENOMEM;
	size_t n = 0;

	for (size_t i = 0; !rc && i < r->g->nruns; i++) {
		uint64_t record = r->owners[i];

		if (r->g->runs[i].kind != GEOMETRY_SPAN)
			continue;
		runs[n] = (uint32_t)i;
		parts[3 * n] = (struct target_part){record + at->span_base, &words[n].base, 8, 0};
		parts[3 * n + 1] =
			(struct target_part){record + at->span_nbytes, &words[n].nbytes, 8, 0};
		parts[3 * n + 2] =
			(struct target_part){record + at->span_heap, &words[n].heap, 8, 0};
		n++;
	}
	if (!rc)
		rc = target_read_parts(r->t, parts, 3 * n);
	if (!rc)
		rc = list_spans(r, runs, n, words, parts);
	free(parts);
	free(words);
	free(runs);
	return rc;
}

/* --- blocks --------------------------------------------------------------------------- */

static int add_block(struct geometry_reading *r, uint64_t payload, uint32_t low)
{
	struct geometry *g = r->g;
	struct geometry_block *blocks = geometry_grown(g->blocks, g->nblocks, sizeof(*blocks));

	if (!blocks && g->nblocks >= GEOMETRY_MOST)
		return target_fail(r->t, E2BIG, "its heaps have more blocks than can be true");
	if (!blocks)
		return -ENOMEM;
	g->blocks = blocks;
	blocks[g->nblocks++] = (struct geometry_block){
		.addr = payload,
		.nbytes = low & ~FLAGS,
		.state = low & (KMEM_BLOCK_FREE | KMEM_BLOCK_QUICK) ? GEOMETRY_HOME
								    : GEOMETRY_IN_USE,
	};
	return 0;
}

/* The blocks whose heads the window has. 1: the span goes on; 0: it has ended; or -errno. */
static int scan_window(struct geometry_reading *r, struct cursor *c, const char *window)
{
	struct geometry_span *span = &r->g->spans[c->span];
	uint64_t begin = c->at, end = begin + c->window;

	while (c->at + HEAD <= end) {
		uint32_t low = geometry_u32(window, c->at - begin), size = low & ~FLAGS;
		int rc;

		if (low & KMEM_BLOCK_END) {
			span->damaged = c->at + HEAD != span->nbytes;
			return 0;
		}
		if (!size || size > span->nbytes - HEAD - c->at) {
			span->damaged = 1;
			return 0;
		}
		rc = add_block(r, span->base + c->at + HEAD, low);
		if (rc)
			return rc;
		c->at += size;
		c->window = size < WINDOW ? WINDOW : HEAD;
	}
	if (c->window > span->nbytes - c->at)
		c->window = (uint32_t)(span->nbytes - c->at);
	return 1;
}

static int walk_round(struct walk *w)
{
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < w->n; i++) {
		struct cursor *c = &w->cursors[i];

		w->parts[i] = (struct target_part){
			.addr = w->r->g->spans[c->span].base + c->at,
			.buf = w->windows + i * WINDOW,
			.nbytes = c->window,
		};
	}
	rc = target_read_parts(w->r->t, w->parts, w->n);
	for (size_t i = 0; !rc && i < w->n; i++) {
		int more = 0;

		if (w->parts[i].ok)
			more = scan_window(w->r, &w->cursors[i], w->parts[i].buf);
		else
			w->r->g->spans[w->cursors[i].span].damaged = 1;
		if (more < 0)
			rc = more;
		else if (more)
			w->cursors[n++] = w->cursors[i];
	}
	w->n = n;
	return rc;
}

static int walk_spans(struct geometry_reading *r)
{
	const struct geometry *g = r->g;
	size_t most = g->nspans < SPANS_ONCE ? g->nspans : SPANS_ONCE, next = 0;
	struct walk w = {
		.r = r,
		.cursors = calloc(most + 1, sizeof(*w.cursors)),
		.parts = calloc(most + 1, sizeof(*w.parts)),
		.windows = malloc((most + 1) * WINDOW),
	};
	int rc = w.cursors && w.parts && w.windows ? 0 : -ENOMEM;

	while (!rc && (w.n || next < g->nspans)) {
		while (w.n < most && next < g->nspans)
			w.cursors[w.n++] = (struct cursor){(uint32_t)next++, HEAD, HEAD};
		rc = walk_round(&w);
	}
	free(w.cursors);
	free(w.parts);
	free(w.windows);
	return rc;
}

/* --- sums ------------------------------------------------------------------------------ */

static int by_addr(const void *a, const void *b)
{
	const struct geometry_block *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void mark_parked(struct geometry *g)
{
	size_t i = 0;

	for (size_t k = 0; k < g->nparked; k++) {
		while (i < g->nblocks && g->blocks[i].addr < g->parked[k].object)
			i++;
		if (i < g->nblocks && g->blocks[i].addr == g->parked[k].object &&
		    g->blocks[i].state == GEOMETRY_IN_USE)
			g->blocks[i].state = GEOMETRY_PARKED;
	}
}

static void count_block(struct geometry_heap *h, const struct geometry_block *block)
{
	switch (block->state) {
	case GEOMETRY_IN_USE:
		h->live_blocks++;
		h->live_nbytes += block->nbytes;
		break;
	case GEOMETRY_PARKED:
		h->parked_blocks++;
		h->parked_nbytes += block->nbytes;
		break;
	default:
		h->free_blocks++;
		h->free_nbytes += block->nbytes;
		if (block->nbytes > h->largest_free)
			h->largest_free = block->nbytes;
		break;
	}
}

static void count_spans(struct geometry *g)
{
	size_t next = 0;

	for (size_t i = 0; i < g->nspans; i++) {
		struct geometry_span *span = &g->spans[i];
		struct geometry_heap *h =
			span->heap == GEOMETRY_NOBODY ? NULL : &g->heaps[span->heap];

		span->first_block = next;
		while (next < g->nblocks && g->blocks[next].addr - span->base < span->nbytes) {
			if (h)
				count_block(h, &g->blocks[next]);
			next++;
		}
		span->nblocks = next - span->first_block;
		g->nmoving += span->damaged;
		if (h) {
			h->nspans++;
			h->nbytes += span->nbytes;
		}
	}
}

int geometry_read_heaps(struct geometry_reading *r)
{
	int rc = read_heaps(r);

	if (!rc)
		rc = read_spans(r);
	if (!rc)
		rc = walk_spans(r);
	if (rc)
		return rc;
	if (r->g->nblocks)
		qsort(r->g->blocks, r->g->nblocks, sizeof(r->g->blocks[0]), by_addr);
	mark_parked(r->g);
	count_spans(r->g);
	return 0;
}

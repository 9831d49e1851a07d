/* SPDX-License-Identifier: MIT */
/*
 * What the threads hold of each cache: the fill of the loaded sheaf and of the
 * spare one, and the objects that passed the slabs. Each thread costs one read
 * for its slots and shelves together.
 *
 *	slots    [0][1][2] ...		up from `slots`
 *	shelves  ... [2][1][0]		down: that of id 0 begins at `shelves`
 *
 * Sums are kept modulo 2^64: any numbers whatever add up to some number, which
 * snapshot.c holds against the count of objects.
 */
#include "elfnote.h"
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct gather {
	struct reading *r;
	char *slots;   /* r->n records of slot_size */
	char *shelves; /* r->n records of shelf_size, the last is that of id 0 */
};

static uint64_t slot_fill(const struct kmem_root_slot *slot)
{
	return (slot->sp & slot->mask) / sizeof(uint64_t);
}

/* The slots and shelves of ids [0, n). -EFAULT if they cannot be read. */
static int fetch(struct gather *g, const struct kmem_root_thread *thread, size_t n)
{
	const struct kmem_root *root = &g->r->root;
	struct target_part parts[2] = {
		{
			.addr = thread->slots,
			.buf = g->slots,
			.nbytes = n * root->slot_size,
		},
		{
			.addr = thread->shelves - (n - 1) * root->shelf_size,
			.buf = g->shelves,
			.nbytes = n * root->shelf_size,
		},
	};
	int rc = target_read_parts(g->r->t, parts, 2);

	return rc || (parts[0].ok && parts[1].ok) ? rc : -EFAULT;
}

static void add_slots(struct gather *g, size_t n)
{
	const struct kmem_root *root = &g->r->root;

	for (size_t id = 0; id < n; id++) {
		struct cache_sum *sum = &g->r->sums[id];
		struct kmem_root_shelf shelf = {.taken = 0};
		struct kmem_root_slot slot;

		memcpy(&slot, g->slots + id * root->slot_size, sizeof(slot));
		memcpy(&shelf, g->shelves + (n - 1 - id) * root->shelf_size,
		       elfnote_common(root->shelf_size, sizeof(shelf)));
		sum->held += slot_fill(&slot) + slot_fill(&shelf.spare);
		sum->taken += shelf.taken;
		sum->given += shelf.given;
		sum->lent += shelf.lent;
	}
}

static int add_thread(void *context, const void *record)
{
	const struct kmem_root_thread *thread = record;
	struct gather *g = context;
	size_t n = thread->nslots < g->r->n ? thread->nslots : g->r->n;
	int rc;

	g->r->nthreads += thread->tid != 0;
	if (!n || !thread->slots || !thread->shelves)
		return 0;
	rc = fetch(g, thread, n);
	if (rc == -EFAULT) {
		g->r->nbad_threads++;
		return 0;
	}
	if (!rc)
		add_slots(g, n);
	return rc;
}

static int gather_init(struct gather *g, struct reading *r)
{
	g->r = r;
	g->slots = calloc(r->n, r->root.slot_size);
	g->shelves = calloc(r->n, r->root.shelf_size);
	return g->slots && g->shelves ? 0 : -ENOMEM;
}

static void gather_free(struct gather *g)
{
	free(g->slots);
	free(g->shelves);
}

int threads_read(struct reading *r)
{
	struct kmem_root_thread thread = {.next = 0};
	struct gather g;
	int rc = gather_init(&g, r);

	if (!rc)
		rc = target_walk(
			r->t, &(struct target_list){
				      .name = "threads",
				      .first = r->root.threads,
				      .record = &thread,
				      .nbytes = elfnote_common(r->root.thread_size, sizeof(thread)),
				      .each = add_thread,
				      .context = &g,
			      });
	gather_free(&g);
	return rc;
}

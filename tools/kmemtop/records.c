/* SPDX-License-Identifier: MIT */
/*
 * The records of all caches, each as it was at one moment.
 *
 * A pass reads every pending record and then, in later calls, its seq alone. A
 * record holds if both agree and are even. A few passes, then what still
 * changes is taken as it is and marked; a cache being made or destroyed for
 * longer than that is better shown in motion than waited for.
 */
#include "elfnote.h"
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PASSES		5
#define MAX_BYTES	((uint64_t)1 << 47) /* of a cache; the address space */
#define NBYTES_PER_PAGE 4096

/* A list of pieces with the id that each belongs to. */
struct batch {
	struct target_part *parts;
	uint32_t *ids;
	uint32_t *seqs;
	size_t n;
};

static int batch_init(struct batch *b, size_t n)
{
	b->parts = calloc(n, sizeof(*b->parts));
	b->ids = calloc(n, sizeof(*b->ids));
	b->seqs = calloc(n, sizeof(*b->seqs));
	b->n = 0;
	return b->parts && b->ids && b->seqs ? 0 : -ENOMEM;
}

static void batch_free(struct batch *b)
{
	free(b->parts);
	free(b->ids);
	free(b->seqs);
}

/* The seqs of all records in a state: seqs[i] is that of ids[i]. */
static int read_seqs(struct reading *r, struct batch *b, enum record_state state)
{
	b->n = 0;
	for (uint32_t id = 0; id < r->n; id++) {
		if (r->states[id] != state)
			continue;
		b->ids[b->n] = id;
		b->parts[b->n] = (struct target_part){
			.addr = r->addrs[id] + offsetof(struct kmem_root_cache, seq),
			.buf = &b->seqs[b->n],
			.nbytes = sizeof(b->seqs[0]),
		};
		b->n++;
	}
	return target_read_parts(r->t, b->parts, b->n);
}

static int read_pending(struct reading *r, struct batch *b)
{
	int rc;

	b->n = 0;
	for (uint32_t id = 0; id < r->n; id++) {
		if (r->states[id] != RECORD_PENDING)
			continue;
		b->ids[b->n] = id;
		b->parts[b->n++] = (struct target_part){
			.addr = r->addrs[id],
			.buf = &r->records[id],
			.nbytes = elfnote_common(r->root.cache_size, sizeof(r->records[0])),
		};
	}
	rc = target_read_parts(r->t, b->parts, b->n);
	for (size_t i = 0; !rc && i < b->n; i++)
		if (!b->parts[i].ok)
			r->states[b->ids[i]] = RECORD_BAD;
	return rc;
}

/* Nobody's seq is odd, and memory did not go away meanwhile. */
static int seq_holds(const struct reading *r, const struct batch *b, size_t i)
{
	uint32_t seq = r->records[b->ids[i]].seq;

	return b->parts[i].ok && !(seq & 1) && b->seqs[i] == seq;
}

/* How many are still pending, or -errno. */
static int pass(struct reading *r, struct batch *b)
{
	int left = 0, rc = read_pending(r, b);

	if (!rc)
		rc = read_seqs(r, b, RECORD_PENDING);
	for (size_t i = 0; !rc && i < b->n; i++) {
		if (seq_holds(r, b, i))
			r->states[b->ids[i]] = RECORD_GOOD;
		else
			left++;
	}
	return rc ? rc : left;
}

/* What no cache can be, whatever moves. */
static int makes_sense(const struct kmem_root_cache *c, uint32_t id)
{
	uint64_t slab_nbytes = (uint64_t)c->slab_pages * NBYTES_PER_PAGE;

	return c->id == id && (uint64_t)c->stride * c->slab_objects <= slab_nbytes &&
	       c->slab_objects <= slab_nbytes && slab_nbytes * c->nslabs <= MAX_BYTES;
}

static void judge(struct reading *r)
{
	for (uint32_t id = 0; id < r->n; id++) {
		const struct kmem_root_cache *c = &r->records[id];

		if (r->states[id] == RECORD_PENDING)
			r->states[id] = RECORD_MOVING;
		if (r->states[id] != RECORD_GOOD && r->states[id] != RECORD_MOVING)
			continue;
		if (!c->id || !c->generation)
			r->states[id] = RECORD_NONE;
		else if (!makes_sense(c, id))
			r->states[id] = RECORD_BAD;
	}
}

static int read_table(struct reading *r)
{
	int rc;

	if (!r->root.caches || !r->root.ncaches)
		return 0;
	rc = target_read(r->t, r->root.caches, r->addrs, r->root.ncaches * sizeof(r->addrs[0]));
	if (rc == -EFAULT)
		return target_fail(r->t, EFAULT, "its table of caches cannot be read");
	for (size_t id = 0; !rc && id < r->n; id++)
		if (r->addrs[id])
			r->states[id] = RECORD_PENDING;
	return rc;
}

int records_read(struct reading *r)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	struct batch b;
	int rc = batch_init(&b, r->n);

	if (!rc)
		rc = read_table(r);
	for (int i = 0; !rc && i < PASSES; i++) {
		rc = pass(r, &b);
		if (rc <= 0)
			break;
		rc = 0;
		if (target_is_still(r->t))
			break;
		nanosleep(&moment, NULL);
	}
	if (!rc)
		judge(r);
	batch_free(&b);
	return rc;
}

int records_read_again(struct reading *r)
{
	struct batch b;
	int rc = batch_init(&b, r->n);

	if (!rc)
		rc = read_seqs(r, &b, RECORD_GOOD);
	for (size_t i = 0; !rc && i < b.n; i++)
		if (!seq_holds(r, &b, i))
			r->states[b.ids[i]] = RECORD_MOVING;
	batch_free(&b);
	return rc;
}

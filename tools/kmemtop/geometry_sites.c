// SPDX-License-Identifier: MIT
/*
 * Who allocated a cache's objects, where the cache keeps it: the numbers of the stacks of all
 * objects in use, sorted and counted, and the stacks of those that are there most often. Slabs
 * are read whole, several at a time, as tracks lie in each object.
 */
#include "geometry_reading.h"

#include <errno.h>

#define SLABS_ONCE 64u
#define BYTES_ONCE ((size_t)16 << 20)

struct numbers {
	uint32_t *stacks;
	size_t n;
};

static void add_numbers(const struct geometry *g, const struct geometry_cache *c,
			const struct geometry_slab *s, const char *pages, struct numbers *numbers)
{
	for (uint32_t i = 0; i < s->nobjects; i++)
		if (geometry_object_state(g, s, i) == GEOMETRY_IN_USE)
			numbers->stacks[numbers->n++] = geometry_u32(
				pages, (size_t)i * c->pub.stride + c->tracks +
					       offsetof(struct kmem_root_track, stack));
}

static size_t slab_nbytes(const struct geometry_cache *c)
{
	return (size_t)c->pub.stride * c->pub.slab_objects;
}

static size_t slabs_once(const struct geometry_cache *c)
{
	size_t n = BYTES_ONCE / slab_nbytes(c);

	return n < 1 ? 1 : n < SLABS_ONCE ? n : SLABS_ONCE;
}

/* The track fits behind the last object as well: it ends within the stride. */
static int read_numbers(const struct geometry *g, struct target *t, const struct geometry_cache *c,
			char *pages, struct numbers *numbers)
{
	size_t nbytes = slab_nbytes(c), once = slabs_once(c);
	struct target_part parts[SLABS_ONCE];
	int rc = 0;

	for (size_t next = 0; !rc && next < c->nslabs;) {
		size_t n = c->nslabs - next < once ? c->nslabs - next : once;
		const uint32_t *index = g->slabs_by_cache + c->first_slab + next;

		/* From the first object on to the last page's end; the left zone lies before it. */
		for (size_t i = 0; i < n; i++)
			parts[i] = (struct target_part){
				.addr = g->slabs[index[i]].base,
				.buf = pages + i * nbytes,
				.nbytes = nbytes - c->left,
			};
		rc = target_read_parts(t, parts, n);
		for (size_t i = 0; !rc && i < n; i++)
			if (parts[i].ok)
				add_numbers(g, c, &g->slabs[index[i]], parts[i].buf, numbers);
		next += n;
	}
	return rc;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct count {
	uint32_t stack;
	uint64_t nobjects;
};

/* Among the n most frequent so far, most frequent first. */
static size_t insert(struct count *counts, size_t n, size_t most, struct count count)
{
	size_t i = n;

	while (i && counts[i - 1].nobjects < count.nobjects)
		i--;
	if (i == most)
		return n;
	if (n < most)
		n++;
	memmove(counts + i + 1, counts + i, (n - 1 - i) * sizeof(*counts));
	counts[i] = count;
	return n;
}

static size_t most_frequent(const struct numbers *numbers, struct count *counts, size_t most)
{
	size_t n = 0;

	if (numbers->n)
		qsort(numbers->stacks, numbers->n, sizeof(numbers->stacks[0]), by_number);
	for (size_t i = 0, first = 0; most && i < numbers->n; i++) {
		if (i + 1 < numbers->n && numbers->stacks[i + 1] == numbers->stacks[i])
			continue;
		n = insert(counts, n, most, (struct count){numbers->stacks[i], i + 1 - first});
		first = i + 1;
	}
	return n;
}

static int read_stack(const struct geometry *g, struct target *t,
		      const struct kmem_root_chunk *chunks, uint32_t number,
		      struct geometry_stack *stack)
{
	struct kmem_root_stack head;
	uint64_t addr = geometry_chunk_at(chunks, g->root.layout.nchunks, number, sizeof(head));
	int rc;

	stack->nframes = 0;
	if (!addr)
		return -ENOENT;
	rc = target_read(t, addr, &head, sizeof(head));
	if (rc)
		return rc == -EFAULT ? -ENOENT : rc;
	if (head.nframes > GEOMETRY_FRAMES)
		return -ENOENT;
	rc = target_read(t, addr + sizeof(head), stack->frames,
			 head.nframes * sizeof(stack->frames[0]));
	if (!rc)
		stack->nframes = (uint32_t)head.nframes;
	return rc == -EFAULT ? -ENOENT : rc;
}

int geometry_stack_read(const struct geometry *g, struct target *t, uint32_t number,
			struct geometry_stack *stack)
{
	struct kmem_root_chunk *chunks = geometry_chunks(&g->root, t);
	int rc = chunks ? read_stack(g, t, chunks, number, stack) : -ENOENT;

	free(chunks);
	return rc;
}

static int read_sites(const struct geometry *g, struct target *t, const struct count *counts,
		      struct geometry_site *sites, size_t n)
{
	struct kmem_root_chunk *chunks = geometry_chunks(&g->root, t);
	int rc = chunks ? 0 : -EFAULT;

	for (size_t i = 0; !rc && i < n; i++) {
		sites[i].nobjects = counts[i].nobjects;
		rc = read_stack(g, t, chunks, counts[i].stack, &sites[i].stack);
		if (rc == -ENOENT)
			rc = 0;
	}
	free(chunks);
	return rc ? rc : (int)n;
}

int geometry_sites(const struct geometry *g, struct target *t, const struct geometry_cache *c,
		   struct geometry_site *sites, size_t nsites)
{
	struct numbers numbers = {
		.stacks = calloc(c->in_use + 1, sizeof(*numbers.stacks)),
	};
	char *pages = c->tracks ? malloc(slab_nbytes(c) * slabs_once(c)) : NULL;
	struct count *counts = calloc(nsites + 1, sizeof(*counts));
	int rc = numbers.stacks && counts && (pages || !c->tracks) ? 0 : -ENOMEM;

	if (!rc && c->tracks)
		rc = read_numbers(g, t, c, pages, &numbers);
	if (!rc)
		rc = read_sites(g, t, counts, sites, most_frequent(&numbers, counts, nsites));
	free(numbers.stacks);
	free(pages);
	free(counts);
	return rc;
}

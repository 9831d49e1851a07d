/* SPDX-License-Identifier: MIT */
/*
 * A private heap against a shadow model, told by bytes what to do: the first ones choose its
 * options, the others its operations. After each the heap is validated and its counts are
 * compared; a block's bytes are looked at whenever it is touched. What is wrong ends in abort.
 */
#ifndef TESTS_UNIT_HEAP_SHADOW_H
#define TESTS_UNIT_HEAP_SHADOW_H

#include <errno.h>
#include <kmem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHADOW_BLOCKS 64u
#define SHADOW_MEMORY ((size_t)256 << 10)

#define shadow_require(condition)                                                                  \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct shadow_block {
	unsigned char *addr;
	size_t nbytes;
	unsigned char tag;
	unsigned seen; /* by the walk */
};

struct shadow {
	const uint8_t *input, *end;
	struct kmem_heap *heap;
	struct kmem_heap_options options;
	struct shadow_block blocks[SHADOW_BLOCKS];
	uint64_t nlive, nseen;
	unsigned char tag;
};

static inline unsigned shadow_byte(struct shadow *shadow)
{
	return shadow->input < shadow->end ? *shadow->input++ : 0;
}

/* Mostly small, some of a few pages, few of up to a MiB. */
static inline size_t shadow_size(struct shadow *shadow)
{
	unsigned kind = shadow_byte(shadow);
	size_t n = shadow_byte(shadow) << 8;

	n |= shadow_byte(shadow);
	if (kind < 180)
		return n % 700;
	return kind < 254 ? n : n * 17;
}

/* May a request fail? */
static inline void shadow_refused(const struct shadow *shadow)
{
	shadow_require(errno == ENOMEM);
	shadow_require(shadow->options.limit_bytes || shadow->options.memory);
}

/* Does the heap grow by what it needs? */
static inline bool shadow_by_need(const struct shadow *shadow)
{
	return !shadow->options.memory && !shadow->options.span_bytes;
}

static inline void shadow_own(struct shadow *shadow, struct shadow_block *block,
			      unsigned char *addr, size_t nbytes)
{
	size_t usable = kmem_heap_usable_size(shadow->heap, addr);

	shadow_require((uintptr_t)addr % 16 == 0);
	shadow_require(shadow->options.checked ? usable == nbytes : usable >= nbytes);
	/* A large block has a span, and all of it. */
	shadow_require(usable < nbytes + 64 || (shadow_by_need(shadow) && usable >= 128000));
	block->addr = addr;
	block->nbytes = nbytes;
	block->tag = ++shadow->tag;
	memset(addr, block->tag, nbytes);
}

static inline void shadow_verify(const struct shadow_block *block, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		shadow_require(block->addr[i] == block->tag);
}

static inline void shadow_alloc(struct shadow *shadow, struct shadow_block *block, unsigned how)
{
	size_t nbytes = shadow_size(shadow), align = 16;
	unsigned char *addr;

	errno = 0;
	if (how == 0) {
		align = (size_t)1 << shadow_byte(shadow) % 14;
		addr = kmem_heap_aligned(shadow->heap, align, nbytes);
	} else if (how == 1) {
		addr = kmem_heap_zalloc(shadow->heap, nbytes);
		for (size_t i = 0; addr && i < nbytes; i++)
			shadow_require(addr[i] == 0);
	} else {
		addr = kmem_heap_alloc(shadow->heap, nbytes);
	}
	if (!addr) {
		shadow_refused(shadow);
		return;
	}
	shadow_require((uintptr_t)addr % align == 0);
	shadow_own(shadow, block, addr, nbytes);
	shadow->nlive++;
}

static inline void shadow_free(struct shadow *shadow, struct shadow_block *block)
{
	shadow_verify(block, block->nbytes);
	kmem_heap_free(shadow->heap, block->addr);
	block->addr = NULL;
	shadow->nlive--;
}

static inline void shadow_realloc(struct shadow *shadow, struct shadow_block *block)
{
	size_t nbytes = shadow_size(shadow), had = block->nbytes;
	unsigned char *addr;

	if (nbytes == 0) {
		shadow_verify(block, had);
		shadow_require(!kmem_heap_realloc(shadow->heap, block->addr, 0));
		block->addr = NULL;
		shadow->nlive--;
		return;
	}
	errno = 0;
	addr = kmem_heap_realloc(shadow->heap, block->addr, nbytes);
	if (!addr) {
		shadow_require(nbytes > had);
		shadow_refused(shadow);
		shadow_verify(block, had);
		return;
	}
	shadow_require(nbytes > had || addr == block->addr);
	block->addr = addr;
	shadow_verify(block, nbytes < had ? nbytes : had);
	shadow_own(shadow, block, addr, nbytes);
}

static inline void shadow_reset(struct shadow *shadow)
{
	for (unsigned i = 0; i < SHADOW_BLOCKS; i++)
		shadow->blocks[i].addr = NULL;
	shadow->nlive = 0;
	kmem_heap_reset(shadow->heap);
}

static inline int shadow_see(const struct kmem_heap_block *seen, void *data)
{
	struct shadow *shadow = data;

	if (!seen->live)
		return 0;
	shadow->nseen++;
	for (unsigned i = 0; i < SHADOW_BLOCKS; i++)
		if (shadow->blocks[i].addr == seen->addr) {
			shadow->blocks[i].seen++;
			return 0;
		}
	shadow_require(!"the walk shows a block that is not in use");
	return 1;
}

static inline void shadow_walk(struct shadow *shadow)
{
	shadow->nseen = 0;
	for (unsigned i = 0; i < SHADOW_BLOCKS; i++)
		shadow->blocks[i].seen = 0;
	shadow_require(kmem_heap_walk(shadow->heap, shadow_see, shadow) == 0);
	shadow_require(shadow->nseen == shadow->nlive);
	for (unsigned i = 0; i < SHADOW_BLOCKS; i++)
		shadow_require(shadow->blocks[i].seen == (shadow->blocks[i].addr != NULL));
}

static inline void shadow_step(struct shadow *shadow)
{
	struct shadow_block *block = &shadow->blocks[shadow_byte(shadow) % SHADOW_BLOCKS];
	unsigned what = shadow_byte(shadow);

	if (what == 255)
		shadow_reset(shadow);
	else if (what >= 245)
		shadow_walk(shadow);
	else if (what == 244)
		kmem_trim();
	else if (!block->addr)
		shadow_alloc(shadow, block, what % 8);
	else if (what % 3 == 0)
		shadow_realloc(shadow, block);
	else
		shadow_free(shadow, block);
}

static inline void shadow_check(const struct shadow *shadow)
{
	struct kmem_heap_stats stats = {.size = sizeof(stats)};
	const char *wrong = kmem_heap_validate(shadow->heap);

	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	shadow_require(kmem_heap_stats(shadow->heap, &stats) == 0);
	shadow_require(stats.live_blocks == shadow->nlive);
	shadow_require(stats.allocs - stats.frees == shadow->nlive);
	shadow_require(!stats.limit_bytes || stats.peak_span_bytes <= stats.limit_bytes);
	shadow_require(stats.largest_free <= stats.free_bytes);
	shadow_require(stats.live_bytes >= 32 * stats.live_blocks);
}

static inline void shadow_create(struct shadow *shadow)
{
	static _Alignas(16) unsigned char memory[SHADOW_MEMORY];
	struct kmem_heap_options *options = &shadow->options;
	unsigned a = shadow_byte(shadow), b = shadow_byte(shadow);

	options->fit = (enum kmem_heap_fit)(a & 3);
	options->insertion = (enum kmem_heap_insertion)(a >> 2 & 1);
	options->one_thread = a >> 3 & 1;
	options->checked = a >> 4 & 1;
	options->zero_on_free = a >> 5 & 1;
	if (b % 4 == 0) {
		options->memory = memory + b / 4 % 16;
		options->memory_bytes = SHADOW_MEMORY - 16;
	} else if (b % 4 == 1) {
		options->limit_bytes = KMEM_HEAP_SPAN_MIN << (b / 4 % 5);
	}
	if (b % 4 && b / 128)
		options->span_bytes = KMEM_HEAP_SPAN_MIN << (b / 16 % 6);
	shadow->heap = kmem_heap_create("shadow", options);
	shadow_require(shadow->heap);
}

static inline void shadow_run(const uint8_t *input, size_t nbytes)
{
	struct shadow shadow = {.input = input, .end = input + nbytes};

	shadow_create(&shadow);
	while (shadow.input < shadow.end) {
		shadow_step(&shadow);
		shadow_check(&shadow);
	}
	shadow_walk(&shadow);
	for (unsigned i = 0; i < SHADOW_BLOCKS; i++)
		if (shadow.blocks[i].addr)
			shadow_verify(&shadow.blocks[i], shadow.blocks[i].nbytes);
	kmem_heap_destroy(shadow.heap);
}

#endif

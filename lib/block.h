/* SPDX-License-Identifier: MIT */
/*
 * A block of the boundary-tag heap (D. E. Knuth, TAOCP vol. 1, 2.5). All that
 * is known of a block's bits is in this file.
 *
 *	        head: | check: 32 | size in 16 bytes: 28 | 0 | END | PREV_FREE | FREE |
 *
 *	live:   | head | payload …                                     |
 *	free:   | head | next | prev | stamp … nothing …       | footer |
 *	                ^ 16-aligned                            size, before the next head
 *
 * size counts head and payload, a multiple of 16, at least 32. PREV_FREE says
 * that the block before is free, and so that its footer may be read. The check
 * binds size, flags and address to a secret: a head that was written over, or
 * made up, is found when the block, or a neighbour, is freed.
 */
#ifndef LIB_BLOCK_H
#define LIB_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_FREE	0x1u
#define BLOCK_PREV_FREE 0x2u
#define BLOCK_END	0x4u /* closes a span: no payload, never free */
#define BLOCK_FLAGS	0xfu

#define BLOCK_ALIGN	16u
#define BLOCK_HEAD	8u  /* bytes before the payload */
#define BLOCK_MIN	32u /* head, two links, footer */
#define BLOCK_CLEAN_MIN 48u /* with a stamp as well */

struct block {
	uint64_t head;
	struct block *next, *prev; /* while free */
	uint32_t stamp;		   /* while free, from BLOCK_CLEAN_MIN up: ms it became so */
	uint32_t clean;		   /* while free: the whole pages inside were given back */
};

#pragma GCC visibility push(hidden)
extern uint64_t block_secret; /* the process's; set before the first block is made */
#pragma GCC visibility pop

/*
 * Heads are read and written whole: a thread may look at the size of its own
 * block while another, holding the heap's lock, frees the one before it.
 */
static inline uint64_t block_head(const struct block *block)
{
	return __atomic_load_n(&block->head, __ATOMIC_RELAXED);
}

static inline uint32_t block_size(const struct block *block)
{
	return (uint32_t)block_head(block) & ~BLOCK_FLAGS;
}

static inline unsigned block_flags(const struct block *block)
{
	return (unsigned)block_head(block) & BLOCK_FLAGS;
}

static inline bool block_has(const struct block *block, unsigned flag)
{
	return block_head(block) & flag;
}

/* A multiplication spreads every bit of the three into the upper half (Knuth, 6.4). */
static inline uint32_t block_check(const struct block *block, uint32_t low)
{
	uint64_t mixed = ((uintptr_t)block >> 3 ^ (uint64_t)low << 20 ^ block_secret);

	return (uint32_t)(mixed * 0x9e3779b97f4a7c15ull >> 32);
}

static inline void block_set(struct block *block, uint32_t size, unsigned flags)
{
	uint32_t low = size | flags;

	__atomic_store_n(&block->head, (uint64_t)block_check(block, low) << 32 | low,
			 __ATOMIC_RELAXED);
}

/* A head that is one no longer: whoever frees the block again is found out. */
static inline void block_unset(struct block *block)
{
	__atomic_store_n(&block->head, 0, __ATOMIC_RELAXED);
}

/* Change flags: those in clear off, those in set on. */
static inline void block_flag(struct block *block, unsigned clear, unsigned set)
{
	block_set(block, block_size(block), (block_flags(block) & ~clear) | set);
}

static inline bool block_sound(const struct block *block)
{
	uint64_t head = block_head(block);

	return head >> 32 == block_check(block, (uint32_t)head);
}

/* A sound, live block of at least nbytes, head included. */
static inline bool block_fits(const struct block *block, uint32_t nbytes)
{
	uint64_t head = block_head(block);

	return head >> 32 == block_check(block, (uint32_t)head) &&
	       !(head & (BLOCK_FREE | BLOCK_END)) && (uint32_t)head >= nbytes;
}

static inline void *block_payload(struct block *block)
{
	return (char *)block + BLOCK_HEAD;
}

static inline struct block *block_of(const void *payload)
{
	return (struct block *)((uintptr_t)payload - BLOCK_HEAD);
}

static inline struct block *block_after(const struct block *block, uint32_t nbytes)
{
	return (struct block *)((uintptr_t)block + nbytes);
}

static inline struct block *block_next(const struct block *block)
{
	return block_after(block, block_size(block));
}

/* Only where PREV_FREE is set. */
static inline struct block *block_prev(const struct block *block)
{
	uint64_t size = *((const uint64_t *)block - 1);

	return (struct block *)((uintptr_t)block - size);
}

static inline void block_set_footer(struct block *block)
{
	*((uint64_t *)block_next(block) - 1) = block_size(block);
}

/* Bytes of a block whose payload holds nbytes. */
static inline uint32_t block_bytes(size_t nbytes)
{
	size_t size = (nbytes + BLOCK_HEAD + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);

	return size < BLOCK_MIN ? BLOCK_MIN : (uint32_t)size;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A block of the boundary-tag heap (D. E. Knuth, TAOCP vol. 1, 2.5). All that
 * is known of a block's bits is in this file.
 *
 *	        head: | check: 32 | size in 16 bytes: 28 | QUICK | END | PREV_FREE | FREE |
 *
 *	live:   | head | payload …                                     |
 *	quick:  | head | next | …                                      |
 *	free:   | head | next | prev | stamp … nothing …       | footer |
 *	                ^ 16-aligned                            size, before the next head
 *
 * size counts head and payload, a multiple of 16, at least 32. PREV_FREE says
 * that the block before is free, and so that its footer may be read. A quick block
 * was freed, and is to its neighbours as a live one (heap_quick.h, heap_purge). The check
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
#define BLOCK_QUICK	0x8u /* freed, and kept for the next request of its size */
#define BLOCK_FLAGS	0xfu
#define BLOCK_DEAD	(BLOCK_FREE | BLOCK_END | BLOCK_QUICK) /* none of them: live */

#define BLOCK_ALIGN   16u
#define BLOCK_HEAD    8u    /* bytes before the payload */
#define BLOCK_MIN     32u   /* head, two links, footer */
#define BLOCK_STAMPED 4096u /* from here on a free block has a stamp: less holds no page */

enum block_age {
	BLOCK_NEW,   /* free since the last walk that looked for old pages, and without a stamp */
	BLOCK_AGING, /* since stamp */
	BLOCK_BARE,  /* the whole pages inside were given back */
};

struct block {
	uint64_t head;
	struct block *next, *prev; /* while free */
	uint32_t stamp;		   /* while free, from BLOCK_STAMPED up: ms it became so */
	uint32_t age;		   /* with it: enum block_age */
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

/* The head of a block at this address, whose lower half is low, without QUICK. */
static inline uint64_t block_make(const struct block *block, uint32_t low)
{
	return (uint64_t)block_check(block, low) << 32 | low;
}

/* From live to quick and back: the flag, and the same change for every check, as it is often made.
 */
static inline uint64_t block_turn_quick(uint64_t head)
{
	return head ^ (block_secret << 32 | BLOCK_QUICK);
}

static inline void block_put_head(struct block *block, uint64_t head)
{
	__atomic_store_n(&block->head, head, __ATOMIC_RELAXED);
}

static inline void block_set(struct block *block, uint32_t size, unsigned flags)
{
	block_put_head(block, block_make(block, size | flags));
}

/* A head that is one no longer: whoever frees the block again is found out. */
static inline void block_unset(struct block *block)
{
	block_put_head(block, 0);
}

/* Change flags: those in clear off, those in set on. */
static inline void block_flag(struct block *block, unsigned clear, unsigned set)
{
	uint32_t low = ((uint32_t)block_head(block) & ~clear) | set;
	uint64_t head = block_make(block, low & ~BLOCK_QUICK);

	if (low & BLOCK_QUICK)
		head = block_turn_quick(head);
	block_put_head(block, head);
}

static inline bool block_sound(const struct block *block)
{
	uint64_t head = block_head(block);

	if (head & BLOCK_QUICK)
		head = block_turn_quick(head);
	return head >> 32 == block_check(block, (uint32_t)head);
}

/* A sound, live block of at least nbytes, head included. */
static inline bool block_fits(const struct block *block, uint32_t nbytes)
{
	uint64_t head = block_head(block);

	return head >> 32 == block_check(block, (uint32_t)head) && !(head & BLOCK_DEAD) &&
	       (uint32_t)head >= nbytes;
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

static inline void block_set_footer(struct block *block, uint32_t size)
{
	*((uint64_t *)block_after(block, size) - 1) = size;
}

/* The whole of it free, but for its place in a list. */
static inline void block_set_free(struct block *block, uint32_t size)
{
	block_set(block, size, BLOCK_FREE);
	block_set_footer(block, size);
}

/* Bytes of a block whose payload holds nbytes. */
static inline uint32_t block_bytes(size_t nbytes)
{
	size_t size = (nbytes + BLOCK_HEAD + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);

	return size < BLOCK_MIN ? BLOCK_MIN : (uint32_t)size;
}

#endif

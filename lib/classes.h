/* SPDX-License-Identifier: MIT */
/*
 * The facade's sizes. Up to 32 KiB objects of caches malloc-16 … malloc-32768; to
 * 64 KiB blocks of the heap, heads included, then to a MiB runs of pages, both kept
 * in sheaves by bins; above, runs of pages.
 *
 *	bytes	    steps		class	    bin
 *	… 128	    of 16		0 … 7
 *	… 1 KiB	    4 to each doubling	8 … 19
 *	… 8 KiB	    8			20 … 43
 *	… 32 KiB    4			44 … 51
 *	… 1 MiB	    8				    0 … 40
 *
 *	id: | 0 none | 1 pages | 2 … 53 classes | 54 … 94 front bins | … 96 the program's
 *
 * Pages of databases and buffers, with a header before them, are a little more than a
 * power of two from 1 to 8 KiB: four steps there would waste a quarter of each.
 */
#ifndef LIB_CLASSES_H
#define LIB_CLASSES_H

#include "buddy/pagemap.h"
#include "lib/block.h"
#include "slab/cache.h"
#include "slab/thread.h"

#define SMALL_MAX  ((size_t)32768)
#define NCLASSES   52u
#define NFRONTS	   41u
#define ID_CLASSES ID_FIRST
#define ID_FRONTS  (ID_CLASSES + NCLASSES)
#define FRONT_RUNS 8u /* the first bin of runs, of 64 KiB */
/* The heap serves up to this many bytes, 64 KiB with their head, pages more; bins hold up to: */
#define HEAP_MAX  (((size_t)64 << 10) - BLOCK_HEAD)
#define FRONT_MAX ((size_t)1 << 20)

_Static_assert(ID_FRONTS + NFRONTS <= ID_USER, "ids below the program's");

#pragma GCC visibility push(hidden)
/*
 * At (n + 15) / 16 for n bytes the distance in bytes of the class's slot from the
 * thread's first.
 */
extern const uint16_t class_slots[SMALL_MAX / 16 + 1];
#pragma GCC visibility pop

/* Of a thread's slots, by such a table, that for nbytes, at most SMALL_MAX. */
static inline __attribute__((always_inline)) struct slot *
class_slot_in(struct slot *slots, const uint16_t *table, size_t nbytes)
{
	return (struct slot *)((char *)slots + table[(nbytes + 15) >> 4]);
}

/* This thread's. */
static inline __attribute__((always_inline)) struct slot *class_slot(size_t nbytes)
{
	return class_slot_in(thread_slots, class_slots, nbytes);
}

static inline bool id_is_front(unsigned id)
{
	return id - ID_FRONTS < NFRONTS;
}

static inline unsigned log2_floor(size_t n)
{
	return 63 - (unsigned)__builtin_clzl(n);
}

/* Which of the 2^bits steps of its doubling nbytes falls in. */
static inline unsigned class_step(size_t nbytes, unsigned bits)
{
	return (unsigned)((nbytes - 1) >> (log2_floor(nbytes - 1) - bits)) & ((1u << bits) - 1);
}

/* For 1 to SMALL_MAX bytes. */
static inline unsigned class_index(size_t nbytes)
{
	unsigned log;

	if (nbytes <= 128)
		return (unsigned)(nbytes - 1) / 16;
	log = log2_floor(nbytes - 1);
	if (log < 10)
		return 8 + (log - 7) * 4 + class_step(nbytes, 2);
	if (log < 13)
		return 20 + (log - 10) * 8 + class_step(nbytes, 3);
	return 44 + (log - 13) * 4 + class_step(nbytes, 2);
}

/* What all objects of a class that begin on a page are aligned to. */
static inline unsigned class_align(unsigned size)
{
	unsigned align = size & -size;

	return align < PAGE_BYTES ? align : (unsigned)PAGE_BYTES;
}

/* The size at step n, from 0, of 2^bits to each doubling of 2^log. */
#define STEP_SIZE(n, bits, log)                                                                    \
	(((1u << (bits)) + (n) % (1u << (bits)) + 1)                                               \
	 << (((log) - (bits) + (n) / (1u << (bits))) & 31))

/* Bytes of a class's objects, as a constant where the index is one. */
#define CLASS_SIZE(i)                                                                              \
	((i) < 8    ? ((i) + 1) * 16                                                               \
	 : (i) < 20 ? STEP_SIZE((i)-8, 2, 7)                                                       \
	 : (i) < 44 ? STEP_SIZE((i)-20, 3, 10)                                                     \
		    : STEP_SIZE((i)-44, 2, 13))

static inline unsigned class_size(unsigned index)
{
	return CLASS_SIZE(index);
}

static inline bool front_is_run(unsigned index)
{
	return index >= FRONT_RUNS;
}

/* The step of eight to a doubling, counted from 32 KiB, that holds nbytes. */
static inline unsigned front_step(size_t nbytes)
{
	unsigned log = log2_floor(nbytes - 1);

	return log * 8 + (unsigned)((nbytes - 1) >> (log - 3)) - 16 * 8;
}

/* The bin that serves a request of nbytes, above SMALL_MAX up to FRONT_MAX. */
static inline unsigned front_index(size_t nbytes)
{
	return nbytes > HEAP_MAX ? front_step(nbytes) + 1 : front_step(nbytes + BLOCK_HEAD);
}

/* Bytes of a bin's blocks, heads included. */
static inline unsigned front_size(unsigned index)
{
	unsigned step = front_is_run(index) ? index - 1 : index;

	return (8 + step % 8 + 1) << (12 + step / 8);
}

/* Bytes for the program in a bin's blocks. */
static inline size_t front_usable(unsigned index)
{
	return front_is_run(index) ? front_size(index) : front_size(index) - BLOCK_HEAD;
}

#endif

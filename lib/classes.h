/* SPDX-License-Identifier: MIT */
/*
 * The facade's sizes. To 128 bytes in steps of 16, then four steps to each
 * doubling up to 32 KiB: objects of caches malloc-16 … malloc-32768. Above, to
 * a MiB, eight steps to each doubling: blocks of the heap, heads included, kept
 * in sheaves.
 *
 *	id: | 0 none | 1 pages | 2 … 41 classes | 42 … 82 front bins | … 96 the program's
 */
#ifndef LIB_CLASSES_H
#define LIB_CLASSES_H

#include "buddy/pagemap.h"
#include "slab/cache.h"

#define SMALL_MAX  ((size_t)32768)
#define NCLASSES   40u
#define NFRONTS	   41u
#define ID_CLASSES ID_FIRST
#define ID_FRONTS  (ID_CLASSES + NCLASSES)
/* The heap serves up to this many bytes, pages more. */
#define HEAP_MAX ((size_t)1 << 20)

_Static_assert(ID_FRONTS + NFRONTS <= ID_USER, "ids below the program's");

#pragma GCC visibility push(hidden)
/*
 * At (n + 15) / 16 for n bytes the distance in bytes of the class's slot from the
 * thread's first; all 0, that of an empty one, before start.
 */
extern uint16_t class_slots[SMALL_MAX / 16 + 1];
#pragma GCC visibility pop

static inline bool id_is_front(unsigned id)
{
	return id - ID_FRONTS < NFRONTS;
}

static inline unsigned log2_floor(size_t n)
{
	return 63 - (unsigned)__builtin_clzl(n);
}

/* For 1 to SMALL_MAX bytes. */
static inline unsigned class_index(size_t nbytes)
{
	unsigned log;

	if (nbytes <= 128)
		return (unsigned)(nbytes - 1) / 16;
	log = log2_floor(nbytes - 1);
	return 8 + (log - 7) * 4 + (unsigned)((nbytes - 1) >> (log - 2) & 3);
}

static inline unsigned class_size(unsigned index)
{
	if (index < 8)
		return (index + 1) * 16;
	return (4 + (index - 8) % 4 + 1) << (5 + (index - 8) / 4);
}

/* The bin of blocks of at least nbytes, head included; NFRONTS or more: too large for any. */
static inline unsigned front_index(size_t nbytes)
{
	unsigned log = log2_floor(nbytes - 1);

	return (log - 15) * 8 + (unsigned)((nbytes - 1) >> (log - 3) & 7);
}

static inline unsigned front_size(unsigned index)
{
	return (8 + index % 8 + 1) << (12 + index / 8);
}

#endif

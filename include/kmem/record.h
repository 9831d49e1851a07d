/* SPDX-License-Identifier: MIT */
/*
 * The file that the option record writes, for those who read it: kmem-replay(1).
 *
 * A file is chunks of one size, each of one *stream*: what a thread did, or several one after the
 * other. Chunks of a stream are numbered from 0; those of all streams lie in any order.
 *
 *	| struct kmem_record_chunk, 40 bytes | event | event | … | zeros |
 *
 * An event is a few numbers. The first shares a byte with the kind; all go on as LEB128: seven
 * bits to a byte, lowest first, the top bit says that more follow.
 *
 *	first byte: | more 1 | n, low bits 4 | kind 3 |	  no event begins with 0
 *
 * Each event that allocates counts in its stream, from 0: this *serial* and the stream are the
 * block's id. A block of the stream's own is named by its distance, 0 for the last allocated; of
 * another by that stream, and by how its serial differs from the last one so named (zigzag:
 * 0, -1, 1, -2 … are 0, 1, 2, 3 …). Sizes are as asked for, in bytes.
 *
 * Streams are ordered by *ticks*: an event happened after all events of lower ticks, and after the
 * allocation of the block that it names. Between events of one tick no more is known.
 *
 * A child of fork has a file of its own. Its streams are numbered on from its parent's, and it
 * begins with who that was, and with how many bytes of events of each of its streams had happened.
 */
#ifndef KMEM_RECORD_H
#define KMEM_RECORD_H

#include <stdint.h>

#define KMEM_RECORD_MAGIC      0x31524d4bu /* "KMR1" */
#define KMEM_RECORD_EVENT_MOST 32u	   /* bytes */

struct kmem_record_chunk {
	uint32_t magic;
	uint32_t pid;
	uint32_t stream;
	uint32_t index;	 /* in the stream */
	uint32_t nbytes; /* of each chunk, this head included */
	uint32_t used;	 /* of them, by the head and events; 0: it is the stream's last */
	uint32_t image;	 /* of the program, at random: another after exec */
	uint32_t unused;
	uint64_t sum; /* kmem_record_sum of what follows the head; 0 with used */
};

enum kmem_record_event {
	KMEM_RECORD_MALLOC = 1,	   /* size */
	KMEM_RECORD_FREE,	   /* distance */
	KMEM_RECORD_FREE_OTHER,	   /* stream, difference */
	KMEM_RECORD_REALLOC,	   /* distance, size: the block has a new id from then on */
	KMEM_RECORD_REALLOC_OTHER, /* stream, difference, size: the same */
	KMEM_RECORD_ALIGNED,	   /* logarithm of the alignment, size */
	KMEM_RECORD_MORE,	   /* one of the next, and its numbers */
};

enum kmem_record_more {
	KMEM_RECORD_TICK,   /* how many are past since the stream's last */
	KMEM_RECORD_CALLOC, /* size; of more than 32 KiB, a smaller one is a malloc */
	KMEM_RECORD_PARENT, /* pid, image */
	KMEM_RECORD_FROM,   /* stream of the parent's, bytes of its events */
};

/* Over whole words; nbytes is a multiple of 8. */
static inline uint64_t kmem_record_sum(const void *data, uint64_t nbytes)
{
	const uint64_t *words = (const uint64_t *)data;
	uint64_t sum = 0xcbf29ce484222325u;

	for (uint64_t i = 0; i < nbytes / sizeof(*words); i++)
		sum = (sum ^ words[i]) * 0x100000001b3u;
	return sum;
}

#endif

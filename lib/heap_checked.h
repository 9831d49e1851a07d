/* SPDX-License-Identifier: MIT */
/*
 * Blocks of a checked heap, which spend 32 bytes:
 *
 *	live:   | head | magic, asked | owner | payload … | slack … | footer |
 *	free:   | head | next | prev | stamp  | poison …            | size   |
 *
 * Magic, owner, slack and footer are the seal: it is put on when the block is handed out and
 * looked at when it comes back. A free block is poison from its fifth word to its footer.
 * The heap's lock is held throughout.
 */
#ifndef LIB_HEAP_CHECKED_H
#define LIB_HEAP_CHECKED_H

#include "lib/heap.h"

#define CHECKED_LEAD 24u
#define CHECKED_COST (CHECKED_LEAD + BLOCK_HEAD) /* bytes of a block that are not payload */

/* Live, of asked bytes. */
void checked_seal(const struct heap *heap, struct block *block, size_t asked);
/* Bytes asked for, of a sealed block. */
size_t checked_asked(const struct block *block);
/* What is wrong with a live block of the heap, or NULL. */
const char *checked_error(const struct heap *heap, const struct block *block);

void checked_poison(void *from, const void *to);
/* Where two blocks become one: footer, head and links of the second, which begins there. */
void checked_poison_seam(struct block *second);
/* Is all of it poison, of a block that is, or just was, free? */
bool checked_is_poison(const struct block *block);

#endif

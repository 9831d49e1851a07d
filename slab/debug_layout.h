/* SPDX-License-Identifier: MIT */
/* Where things lie around a debugged object: for slab/debug*.c. */
#ifndef SLAB_DEBUG_LAYOUT_H
#define SLAB_DEBUG_LAYOUT_H

#include "slab/debug.h"

#include <string.h>

/* Bytes that are all the same while nobody has written where he must not. */
struct debug_zone {
	const char *name;
	unsigned char *at;
	size_t nbytes;
	unsigned char byte;
};

/* As many bytes as a word has, eight times over. */
static inline uint64_t zone_word(unsigned char byte)
{
	return byte * 0x0101010101010101u;
}

/* Are all bytes so? Most zones are a few whole words. */
static inline bool zone_is(const unsigned char *at, size_t nbytes, unsigned char byte)
{
	uint64_t want = zone_word(byte), word, other = 0;
	size_t i = 0;

	if (nbytes > 256)
		return *at == byte && memcmp(at, at + 1, nbytes - 1) == 0;
	for (; i + 8 <= nbytes; i += 8) {
		memcpy(&word, at + i, 8);
		other |= word ^ want;
	}
	for (; i < nbytes; i++)
		other |= at[i] ^ byte;
	return !other;
}

static inline void zone_fill(unsigned char *at, size_t nbytes, unsigned char byte)
{
	uint64_t word = zone_word(byte);
	size_t i = 0;

	if (nbytes > 256) {
		memset(at, byte, nbytes);
		return;
	}
	for (; i + 8 <= nbytes; i += 8)
		memcpy(at + i, &word, 8);
	for (; i < nbytes; i++)
		at[i] = byte;
}

/* The first byte that is another, or NULL. */
static inline unsigned char *zone_first_other(const struct debug_zone *zone)
{
	unsigned char *at = zone->at;

	if (zone_is(at, zone->nbytes, zone->byte))
		return NULL;
	while (*at == zone->byte)
		at++;
	return at;
}

#define ZONES 5

/* Those of an object that is out, or at home. */
unsigned debug_zones(const struct kmem_cache *cache, const void *object, bool out,
		     struct debug_zone zones[ZONES]);
/* Let them be so. */
void debug_fill(const struct kmem_cache *cache, void *object, bool out);

/* TRACKS of them, with SLAB_STORE_USER. */
struct track *debug_tracks(const struct kmem_cache *cache, const void *object);
/* Where there are red zones. */
uint32_t *debug_asked_at(const struct kmem_cache *cache, const void *object);
/* The same, no more than the object has: what is damaged shows in the zone before it. */
uint32_t debug_asked_sound(const struct kmem_cache *cache, const void *object);

#endif

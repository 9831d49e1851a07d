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

typedef uint64_t zone_wide __attribute__((vector_size(16)));

/* The byte, as often as a word has room for it. */
static inline uint64_t zone_word(unsigned char byte)
{
	return byte * 0x0101010101010101u;
}

/* Are the n bytes so? The last piece overlaps the one before it. */
static inline bool zone_is_short(const unsigned char *at, size_t n, uint64_t word)
{
	uint64_t first = word, last = word;

	memcpy(&first, at, n < 8 ? n : 8);
	if (n > 8)
		memcpy(&last, at + n - 8, 8);
	return ((first ^ word) | (last ^ word)) == 0;
}

static inline bool zone_is(const unsigned char *at, size_t n, unsigned char byte)
{
	uint64_t word = zone_word(byte);
	zone_wide want = {word, word}, got, other;

	if (n > 256)
		return *at == byte && memcmp(at, at + 1, n - 1) == 0;
	if (n < 16)
		return zone_is_short(at, n, word);
	memcpy(&got, at + n - 16, 16);
	other = got ^ want;
	for (size_t i = 0; i + 16 < n; i += 16) {
		memcpy(&got, at + i, 16);
		other |= got ^ want;
	}
	return (other[0] | other[1]) == 0;
}

static inline void zone_fill(unsigned char *at, size_t n, unsigned char byte)
{
	uint64_t word = zone_word(byte);
	zone_wide wide = {word, word};

	if (n > 256) {
		memset(at, byte, n);
		return;
	}
	if (n < 16) {
		memcpy(at, &word, n < 8 ? n : 8);
		if (n > 8)
			memcpy(at + n - 8, &word, 8);
		return;
	}
	for (size_t i = 0; i + 16 < n; i += 16)
		memcpy(at + i, &wide, 16);
	memcpy(at + n - 16, &wide, 16);
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

/* Are they all as they should be, of an object that is out, or at home? */
bool debug_zones_are(const struct kmem_cache *cache, const void *object, bool out);
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

/* SPDX-License-Identifier: MIT */
/* What a block of the stress test is, and the pattern by which it is known. */
#ifndef TESTS_STRESS_PATTERN_H
#define TESTS_STRESS_PATTERN_H

#include "stress.h"

#include <errno.h>

enum kind { BLOCK, OBJECT, PAGES };

struct item {
	unsigned char *addr;
	size_t nbytes;
	enum kind kind;
	unsigned cache; /* of an OBJECT */
	uint32_t tag;
};

/* The bytes of a block that carry the pattern: its first, its last, eight on each page. */
static inline bool marked(size_t i, size_t nbytes)
{
	return i < 512 || i % 4096 < 8 || i + 64 >= nbytes;
}

static inline size_t next_marked(size_t i, size_t nbytes)
{
	if (marked(i, nbytes))
		return i;
	i = (i | 4095) + 1;
	return i + 64 >= nbytes ? nbytes - 64 : i;
}

static inline unsigned char pattern(uint32_t tag, size_t i)
{
	return (unsigned char)(tag + i * 7 + (i >> 12));
}

static inline void fill(const struct item *item)
{
	for (size_t i = 0; i < item->nbytes; i = next_marked(i + 1, item->nbytes))
		item->addr[i] = pattern(item->tag, i);
}

/* The item is what was allocated at addr, with a pattern of its own. */
static inline void own(uint64_t *random, struct item *item, void *addr, size_t nbytes,
		       enum kind kind)
{
	if (!addr)
		die("no memory for %zu bytes of kind %d: errno %d", nbytes, (int)kind, errno);
	item->addr = addr;
	item->nbytes = nbytes;
	item->kind = kind;
	item->tag = (uint32_t)next_random(random);
	fill(item);
}

/* The first upto bytes still are what fill wrote. */
static inline void verify(const struct item *item, const unsigned char *addr, size_t upto)
{
	for (size_t i = 0; i < upto; i = next_marked(i + 1, item->nbytes))
		if (addr[i] != pattern(item->tag, i))
			die("byte %zu of %zu at %p (kind %d, cache %u) is %02x, not %02x", i,
			    item->nbytes, (const void *)addr, (int)item->kind, item->cache, addr[i],
			    pattern(item->tag, i));
}

#endif

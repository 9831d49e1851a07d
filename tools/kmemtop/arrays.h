/* SPDX-License-Identifier: MIT */
/* Arrays that grow, and that are searched by address. */
#ifndef KMEMTOP_ARRAYS_H
#define KMEMTOP_ARRAYS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* array, with room for one more than its n entries; NULL, and array as it was, if there is none. */
static inline void *array_grown(void *array, size_t n, size_t nbytes)
{
	return n & (n - 1) ? array : reallocarray(array, n ? 2 * n : 1, nbytes);
}

/* See ARRAY_LAST. */
static inline const void *array_last(const void *array, size_t n, size_t nbytes, size_t offset,
				     uint64_t addr)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t start;

		memcpy(&start, (const char *)array + middle * nbytes + offset, sizeof(start));
		if (start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? (const char *)array + (low - 1) * nbytes : NULL;
}

/*
 * The last of array's n entries, sorted by the address that is their member, that does not begin
 * above addr; NULL: none.
 */
#define ARRAY_LAST(array, n, member, addr)                                                         \
	array_last(array, n, sizeof((array)[0]), offsetof(__typeof__((array)[0]), member), addr)

#endif

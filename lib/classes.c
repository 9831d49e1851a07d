// SPDX-License-Identifier: MIT
/*
 * From size to slot: a table that the compiler makes. It is a page of the library's
 * file, which processes share; one filled at start was two pages of each process.
 */
#include "lib/classes.h"

#include "lib/core.h"
#include "slab/thread.h"

/* Those whose class is the i-th. */
#define ENTRIES(i)                                                                                 \
	[(i) ? CLASS_SIZE((i)-1u) / 16 + 1 : 0 ... CLASS_SIZE(i) / 16] =                           \
		(ID_CLASSES + (i)) * sizeof(struct slot),
#define FOUR(i)	   ENTRIES(i) ENTRIES((i) + 1u) ENTRIES((i) + 2u) ENTRIES((i) + 3u)
#define SIXTEEN(i) FOUR(i) FOUR((i) + 4u) FOUR((i) + 8u) FOUR((i) + 12u)

const uint16_t class_slots[SMALL_MAX / 16 + 1] = {SIXTEEN(0u) SIXTEEN(16u) SIXTEEN(32u) FOUR(48u)};
extern const uint16_t kmem_core_class_slots[SMALL_MAX / 16 + 1]
	__attribute__((alias("class_slots")));

_Static_assert(NCLASSES == 52, "each has its entries");
_Static_assert(CLASS_SIZE(NCLASSES - 1) == SMALL_MAX, "no entry is left out");

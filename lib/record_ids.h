/* SPDX-License-Identifier: MIT */
/*
 * The id of each recorded block, found by its address without a search or a lock: a word for each
 * 16 bytes of address space, in leaves of a GiB that are reserved where a block is seen, and
 * resident where words are written. Who allocates or frees the block writes its word.
 */
#ifndef LIB_RECORD_IDS_H
#define LIB_RECORD_IDS_H

#include <stdbool.h>
#include <stdint.h>

/* | stream 20 | serial 44 |; of all ids one more, as 0 is none */
typedef uint64_t record_id;

#define RECORD_SERIAL_BITS 44

static inline record_id record_id_make(uint32_t stream, uint64_t serial)
{
	return ((uint64_t)stream << RECORD_SERIAL_BITS | serial) + 1;
}

static inline uint32_t record_id_stream(record_id id)
{
	return (uint32_t)((id - 1) >> RECORD_SERIAL_BITS);
}

static inline uint64_t record_id_serial(record_id id)
{
	return (id - 1) & (((uint64_t)1 << RECORD_SERIAL_BITS) - 1);
}

/* false: no memory. */
bool record_ids_start(void);
/* The block's id, 0 if it was not recorded; from now on it has none. */
record_id record_ids_take(const void *block);
/* false: it cannot have one. */
bool record_ids_set(const void *block, record_id id);

#endif

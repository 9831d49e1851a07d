/* SPDX-License-Identifier: MIT */
/* Numbers and pointers as call frame information has them written (DWARF 5, 7.6; LSB 5, 10.5). */
#ifndef BUDDY_CFI_BYTES_H
#define BUDDY_CFI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Pointer encodings: the low four bits say how it is written, the next three relative to what. */
enum {
	ENC_ABS = 0x00,
	ENC_UDATA2 = 0x02,
	ENC_UDATA4 = 0x03,
	ENC_UDATA8 = 0x04,
	ENC_SDATA2 = 0x0a,
	ENC_SDATA4 = 0x0b,
	ENC_SDATA8 = 0x0c,
	ENC_PCREL = 0x10,
	ENC_DATAREL = 0x30,
	ENC_TABLE = ENC_DATAREL | ENC_SDATA4,
};

/* Bytes that are read in order; beyond the end they are 0 and it is bad. */
struct bytes {
	const uint8_t *at, *end;
	bool bad;
};

static inline uint64_t bytes_get(struct bytes *bytes, unsigned nbytes)
{
	uint64_t value = 0;

	if ((size_t)(bytes->end - bytes->at) < nbytes) {
		bytes->bad = true;
		bytes->at = bytes->end;
		return 0;
	}
	memcpy(&value, bytes->at, nbytes);
	bytes->at += nbytes;
	return value;
}

static inline void bytes_skip(struct bytes *bytes, uint64_t nbytes)
{
	if (nbytes > (uint64_t)(bytes->end - bytes->at)) {
		bytes->bad = true;
		nbytes = (uint64_t)(bytes->end - bytes->at);
	}
	bytes->at += nbytes;
}

static inline uint64_t bytes_leb(struct bytes *bytes, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0, byte;

	do {
		byte = (unsigned)bytes_get(bytes, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return value;
}

/* A length, and so many bytes. */
static inline struct bytes bytes_block(struct bytes *bytes)
{
	uint64_t nbytes = bytes_leb(bytes, false);
	struct bytes block = {bytes->at, bytes->at, false};

	bytes_skip(bytes, nbytes);
	block.end = bytes->at;
	return block;
}

/* A pointer as encoded, and base for those relative to the table; 0 where we do not know how. */
static inline uintptr_t bytes_pointer(struct bytes *bytes, unsigned encoding, uintptr_t base)
{
	uintptr_t here = (uintptr_t)bytes->at, value;

	switch (encoding & 0x0f) {
	case ENC_SDATA4:
		value = (uintptr_t)(int64_t)(int32_t)bytes_get(bytes, 4);
		break;
	case ENC_UDATA4:
		value = bytes_get(bytes, 4);
		break;
	case ENC_SDATA2:
		value = (uintptr_t)(int64_t)(int16_t)bytes_get(bytes, 2);
		break;
	case ENC_UDATA2:
		value = bytes_get(bytes, 2);
		break;
	case ENC_ABS:
	case ENC_UDATA8:
	case ENC_SDATA8:
		value = bytes_get(bytes, 8);
		break;
	default:
		bytes->bad = true;
		return 0;
	}
	if ((encoding & 0x70) == ENC_PCREL)
		return value + here;
	return (encoding & 0x70) == ENC_DATAREL ? value + base : value;
}

#endif

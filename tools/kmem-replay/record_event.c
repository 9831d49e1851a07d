// SPDX-License-Identifier: MIT
/* See record_event.h. */
#include "record_event.h"

/* n with seven bits from each byte, the first of them at shift; the bytes; 0: it does not end. */
static size_t get_number(uint64_t *n, unsigned shift, const unsigned char *bytes, size_t nbytes)
{
	for (size_t i = 0; i < nbytes && shift < 64; i++, shift += 7) {
		*n |= (uint64_t)(bytes[i] & 0x7f) << shift;
		if (!(bytes[i] & 0x80))
			return i + 1;
	}
	return 0;
}

/* How many numbers it has by its kind; 0: there is no such. */
static unsigned count_of(unsigned kind, uint64_t first)
{
	static const unsigned counts[] = {
		[KMEM_RECORD_MALLOC] = 1,     [KMEM_RECORD_FREE] = 1,
		[KMEM_RECORD_FREE_OTHER] = 2, [KMEM_RECORD_REALLOC] = 2,
		[KMEM_RECORD_ALIGNED] = 2,    [KMEM_RECORD_REALLOC_OTHER] = 3,
		[KMEM_RECORD_MORE] = 2,
	};

	if (kind != KMEM_RECORD_MORE)
		return counts[kind];
	if (first > KMEM_RECORD_FROM)
		return 0;
	return first >= KMEM_RECORD_PARENT ? 3 : 2;
}

size_t event_get(struct event *event, const unsigned char *bytes, size_t nbytes)
{
	size_t at = 1, n;

	*event = (struct event){.kind = bytes[0] & 7, .numbers = {bytes[0] >> 3 & 15}};
	if (bytes[0] & 0x80) {
		n = get_number(&event->numbers[0], 4, bytes + at, nbytes - at);
		if (!n)
			return 0;
		at += n;
	}
	event->count = count_of(event->kind, event->numbers[0]);
	for (unsigned i = 1; i < event->count; i++, at += n) {
		n = get_number(&event->numbers[i], 0, bytes + at, nbytes - at);
		if (!n)
			return 0;
	}
	return event->count ? at : 0;
}

static size_t put_number(uint64_t n, unsigned char *bytes)
{
	size_t i = 0;

	for (; n > 0x7f; n >>= 7)
		bytes[i++] = (unsigned char)(n | 0x80);
	bytes[i++] = (unsigned char)n;
	return i;
}

size_t event_put(const struct event *event, unsigned char *bytes)
{
	uint64_t first = event->numbers[0];
	size_t at = 1;

	bytes[0] = (unsigned char)(event->kind | (first & 15) << 3 | (first > 15) << 7);
	if (first > 15)
		at += put_number(first >> 4, bytes + at);
	for (unsigned i = 1; i < event->count; i++)
		at += put_number(event->numbers[i], bytes + at);
	return at;
}

/* SPDX-License-Identifier: MIT */
/* One event of a recording, from its bytes and into them: kmem/record.h has the form. */
#ifndef KMEM_REPLAY_RECORD_EVENT_H
#define KMEM_REPLAY_RECORD_EVENT_H

#include <kmem/record.h>

#include <stddef.h>
#include <stdint.h>

#define EVENT_NUMBERS 3u

struct event {
	unsigned kind; /* enum kmem_record_event; 0: there is none */
	unsigned count;
	uint64_t numbers[EVENT_NUMBERS];
};

/* The bytes of the event that begins there, among nbytes; 0: it is none that can be. */
size_t event_get(struct event *event, const unsigned char *bytes, size_t nbytes);
/* Into bytes, of which there are KMEM_RECORD_EVENT_MOST; how many it took. */
size_t event_put(const struct event *event, unsigned char *bytes);

static inline int64_t event_unzigzag(uint64_t n)
{
	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static inline uint64_t event_zigzag(int64_t n)
{
	return (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
}

#endif

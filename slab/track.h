/* SPDX-License-Identifier: MIT */
/* Who allocated or freed an object, kept behind it in a cache with SLAB_STORE_USER. */
#ifndef SLAB_TRACK_H
#define SLAB_TRACK_H

#include <stdint.h>

struct track {
	uint32_t stack; /* number, buddy/stacks.h; 0: nobody was seen */
	uint32_t tid;	/* 0: nobody did */
	uint32_t when_ms;
	uint32_t cpu;
};

/* This thread, here and now. */
void track_set(struct track *track);
/* Doing it, its age at that time, and the stack; nothing if nobody did. */
void track_print(const char *doing, const struct track *track, uint32_t now_ms);
/* Who allocated an object and who freed it, aged at one time: to name the first stack may take
 * long. */
void tracks_print(const struct track tracks[2]);

#endif

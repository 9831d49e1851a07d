/* SPDX-License-Identifier: MIT */
/* Payload and usable bytes, kept up by all threads, and memory looked at every so many requests. */
#ifndef KMEM_REPLAY_SAMPLING_H
#define KMEM_REPLAY_SAMPLING_H

#include "allocator.h"
#include "replay.h"

/* A first look at memory, into at_peak. */
void sampling_start(const struct plan *plan, const struct allocator *allocator,
		    struct results *results);
/* What was there before the first request to be measured is there. */
void sampling_begin(void);
/* Differences, modulo 2^64. */
void sampling_change(uint64_t payload, uint64_t usable);
/* The request with the number, of those to be measured, is done. */
void sampling_after(uint64_t number);
void sampling_end(void);

#endif

/* SPDX-License-Identifier: MIT */
/* A request made, and by several threads in turn. */
#ifndef KMEM_REPLAY_SERVE_H
#define KMEM_REPLAY_SERVE_H

#include "allocator.h"
#include "replay.h"

#include <stdatomic.h>

struct slot {
	char *block;
	uint64_t nbytes, usable;
	_Atomic uint32_t turn;
};

/* What a replay works on; it does not change once the first request is made. */
struct serving {
	const struct plan *plan;
	const struct request *requests;
	struct slot *slots;  /* by block */
	uint32_t *latencies; /* of those measured, in MODE_LATENCY */
	struct allocator allocator;
	enum mode mode;
};

extern struct serving serving;

/* Ends the replay, which failed. */
_Noreturn void stop(const char *why);
/* Private memory without a name, or the file's, shared; all of it touched. */
void *map(size_t nbytes, int file);

/* Those before the ones that are measured. */
void serve_before(void);
/* The others, one after the other. */
void serve_all(void);
/* That of the number, by whichever thread. */
void serve_one(uint64_t number);

/*
 * Each thread does its requests in their order, and each request on a block waits for the one
 * before it on the same block. No thread runs further ahead of the slowest than a window, so that
 * the order is about that of the recording. start: they wait for the first request.
 */
void threads_start(void);
void threads_serve_all(void);

#endif

/* SPDX-License-Identifier: MIT */
/* A trace: the requests of a program in one order, each on a block by its number. */
#ifndef KMEM_REPLAY_TRACE_H
#define KMEM_REPLAY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op { OP_MALLOC, OP_CALLOC, OP_ALIGNED, OP_REALLOC, OP_FREE, OPS };

struct request {
	uint8_t op;
	uint8_t align_log2; /* of OP_ALIGNED */
	uint32_t thread;
	uint32_t block;
	uint32_t turn; /* how many requests on the block came before this one */
	uint64_t nbytes;
};

struct trace {
	struct request *requests;
	size_t nrequests, room;
	size_t nbefore; /* the first so many were the parent's, before this process was forked */
	uint32_t nblocks, nthreads;
	uint64_t counts[OPS];
	/* The payload is the sum of the bytes asked for of all live blocks. */
	uint64_t peak_payload, end_payload;
	size_t peak_request; /* the first after which it is largest; nrequests: before all */
	uint64_t file_bytes, nevents;
};

/* Says what is wrong, and exits with 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Memory, or fail. */
void *must_realloc(void *old, size_t nbytes);
/* Room for one more of so many of nbytes each. */
void *make_room(void *array, size_t count, size_t *room, size_t nbytes);

void trace_add(struct trace *trace, struct request request);
/* Turns, counts and payloads, once all requests are there. Fails on one that makes no sense. */
void trace_finish(struct trace *trace, const char *path);
/* All by one thread. */
void trace_flatten(struct trace *trace);
/* Of the parent's requests those stay that allocate what was left at the fork, as the child's. */
void trace_stand_alone(struct trace *trace);
/* A block's number is the next new block's once it is free: few numbers, to be kept at hand. */
void trace_renumber(struct trace *trace);

/* A recording or a text, told apart by the first bytes. */
void trace_read(struct trace *trace, const char *path);
void record_read(struct trace *trace, const char *path);
void text_read(struct trace *trace, const char *path);
void record_write(const struct trace *trace, const char *path);
void text_write(const struct trace *trace);

#endif

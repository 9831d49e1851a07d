// SPDX-License-Identifier: MIT
/* See trace.h. */
#include "trace.h"

#include <kmem/record.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "kmem-replay: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

void *must_realloc(void *old, size_t nbytes)
{
	void *block = realloc(old, nbytes ? nbytes : 1);

	if (!block)
		fail("no memory for %zu bytes", nbytes);
	return block;
}

void *make_room(void *array, size_t count, size_t *room, size_t nbytes)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 64;
	return must_realloc(array, *room * nbytes);
}

void trace_add(struct trace *trace, struct request request)
{
	trace->requests =
		make_room(trace->requests, trace->nrequests, &trace->room, sizeof(request));
	trace->requests[trace->nrequests++] = request;
}

/* What is known of a block on the way through the trace. */
struct life {
	bool live;
	uint32_t turns;
	uint64_t nbytes;
};

static void check(const struct request *request, const struct life *life, size_t number,
		  const char *path)
{
	bool begins = request->op != OP_FREE && request->op != OP_REALLOC;

	if (begins && life->live)
		fail("%s: request %zu allocates block %u, which is in use", path, number,
		     request->block);
	if (!begins && !life->live)
		fail("%s: request %zu is for block %u, which is not in use", path, number,
		     request->block);
}

static void count(struct trace *trace, size_t number, uint64_t payload)
{
	const struct request *request = &trace->requests[number];

	trace->counts[request->op]++;
	if (request->thread >= trace->nthreads)
		trace->nthreads = request->thread + 1;
	if (payload > trace->peak_payload) {
		trace->peak_payload = payload;
		trace->peak_request = number;
	}
}

void trace_finish(struct trace *trace, const char *path)
{
	struct life *lives = must_realloc(NULL, trace->nblocks * sizeof(*lives));
	uint64_t payload = 0;

	memset(lives, 0, trace->nblocks * sizeof(*lives));
	for (size_t i = 0; i < trace->nrequests; i++) {
		struct request *request = &trace->requests[i];
		struct life *life = &lives[request->block];

		check(request, life, i + 1, path);
		request->turn = life->turns++;
		life->live = request->op != OP_FREE;
		payload += (life->live ? request->nbytes : 0) - life->nbytes;
		life->nbytes = life->live ? request->nbytes : 0;
		if (i >= trace->nbefore) {
			count(trace, i, payload);
		} else {
			trace->peak_payload = payload;
			trace->peak_request = trace->nrequests;
		}
	}
	trace->end_payload = payload;
	free(lives);
	if (trace->nrequests == trace->nbefore)
		fail("%s: there is no request in it", path);
}

void trace_flatten(struct trace *trace)
{
	for (size_t i = 0; i < trace->nrequests; i++)
		trace->requests[i].thread = 0;
	trace->nthreads = 1;
}

void trace_stand_alone(struct trace *trace)
{
	struct request *last = must_realloc(NULL, trace->nblocks * sizeof(*last));
	size_t nkept = 0;

	for (uint32_t i = 0; i < trace->nblocks; i++)
		last[i] = (struct request){.op = OP_FREE};
	for (size_t i = 0; i < trace->nbefore; i++) {
		struct request request = trace->requests[i];
		struct request *kept = &last[request.block];

		if (request.op == OP_REALLOC) {
			request.op = kept->op;
			request.align_log2 = kept->align_log2;
		}
		*kept = request;
	}
	for (uint32_t i = 0; i < trace->nblocks; i++)
		if (last[i].op != OP_FREE)
			trace->requests[nkept++] = last[i];
	memmove(trace->requests + nkept, trace->requests + trace->nbefore,
		(trace->nrequests - trace->nbefore) * sizeof(*trace->requests));
	trace->nrequests -= trace->nbefore - nkept;
	trace->nbefore = 0;
	free(last);
}

void trace_renumber(struct trace *trace)
{
	uint32_t *numbers = must_realloc(NULL, trace->nblocks * sizeof(*numbers));
	uint32_t *unused = must_realloc(NULL, trace->nblocks * sizeof(*unused));
	uint32_t nunused = 0, nblocks = 0;

	for (size_t i = 0; i < trace->nrequests; i++) {
		struct request *request = &trace->requests[i];
		uint32_t *number = &numbers[request->block];

		if (request->op == OP_FREE)
			unused[nunused++] = *number;
		else if (request->op != OP_REALLOC)
			*number = nunused ? unused[--nunused] : nblocks++;
		request->block = *number;
	}
	trace->nblocks = nblocks;
	free(numbers);
	free(unused);
}

void trace_read(struct trace *trace, const char *path)
{
	FILE *file = fopen(path, "re");
	uint32_t magic = 0;
	size_t n;

	if (!file)
		fail("%s: %m", path);
	n = fread(&magic, 1, sizeof(magic), file);
	fclose(file);
	if (n == sizeof(magic) && magic == KMEM_RECORD_MAGIC)
		record_read(trace, path);
	else
		text_read(trace, path);
	trace_finish(trace, path);
}

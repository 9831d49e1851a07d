// SPDX-License-Identifier: MIT
/* A trace as a recording. Each change of thread is a tick, so that the order is kept exactly. */
#include "record_event.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16 << 10)
#define HEAD  (sizeof(struct kmem_record_chunk))

struct stream {
	unsigned char *chunk; /* NULL: none yet */
	size_t at;
	uint32_t index;
	uint64_t tick, allocated, last_other;
};

/* The id of a block, as the events name it. */
struct id {
	uint32_t stream;
	uint64_t serial;
};

struct writing {
	FILE *file;
	const char *path;
	struct stream *streams;
	struct id *ids; /* by block */
};

static void chunk_write(struct writing *writing, uint32_t number, bool is_full)
{
	struct stream *stream = &writing->streams[number];
	struct kmem_record_chunk head = {.magic = KMEM_RECORD_MAGIC,
					 .stream = number,
					 .index = stream->index++,
					 .nbytes = CHUNK};

	if (is_full) {
		head.used = (uint32_t)stream->at;
		head.sum = kmem_record_sum(stream->chunk + HEAD, CHUNK - HEAD);
	}
	memcpy(stream->chunk, &head, HEAD);
	if (fwrite(stream->chunk, CHUNK, 1, writing->file) != 1)
		fail("%s: %m", writing->path);
}

static void put(struct writing *writing, uint32_t number, struct event event)
{
	struct stream *stream = &writing->streams[number];
	unsigned char bytes[KMEM_RECORD_EVENT_MOST];
	size_t n = event_put(&event, bytes);

	if (stream->chunk && stream->at + n > CHUNK) {
		chunk_write(writing, number, true);
		memset(stream->chunk, 0, CHUNK);
		stream->at = HEAD;
	}
	if (!stream->chunk) {
		stream->chunk = must_realloc(NULL, CHUNK);
		memset(stream->chunk, 0, CHUNK);
		stream->at = HEAD;
	}
	memcpy(stream->chunk + stream->at, bytes, n);
	stream->at += n;
}

/* How a request names its block, into the event. */
static void name(struct writing *writing, const struct request *request, struct event *event)
{
	struct stream *stream = &writing->streams[request->thread];
	struct id id = writing->ids[request->block];

	if (id.stream == request->thread) {
		event->numbers[event->count++] = stream->allocated - 1 - id.serial;
		return;
	}
	event->kind++; /* to that of another stream's */
	event->numbers[event->count++] = id.stream;
	event->numbers[event->count++] = event_zigzag((int64_t)(id.serial - stream->last_other));
	stream->last_other = id.serial;
}

static struct event event_of(struct writing *writing, const struct request *request)
{
	static const unsigned kinds[OPS] = {[OP_MALLOC] = KMEM_RECORD_MALLOC,
					    [OP_CALLOC] = KMEM_RECORD_MORE,
					    [OP_ALIGNED] = KMEM_RECORD_ALIGNED,
					    [OP_REALLOC] = KMEM_RECORD_REALLOC,
					    [OP_FREE] = KMEM_RECORD_FREE};
	struct event event = {.kind = kinds[request->op]};

	if (request->op == OP_CALLOC)
		event.numbers[event.count++] = KMEM_RECORD_CALLOC;
	if (request->op == OP_ALIGNED)
		event.numbers[event.count++] = request->align_log2;
	if (request->op == OP_REALLOC || request->op == OP_FREE)
		name(writing, request, &event);
	if (request->op != OP_FREE)
		event.numbers[event.count++] = request->nbytes;
	return event;
}

static void write_request(struct writing *writing, const struct request *request, uint64_t tick)
{
	struct stream *stream = &writing->streams[request->thread];

	if (tick != stream->tick)
		put(writing, request->thread,
		    (struct event){.kind = KMEM_RECORD_MORE,
				   .count = 2,
				   .numbers = {KMEM_RECORD_TICK, tick - stream->tick}});
	stream->tick = tick;
	put(writing, request->thread, event_of(writing, request));
	if (request->op != OP_FREE)
		writing->ids[request->block] = (struct id){request->thread, stream->allocated++};
}

void record_write(const struct trace *trace, const char *path)
{
	struct writing writing = {.path = path, .file = fopen(path, "we")};
	uint64_t tick = 0;

	if (!writing.file)
		fail("%s: %m", path);
	writing.streams = must_realloc(NULL, trace->nthreads * sizeof(*writing.streams));
	memset(writing.streams, 0, trace->nthreads * sizeof(*writing.streams));
	writing.ids = must_realloc(NULL, trace->nblocks * sizeof(*writing.ids));
	for (size_t i = 0; i < trace->nrequests; i++) {
		if (i > 0 && trace->requests[i].thread != trace->requests[i - 1].thread)
			tick++;
		write_request(&writing, &trace->requests[i], tick);
	}
	for (uint32_t i = 0; i < trace->nthreads; i++)
		if (writing.streams[i].chunk) {
			chunk_write(&writing, i, false);
			free(writing.streams[i].chunk);
		}
	if (fclose(writing.file) == EOF)
		fail("%s: %m", path);
	free(writing.streams);
	free(writing.ids);
}

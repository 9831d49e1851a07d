// SPDX-License-Identifier: MIT
/*
 * A recording as a trace: the streams merged by their ticks, and so that a block is allocated
 * before it is named. Of a child of fork the parent's part comes first, up to the fork.
 */
#include "record_event.h"
#include "record_file.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GONE	     UINT32_MAX
#define STREAM_LIMIT ((uint32_t)1 << 20)
#define DEPTH_MOST   100 /* of forks: files that name each other are damaged */

/* The blocks that a stream allocated, by serial. */
struct ids {
	uint32_t *blocks; /* GONE: freed, or with another id */
	size_t count, room;
};

struct stream {
	uint32_t number, thread;
	const unsigned char *bytes;
	size_t nbytes, at;
	uint64_t tick, last_other;
	struct event event; /* the next; kind 0: no more */
};

struct reading {
	struct trace *trace;
	const char *path;
	struct ids *ids; /* by stream's number, of all generations */
	uint32_t nids;
	uint32_t nthreads;
	int depth;
};

/* How much of a parent's streams happened before the fork. */
struct until {
	uint32_t parent; /* 0: there is none */
	uint32_t image;
	struct event *from;
	size_t count, room;
};

static void read_process(struct reading *reading, const char *path, const struct until *until);

static struct ids *ids_of(struct reading *reading, uint64_t stream)
{
	if (stream >= STREAM_LIMIT)
		fail("%s: damaged: there is no stream %" PRIu64, reading->path, stream);
	if (stream >= reading->nids) {
		reading->ids = must_realloc(reading->ids, (stream + 1) * sizeof(*reading->ids));
		memset(reading->ids + reading->nids, 0,
		       (stream + 1 - reading->nids) * sizeof(*reading->ids));
		reading->nids = (uint32_t)stream + 1;
	}
	return &reading->ids[stream];
}

static bool decode(const struct reading *reading, struct stream *stream, struct event *event)
{
	const unsigned char *bytes = stream->bytes + stream->at;
	size_t rest = stream->nbytes - stream->at, n;

	event->kind = 0;
	if (!rest)
		return false;
	if (!*bytes) {
		for (size_t i = 0; i < rest; i++)
			if (bytes[i])
				fail("%s: damaged: stream %u goes on behind its end", reading->path,
				     stream->number);
		return false;
	}
	n = event_get(event, bytes, rest);
	if (!n)
		fail("%s: damaged: byte %zu of stream %u begins no event", reading->path,
		     stream->at, stream->number);
	stream->at += n;
	return true;
}

/* The next event that is a request; ticks pass. */
static void fetch(const struct reading *reading, struct stream *stream)
{
	while (decode(reading, stream, &stream->event)) {
		reading->trace->nevents++;
		if (stream->event.kind != KMEM_RECORD_MORE ||
		    stream->event.numbers[0] == KMEM_RECORD_CALLOC)
			return;
		if (stream->event.numbers[0] == KMEM_RECORD_TICK)
			stream->tick += stream->event.numbers[1];
	}
}

/* What the file's streams say of the parent, each at its beginning. */
static void find_parent(const struct reading *reading, const struct record_file *file,
			struct until *until)
{
	struct event event;

	for (size_t i = 0; i < file->nstreams; i++) {
		struct stream stream = {.number = file->streams[i].stream,
					.bytes = file->streams[i].bytes,
					.nbytes = file->streams[i].nbytes};

		while (decode(reading, &stream, &event) && event.kind == KMEM_RECORD_MORE &&
		       event.numbers[0] >= KMEM_RECORD_PARENT) {
			if (event.numbers[0] == KMEM_RECORD_PARENT) {
				until->parent = (uint32_t)event.numbers[1];
				until->image = (uint32_t)event.numbers[2];
				continue;
			}
			until->from =
				make_room(until->from, until->count, &until->room, sizeof(event));
			until->from[until->count++] = event;
		}
	}
}

/* Bytes of the stream's events that count. */
static size_t counted(const struct events *events, const struct until *until)
{
	for (size_t i = 0; until && i < until->count; i++)
		if (until->from[i].numbers[1] == events->stream)
			return until->from[i].numbers[2] < events->nbytes
				       ? until->from[i].numbers[2]
				       : events->nbytes;
	return until ? 0 : events->nbytes;
}

/* The block that an event names, and where its id is kept; NULL: it is not allocated yet. */
static uint32_t *named(struct reading *reading, const struct stream *stream)
{
	const struct event *event = &stream->event;
	struct ids *ids;
	uint64_t serial;

	if (event->kind == KMEM_RECORD_FREE || event->kind == KMEM_RECORD_REALLOC) {
		ids = ids_of(reading, stream->number);
		serial = ids->count - 1 - event->numbers[0];
		if (event->numbers[0] >= ids->count)
			fail("%s: damaged: stream %u names a block from before its first",
			     reading->path, stream->number);
	} else {
		ids = ids_of(reading, event->numbers[0]);
		serial = stream->last_other + (uint64_t)event_unzigzag(event->numbers[1]);
	}
	return serial < ids->count ? &ids->blocks[serial] : NULL;
}

static bool names_a_block(const struct event *event)
{
	return event->kind >= KMEM_RECORD_FREE && event->kind <= KMEM_RECORD_REALLOC_OTHER;
}

static bool is_ready(struct reading *reading, const struct stream *stream)
{
	return stream->event.kind &&
	       (!names_a_block(&stream->event) || named(reading, stream) != NULL);
}

static void new_id(struct reading *reading, const struct stream *stream, uint32_t block)
{
	struct ids *ids = ids_of(reading, stream->number);

	ids->blocks = make_room(ids->blocks, ids->count, &ids->room, sizeof(*ids->blocks));
	ids->blocks[ids->count++] = block;
}

/* The block, whose id ends here. */
static uint32_t end_id(struct reading *reading, struct stream *stream)
{
	const struct event *event = &stream->event;
	uint32_t *place = named(reading, stream), block = *place;

	if (block == GONE)
		fail("%s: damaged: stream %u frees a block twice", reading->path, stream->number);
	*place = GONE;
	if (event->kind == KMEM_RECORD_FREE_OTHER || event->kind == KMEM_RECORD_REALLOC_OTHER)
		stream->last_other += (uint64_t)event_unzigzag(event->numbers[1]);
	return block;
}

static void apply(struct reading *reading, struct stream *stream)
{
	static const uint8_t ops[] = {
		[KMEM_RECORD_MALLOC] = OP_MALLOC,	  [KMEM_RECORD_FREE] = OP_FREE,
		[KMEM_RECORD_FREE_OTHER] = OP_FREE,	  [KMEM_RECORD_REALLOC] = OP_REALLOC,
		[KMEM_RECORD_REALLOC_OTHER] = OP_REALLOC, [KMEM_RECORD_ALIGNED] = OP_ALIGNED,
		[KMEM_RECORD_MORE] = OP_CALLOC,
	};
	const struct event *event = &stream->event;
	struct request request = {.op = ops[event->kind]};

	if (stream->thread == GONE)
		stream->thread = reading->nthreads++;
	request.thread = stream->thread;
	if (request.op == OP_ALIGNED && event->numbers[0] > 40)
		fail("%s: damaged: stream %u aligns to 2^%" PRIu64, reading->path, stream->number,
		     event->numbers[0]);
	if (request.op == OP_ALIGNED)
		request.align_log2 = (uint8_t)event->numbers[0];
	if (request.op != OP_FREE)
		request.nbytes = event->numbers[event->count - 1];
	request.block = names_a_block(event) ? end_id(reading, stream) : reading->trace->nblocks++;
	if (request.op != OP_FREE)
		new_id(reading, stream, request.block);
	trace_add(reading->trace, request);
}

/* The one of the lowest tick whose next event may happen. */
static struct stream *next_stream(struct reading *reading, struct stream *streams, size_t nstreams)
{
	struct stream *best = NULL;

	for (size_t i = 0; i < nstreams; i++)
		if ((!best || streams[i].tick < best->tick) && is_ready(reading, &streams[i]))
			best = &streams[i];
	return best;
}

static void merge(struct reading *reading, struct stream *streams, size_t nstreams)
{
	struct stream *stream;

	while ((stream = next_stream(reading, streams, nstreams))) {
		uint64_t tick = stream->tick;

		do {
			apply(reading, stream);
			fetch(reading, stream);
		} while (stream->tick == tick && is_ready(reading, stream));
	}
	for (size_t i = 0; i < nstreams; i++)
		if (streams[i].event.kind)
			fail("%s: damaged: stream %u names a block that nobody allocates",
			     reading->path, streams[i].number);
}

/* All requests so far are of before the fork, and none of this process's threads made them. */
static void end_parent(struct reading *reading)
{
	struct trace *trace = reading->trace;

	for (size_t i = 0; i < trace->nrequests; i++)
		trace->requests[i].thread = 0;
	trace->nbefore = trace->nrequests;
	trace->nevents = 0;
	reading->nthreads = 0;
}

static void read_parent(struct reading *reading, const char *path, const struct until *until)
{
	const char *dot = strrchr(path, '.');
	char *parent;

	if (++reading->depth > DEPTH_MOST)
		fail("%s: damaged: it has too many ancestors", path);
	if (!dot || asprintf(&parent, "%.*s.%u", (int)(dot - path), path, until->parent) < 0)
		fail("%s: the record of a child of process %u: the name must end with a dot and "
		     "its own pid",
		     path, until->parent);
	if (access(parent, R_OK) < 0)
		fail("%s: the record of a child of process %u: %s is needed as well", path,
		     until->parent, parent);
	read_process(reading, parent, until);
	reading->path = path;
	end_parent(reading);
	free(parent);
}

static void read_process(struct reading *reading, const char *path, const struct until *until)
{
	struct until before = {.parent = 0};
	struct record_file file;
	struct stream *streams;

	reading->path = path;
	record_file_read(&file, path);
	if (until && file.image != until->image)
		fail("%s: the record of another program than forked: it was replaced by exec",
		     path);
	find_parent(reading, &file, &before);
	if (before.parent)
		read_parent(reading, path, &before);
	streams = must_realloc(NULL, file.nstreams * sizeof(*streams));
	for (size_t i = 0; i < file.nstreams; i++) {
		streams[i] = (struct stream){.number = file.streams[i].stream,
					     .thread = GONE,
					     .bytes = file.streams[i].bytes,
					     .nbytes = counted(&file.streams[i], until)};
		fetch(reading, &streams[i]);
	}
	merge(reading, streams, file.nstreams);
	reading->trace->file_bytes = file.nbytes;
	free(streams);
	free(before.from);
	record_file_free(&file);
}

void record_read(struct trace *trace, const char *path)
{
	struct reading reading = {.trace = trace};

	read_process(&reading, path, NULL);
	for (uint32_t i = 0; i < reading.nids; i++)
		free(reading.ids[i].blocks);
	free(reading.ids);
}

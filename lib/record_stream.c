// SPDX-License-Identifier: MIT
/* See record_stream.h. */
#include "lib/record_stream.h"

#include "buddy/report.h"
#include "buddy/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define CHUNK_LEAST   ((size_t)16 << 10)
#define STREAMS_MOST  4096u
#define STREAM_LIMIT  (1u << (64 - RECORD_SERIAL_BITS))
#define EVENTS_A_TICK 64u /* of one stream, between ticks of its own */
#define HEAD	      (sizeof(struct kmem_record_chunk))

struct stream {
	struct kmem_record_chunk *chunk; /* NULL: none yet */
	uint32_t at;			 /* in the chunk: end of events */
	uint32_t number;
	uint32_t nchunks;
	uint32_t tick;
	uint32_t countdown;  /* events to its next tick */
	_Atomic bool taken;  /* by a thread */
	uint64_t allocated;  /* the next serial */
	uint64_t past;	     /* bytes of events in chunks before this one */
	uint64_t last_other; /* serial last named of another stream */
};

/* What the parent's streams had come to when it forked. */
struct origin {
	uint32_t stream;
	uint64_t nbytes;
};

enum file_state { FILE_NONE, FILE_BUSY, FILE_READY, FILE_LOST };

static struct recorder {
	char path[4096];
	size_t name_len; /* of the path without the pid */
	size_t chunk_bytes;
	uint32_t image;
	uint32_t pid, parent; /* 0: not a child of a recorded process */
	uint32_t first;	      /* number of its first stream */
	uint32_t norigins;
	_Atomic int state; /* of the file */
	_Atomic uint64_t end;
	_Atomic uint32_t nstreams; /* ever taken */
	_Atomic uint32_t ticks;
	struct origin origins[STREAMS_MOST];
	struct stream streams[STREAMS_MOST];
} * recorder;

static __thread struct stream *mine __attribute__((tls_model("initial-exec")));

int streams_start(const char *name)
{
	recorder = sys_map(sizeof(*recorder), 1);
	if (!recorder)
		return -ENOMEM;
	sys_path_absolute(recorder->path, sizeof(recorder->path) - sizeof(".4294967295"), name);
	recorder->name_len = strlen(recorder->path);
	recorder->chunk_bytes = sys_page_up(CHUNK_LEAST);
	recorder->pid = sys_tid();
	memcpy(&recorder->image, sys_random16(), sizeof(recorder->image));
	return 0;
}

static bool is_lost(void)
{
	return atomic_load_explicit(&recorder->state, memory_order_relaxed) == FILE_LOST;
}

/* Nothing more is recorded; said once. */
static void lose(int err)
{
	if (atomic_exchange_explicit(&recorder->state, FILE_LOST, memory_order_relaxed) !=
	    FILE_LOST)
		report("record: '%s': error %d; the record ends here", recorder->path, -err);
}

/* The first to come makes the file; the others wait for it. */
static bool file_ready(void)
{
	int state = FILE_NONE, err;

	/* acquire and release: pair with each other, for the path */
	if (atomic_compare_exchange_strong_explicit(&recorder->state, &state, FILE_BUSY,
						    memory_order_acquire, memory_order_acquire)) {
		report_format(recorder->path + recorder->name_len,
			      sizeof(recorder->path) - recorder->name_len, ".%u", recorder->pid);
		err = sys_file_create(recorder->path);
		if (err < 0)
			lose(err);
		else
			atomic_store_explicit(&recorder->state, FILE_READY, memory_order_release);
	}
	while (state == FILE_BUSY) {
		sys_yield();
		state = atomic_load_explicit(&recorder->state, memory_order_acquire);
	}
	return !is_lost();
}

static void chunk_finish(struct stream *stream)
{
	struct kmem_record_chunk *chunk = stream->chunk;

	if (!chunk)
		return;
	stream->past += stream->at - HEAD;
	chunk->sum = kmem_record_sum(chunk + 1, recorder->chunk_bytes - HEAD);
	chunk->used = stream->at;
	sys_unmap(chunk, recorder->chunk_bytes);
	stream->chunk = NULL;
}

static bool chunk_begin(struct stream *stream)
{
	struct kmem_record_chunk *chunk;
	uint64_t offset;
	int err;

	chunk_finish(stream);
	if (!file_ready())
		return false;
	offset = atomic_fetch_add_explicit(&recorder->end, recorder->chunk_bytes,
					   memory_order_relaxed);
	chunk = sys_file_append(recorder->path, offset, recorder->chunk_bytes, &err);
	if (!chunk) {
		lose(err);
		return false;
	}
	*chunk = (struct kmem_record_chunk){.pid = recorder->pid,
					    .image = recorder->image,
					    .stream = stream->number,
					    .index = stream->nchunks++,
					    .nbytes = (uint32_t)recorder->chunk_bytes};
	atomic_signal_fence(memory_order_release);
	chunk->magic = KMEM_RECORD_MAGIC;
	stream->chunk = chunk;
	stream->at = HEAD;
	return true;
}

static unsigned put_number(unsigned char *to, uint64_t n)
{
	unsigned i = 0;

	for (; n > 0x7f; n >>= 7)
		to[i++] = (unsigned char)(n | 0x80);
	to[i++] = (unsigned char)n;
	return i;
}

static void put(struct stream *stream, unsigned kind, const uint64_t *numbers, unsigned count)
{
	unsigned char event[KMEM_RECORD_EVENT_MOST], *to;
	unsigned n = 1;

	event[0] = (unsigned char)(kind | (numbers[0] & 15) << 3 | (numbers[0] > 15) << 7);
	if (numbers[0] > 15)
		n += put_number(event + n, numbers[0] >> 4);
	for (unsigned i = 1; i < count; i++)
		n += put_number(event + n, numbers[i]);
	if ((!stream->chunk || stream->at + n > recorder->chunk_bytes) && !chunk_begin(stream))
		return;
	to = (unsigned char *)stream->chunk + stream->at;
	for (unsigned i = 1; i < n; i++)
		to[i] = event[i];
	/* A compiler fence: killed before the next store, the process leaves no part of an event.
	 */
	atomic_signal_fence(memory_order_release);
	*(volatile unsigned char *)to = event[0];
	stream->at += n;
}

/* What a child's first stream begins with. */
static void put_origins(struct stream *stream)
{
	put(stream, KMEM_RECORD_MORE,
	    (uint64_t[]){KMEM_RECORD_PARENT, recorder->parent, recorder->image}, 3);
	for (uint32_t i = 0; i < recorder->norigins; i++)
		put(stream, KMEM_RECORD_MORE,
		    (uint64_t[]){KMEM_RECORD_FROM, recorder->origins[i].stream,
				 recorder->origins[i].nbytes},
		    3);
}

/* Ticks of other streams have passed, or one of this stream's is due. */
static void put_tick(struct stream *stream)
{
	uint32_t now;

	if (stream->countdown == 0) {
		stream->countdown = EVENTS_A_TICK;
		now = atomic_fetch_add_explicit(&recorder->ticks, 1, memory_order_relaxed) + 1;
	} else {
		now = atomic_load_explicit(&recorder->ticks, memory_order_relaxed);
	}
	put(stream, KMEM_RECORD_MORE,
	    (uint64_t[]){KMEM_RECORD_TICK, (uint32_t)(now - stream->tick)}, 2);
	stream->tick = now;
}

/* Before each event. A process of one stream has no ticks. */
static void keep_time(struct stream *stream)
{
	if (__builtin_expect(!stream->chunk, 0) && recorder->parent &&
	    stream == recorder->streams && stream->nchunks == 0)
		put_origins(stream);
	if (atomic_load_explicit(&recorder->nstreams, memory_order_relaxed) < 2)
		return;
	if (stream->countdown > 0)
		stream->countdown--;
	if (stream->countdown == 0 ||
	    atomic_load_explicit(&recorder->ticks, memory_order_relaxed) != stream->tick)
		put_tick(stream);
}

/* One that nobody has. */
static struct stream *stream_take(void)
{
	uint32_t n;

	for (uint32_t i = 0; i < STREAMS_MOST && recorder->first + i < STREAM_LIMIT; i++) {
		struct stream *stream = &recorder->streams[i];

		/* acquire: pairs with the release in stream_leave */
		if (atomic_load_explicit(&stream->taken, memory_order_relaxed) ||
		    atomic_exchange_explicit(&stream->taken, true, memory_order_acquire))
			continue;
		stream->number = recorder->first + i;
		n = atomic_load_explicit(&recorder->nstreams, memory_order_relaxed);
		while (n <= i && !atomic_compare_exchange_weak_explicit(&recorder->nstreams, &n,
									i + 1, memory_order_relaxed,
									memory_order_relaxed))
			;
		return stream;
	}
	lose(-EMFILE);
	return NULL;
}

struct stream *stream_mine(void)
{
	if (is_lost())
		return NULL;
	if (__builtin_expect(!mine, 0))
		mine = stream_take();
	return mine;
}

void stream_leave(void)
{
	if (mine)
		atomic_store_explicit(&mine->taken, false, memory_order_release);
	mine = NULL;
}

record_id stream_next_id(const struct stream *stream)
{
	return record_id_make(stream->number, stream->allocated);
}

void stream_alloc(struct stream *stream, enum kmem_record_event event, const uint64_t *numbers,
		  unsigned count)
{
	keep_time(stream);
	put(stream, event, numbers, count);
	stream->allocated++;
}

/* How an event names a block; the count of numbers. */
static unsigned name(struct stream *stream, record_id id, uint64_t *numbers)
{
	uint64_t serial = record_id_serial(id);
	int64_t difference = (int64_t)(serial - stream->last_other);

	if (record_id_stream(id) == stream->number) {
		numbers[0] = stream->allocated - 1 - serial;
		return 1;
	}
	numbers[0] = record_id_stream(id);
	numbers[1] = (uint64_t)difference << 1 ^ (uint64_t)(difference >> 63);
	stream->last_other = serial;
	return 2;
}

void stream_free(struct stream *stream, record_id id)
{
	uint64_t numbers[2];
	unsigned count;

	keep_time(stream);
	count = name(stream, id, numbers);
	put(stream, count == 1 ? KMEM_RECORD_FREE : KMEM_RECORD_FREE_OTHER, numbers, count);
}

void stream_realloc(struct stream *stream, record_id id, size_t nbytes)
{
	uint64_t numbers[3];
	unsigned count;

	keep_time(stream);
	count = name(stream, id, numbers);
	numbers[count] = nbytes;
	put(stream, count == 1 ? KMEM_RECORD_REALLOC : KMEM_RECORD_REALLOC_OTHER, numbers,
	    count + 1);
	stream->allocated++;
}

void stream_order(struct stream *stream)
{
	stream->countdown = 0;
}

/* The parent's streams, with what they had come to, are where this process begins. */
static void inherit(uint32_t nstreams)
{
	recorder->norigins = nstreams;
	for (uint32_t i = 0; i < nstreams; i++) {
		const struct stream *stream = &recorder->streams[i];

		recorder->origins[i] =
			(struct origin){recorder->first + i,
					stream->past + (stream->chunk ? stream->at - HEAD : 0)};
	}
	recorder->parent = recorder->pid;
	recorder->first += nstreams;
}

void streams_after_fork(void)
{
	uint32_t nstreams = atomic_load_explicit(&recorder->nstreams, memory_order_relaxed);

	/* Of a parent without a file this is its parent's child. */
	if (atomic_load_explicit(&recorder->state, memory_order_relaxed) == FILE_READY)
		inherit(nstreams);
	for (uint32_t i = 0; i < nstreams; i++)
		if (recorder->streams[i].chunk)
			sys_unmap(recorder->streams[i].chunk, recorder->chunk_bytes);
	memset(recorder->streams, 0, nstreams * sizeof(recorder->streams[0]));
	atomic_store_explicit(&recorder->nstreams, 0, memory_order_relaxed);
	atomic_store_explicit(&recorder->ticks, 0, memory_order_relaxed);
	atomic_store_explicit(&recorder->end, 0, memory_order_relaxed);
	if (!is_lost())
		atomic_store_explicit(&recorder->state, FILE_NONE, memory_order_relaxed);
	recorder->pid = sys_tid();
	mine = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * The streams of a record (include/kmem/record.h). A stream's open chunk is a piece of the file,
 * mapped: an event is in the file as soon as its first byte is stored, which is the last store of
 * all, so the record of a process ends with its last whole event, however that ended. A new chunk
 * is written as zeros first, so that a full disk fails that call. No descriptor stays open, as some
 * programs close all they find.
 *
 * A stream belongs to a thread from its first event to its end; then the next one takes it over.
 * A thread without a record has one for an event at a time.
 */
#ifndef LIB_RECORD_STREAM_H
#define LIB_RECORD_STREAM_H

#include "lib/record_ids.h"

#include <kmem/record.h>
#include <stddef.h>

struct stream;

/* The file will be name, a dot and the pid. 0 or -ENOMEM. */
int streams_start(const char *name);
/* In the child of a fork: a file of its own, once there is something to put in it. */
void streams_after_fork(void);

/* This thread's; NULL: nothing is recorded any more, or there are too many. */
struct stream *stream_mine(void);
/* The thread ends, or will have another for its next event. */
void stream_leave(void);

/* The id of the next block that the stream allocates. */
record_id stream_next_id(const struct stream *stream);
/* An event that allocates, of so many numbers. */
void stream_alloc(struct stream *stream, enum kmem_record_event event, const uint64_t *numbers,
		  unsigned count);
/* One that names a block; of KMEM_RECORD_REALLOC the size follows. */
void stream_free(struct stream *stream, record_id id);
void stream_realloc(struct stream *stream, record_id id, size_t nbytes);
/* The next event is to be ordered exactly: it moves many bytes. */
void stream_order(struct stream *stream);

#endif

// SPDX-License-Identifier: MIT
/* See record_file.h, and kmem/record.h for the form. */
#include "record_file.h"

#include "trace.h"

#include <kmem/record.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD	   (sizeof(struct kmem_record_chunk))
#define CHUNK_MOST (1u << 20)

static void slurp(struct record_file *file)
{
	FILE *stream = fopen(file->path, "re");
	long nbytes;

	if (!stream)
		fail("%s: %m", file->path);
	if (fseek(stream, 0, SEEK_END) < 0 || (nbytes = ftell(stream)) < 0)
		fail("%s: %m", file->path);
	rewind(stream);
	file->nbytes = (size_t)nbytes;
	file->data = must_realloc(NULL, file->nbytes);
	if (fread(file->data, 1, file->nbytes, stream) != file->nbytes)
		fail("%s: it cannot be read", file->path);
	fclose(stream);
}

static int is_zero(const unsigned char *data, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		if (data[i])
			return 0;
	return 1;
}

/* The length of the chunks, as the first says it, and which program it is of. */
static size_t chunk_bytes(struct record_file *file)
{
	struct kmem_record_chunk head;

	if (file->nbytes < HEAD)
		fail("%s: it is shorter than the head of a chunk", file->path);
	memcpy(&head, file->data, HEAD);
	if (head.nbytes < 1024 || head.nbytes > CHUNK_MOST || head.nbytes % 1024)
		fail("%s: damaged: chunks of %u bytes", file->path, head.nbytes);
	file->image = head.image;
	return head.nbytes;
}

static void take_chunk(struct record_file *file, size_t number, size_t nbytes)
{
	const unsigned char *data = file->data + number * nbytes;
	struct kmem_record_chunk head;
	struct piece piece;

	memcpy(&head, data, HEAD);
	if (head.magic != KMEM_RECORD_MAGIC || head.nbytes != nbytes || head.used > nbytes ||
	    (head.used && head.used < HEAD))
		fail("%s: damaged: chunk %zu has no valid head", file->path, number);
	if (head.used && kmem_record_sum(data + HEAD, nbytes - HEAD) != head.sum)
		fail("%s: damaged: the sum of chunk %zu is wrong", file->path, number);
	piece = (struct piece){.stream = head.stream,
			       .index = head.index,
			       .events = data + HEAD,
			       .nbytes = (head.used ? head.used : nbytes) - HEAD,
			       .is_full = head.used != 0};
	file->pieces = make_room(file->pieces, file->npieces, &file->room, sizeof(piece));
	file->pieces[file->npieces++] = piece;
}

static int compare(const void *a, const void *b)
{
	const struct piece *one = a, *other = b;

	if (one->stream != other->stream)
		return one->stream < other->stream ? -1 : 1;
	return (one->index > other->index) - (one->index < other->index);
}

/* The pieces from first on that are of one stream, joined; where the next stream's begin. */
static size_t join(struct record_file *file, size_t first, struct events *events)
{
	const struct piece *pieces = file->pieces;
	size_t i = first;

	*events = (struct events){.stream = pieces[first].stream};
	for (; i < file->npieces && pieces[i].stream == events->stream; i++) {
		if (pieces[i].index != i - first)
			fail("%s: damaged or truncated: chunk %zu of stream %u is missing, or is "
			     "there twice",
			     file->path, i - first, events->stream);
		if (i > first && !pieces[i - 1].is_full)
			fail("%s: damaged: chunk %zu of stream %u is not full, and not the last",
			     file->path, i - 1 - first, events->stream);
		events->bytes = must_realloc(events->bytes, events->nbytes + pieces[i].nbytes);
		memcpy(events->bytes + events->nbytes, pieces[i].events, pieces[i].nbytes);
		events->nbytes += pieces[i].nbytes;
	}
	return i;
}

void record_file_read(struct record_file *file, const char *path)
{
	size_t nbytes, rest;

	*file = (struct record_file){.path = path};
	slurp(file);
	nbytes = chunk_bytes(file);
	rest = file->nbytes % nbytes;
	/* A process that is killed as it adds a chunk leaves zeros. */
	if (!is_zero(file->data + file->nbytes - rest, rest))
		fail("%s: truncated: its last chunk has %zu of %zu bytes", path, rest, nbytes);
	for (size_t i = 0; i < file->nbytes / nbytes; i++)
		if (!is_zero(file->data + i * nbytes, nbytes))
			take_chunk(file, i, nbytes);
	qsort(file->pieces, file->npieces, sizeof(*file->pieces), compare);
	file->streams = must_realloc(NULL, file->npieces * sizeof(*file->streams));
	for (size_t i = 0; i < file->npieces;)
		i = join(file, i, &file->streams[file->nstreams++]);
}

void record_file_free(struct record_file *file)
{
	for (size_t i = 0; i < file->nstreams; i++)
		free(file->streams[i].bytes);
	free(file->streams);
	free(file->pieces);
	free(file->data);
}

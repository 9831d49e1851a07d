/* SPDX-License-Identifier: MIT */
/* A file of a recording, put together: the events of each stream in a row. */
#ifndef KMEM_REPLAY_RECORD_FILE_H
#define KMEM_REPLAY_RECORD_FILE_H

#include <stddef.h>
#include <stdint.h>

struct piece {
	uint32_t stream, index;
	const unsigned char *events;
	size_t nbytes;
	int is_full;
};

struct events {
	uint32_t stream;
	unsigned char *bytes;
	size_t nbytes;
};

struct record_file {
	const char *path;
	uint32_t image;
	unsigned char *data;
	size_t nbytes;
	struct piece *pieces;
	size_t npieces, room;
	struct events *streams;
	size_t nstreams;
};

/* Fails on what is damaged. */
void record_file_read(struct record_file *file, const char *path);
void record_file_free(struct record_file *file);

#endif

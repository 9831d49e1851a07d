// SPDX-License-Identifier: MIT
/*
 * The text form, one request a line, as in malloc labs:
 *
 *	a BLOCK SIZE		malloc			c BLOCK SIZE	calloc
 *	m BLOCK ALIGN SIZE	aligned_alloc		r BLOCK SIZE	realloc
 *	f BLOCK			free			t THREAD	of those that follow
 *
 * # begins a comment. Lines of one number, a malloc lab's head, mean nothing.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MOST  100000000u
#define THREAD_MOST 65535u

struct line {
	const char *path;
	size_t number;
};

static uint64_t number(const struct line *line, char **text, uint64_t most)
{
	char *end;
	uint64_t n;

	*text += strspn(*text, " \t");
	n = strtoull(*text, &end, 10);
	if (end == *text || **text == '-')
		fail("%s:%zu: a number is missing", line->path, line->number);
	if (n > most)
		fail("%s:%zu: %" PRIu64 " is too large", line->path, line->number, n);
	*text = end;
	return n;
}

static uint8_t logarithm(const struct line *line, uint64_t align)
{
	if (align == 0 || align & (align - 1))
		fail("%s:%zu: an alignment is a power of two", line->path, line->number);
	return (uint8_t)__builtin_ctzll(align);
}

static void parse_request(struct trace *trace, const struct line *line, char *text, uint32_t thread)
{
	static const char letters[OPS + 1] = "acmrf";
	const char *letter = *text ? strchr(letters, *text) : NULL;
	struct request request = {.thread = thread};

	if (!letter)
		fail("%s:%zu: '%c' is no request", line->path, line->number, *text);
	text++;
	request.op = (uint8_t)(letter - letters);
	request.block = (uint32_t)number(line, &text, BLOCK_MOST);
	if (request.op == OP_ALIGNED)
		request.align_log2 = logarithm(line, number(line, &text, (uint64_t)1 << 40));
	if (request.op != OP_FREE)
		request.nbytes = number(line, &text, PTRDIFF_MAX);
	if (text[strspn(text, " \t\r\n")])
		fail("%s:%zu: there is more than a request", line->path, line->number);
	if (request.block >= trace->nblocks)
		trace->nblocks = request.block + 1;
	trace_add(trace, request);
}

void text_read(struct trace *trace, const char *path)
{
	FILE *file = fopen(path, "re");
	struct line line = {.path = path};
	uint32_t thread = 0;
	char *text = NULL, *at;
	size_t room = 0;

	if (!file)
		fail("%s: %m", path);
	while (getline(&text, &room, file) > 0) {
		line.number++;
		at = text + strspn(text, " \t");
		if (*at == 't') {
			at++;
			thread = (uint32_t)number(&line, &at, THREAD_MOST);
		} else if (!strchr("#\r\n0123456789", *at)) {
			parse_request(trace, &line, at, thread);
		}
	}
	if (ferror(file))
		fail("%s: %m", path);
	trace->file_bytes = (uint64_t)ftell(file);
	trace->nevents = trace->nrequests;
	free(text);
	fclose(file);
}

void text_write(const struct trace *trace)
{
	uint32_t thread = 0;

	for (size_t i = 0; i < trace->nrequests; i++) {
		const struct request *request = &trace->requests[i];

		if (request->thread != thread)
			printf("t %u\n", thread = request->thread);
		switch (request->op) {
		case OP_ALIGNED:
			printf("m %u %" PRIu64 " %" PRIu64 "\n", request->block,
			       (uint64_t)1 << request->align_log2, request->nbytes);
			break;
		case OP_FREE:
			printf("f %u\n", request->block);
			break;
		default:
			printf("%c %u %" PRIu64 "\n", "acmr"[request->op], request -> block,
			       request -> nbytes);
		}
	}
}

/* SPDX-License-Identifier: MIT */
/* A way out for statistics: pieces of text, written to a file descriptor a buffer at a time. */
#ifndef LIB_STATS_OUT_H
#define LIB_STATS_OUT_H

#include <stddef.h>
#include <stdint.h>

#define NAME_SHOWN 65u /* a cache's, with the terminator */

struct stats_out {
	int fd;
	int err; /* of the first write that failed, after which nothing more is written */
	size_t len;
	char buf[1024];
};

/* As report_format knows it; STATS_LINE bytes at most. */
void out_text(struct stats_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number, with spaces before it to make width bytes. */
void out_padded(struct stats_out *out, uint64_t n, size_t width);
/* A name as kmemtop shows it: what is not printable ASCII is '?', and so is an empty one. */
void out_name(const char *name, size_t nbytes, char shown[NAME_SHOWN]);
/* What is left; 0 or -errno. */
int out_end(struct stats_out *out);

void stats_json(struct stats_out *out);

#endif

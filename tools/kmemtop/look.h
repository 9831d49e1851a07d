/* SPDX-License-Identifier: MIT */
/* The errands that look at where things lie: --map, --html, --whatis. */
#ifndef KMEMTOP_LOOK_H
#define KMEMTOP_LOOK_H

#include "target.h"

#include <stdio.h>

struct look {
	int map;
	const char *html; /* NULL, or the file */
	int whatis;
	uint64_t addr; /* for it */
};

static inline int look_wanted(const struct look *l)
{
	return l->map || l->html || l->whatis;
}

/* All that is wanted, of a target that was opened, to out and into files. 0, or -errno and t->why.
 */
int look_print(FILE *out, struct target *t, const struct look *l);

/* The same at the end of a command, into text: a context for command.h, and its function. */
struct look_end {
	const struct look *look;
	char *text; /* NULL: not yet; to be freed */
};
int look_at_end(void *context, struct target *t);

#endif

/* SPDX-License-Identifier: MIT */
/* What the user wants to look into: a live process or a core; or nothing yet. */
#ifndef KMEMTOP_SOURCE_H
#define KMEMTOP_SOURCE_H

#include "target.h"

struct source {
	pid_t pid;	  /* or 0 */
	const char *core; /* or NULL: the file */
	const char *exe;  /* or NULL: the core's executable */
};

int source_is_none(const struct source *source);
/* Opens t, to be read from and closed. 0, or -errno and t->why. */
int source_open(const struct source *source, struct target *t);

#endif

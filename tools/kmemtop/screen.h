/* SPDX-License-Identifier: MIT */
/* Everything on a terminal, refreshed until a key or an end stops it. */
#ifndef KMEMTOP_SCREEN_H
#define KMEMTOP_SCREEN_H

#include "command.h"
#include "source.h"
#include "units.h"

struct screen_options {
	struct source source;	 /* of none: the list of processes */
	struct command *command; /* that the source is, or NULL */
	int delay_s;
	int key; /* to sort by */
	enum units units;
};

/* 0: the user quit, or the command ended. Else -errno and t->why. */
int screen_run(const struct screen_options *o, struct target *t);

#endif

/* SPDX-License-Identifier: MIT */
/* The table on a terminal, refreshed until a key or an end stops it. */
#ifndef KMEMTOP_SCREEN_H
#define KMEMTOP_SCREEN_H

#include "command.h"
#include "table.h"

struct screen_options {
	pid_t pid;
	struct command *command; /* that pid is, or NULL */
	int delay_s;
	int key; /* to sort by */
	enum table_units units;
};

/* 0: the user quit, or the command ended. Else -errno and t->why. */
int screen_run(const struct screen_options *o, struct target *t);

#endif

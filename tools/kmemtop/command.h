/* SPDX-License-Identifier: MIT */
/*
 * A command that kmemtop runs with libkmem preloaded, and watches to its end.
 *
 *	command_start, then command_step until command.ended, then the rest
 */
#ifndef KMEMTOP_COMMAND_H
#define KMEMTOP_COMMAND_H

#include "snapshot.h"

enum command_streams {
	COMMAND_KEEPS_STREAMS,
	COMMAND_OFF_TERMINAL, /* what is a terminal becomes /dev/null */
};

struct command_options {
	char **argv;
	const char *library;
	enum command_streams streams;
	/* Looks at it as well when it ends: 0, or -errno and t->why. The last call counts. */
	int (*at_end)(void *context, struct target *t);
	void *context;
};

enum command_wait {
	COMMAND_BLOCKS,
	COMMAND_POLLS,
};

struct command {
	pid_t pid;
	int errors;	      /* where the child says why exec failed */
	int ended;	      /* then status holds */
	int status;	      /* as from waitpid */
	int leader_left;      /* the first thread is gone, others run on */
	struct snapshot last; /* as it stood at the end, if last_rc is 0 */
	int last_rc;
	struct target target; /* its why, if not */
	int (*at_end)(void *context, struct target *t);
	void *context;
};

/* 0; or -errno and a line in c->target.why. */
int command_start(struct command *c, const struct command_options *o);

/* Deals with one event. 1, or 0 if there was none to deal with. */
int command_step(struct command *c, enum command_wait wait);

/* The errno of a failed exec, or 0. Once, after the end. */
int command_exec_error(struct command *c);

/* What a shell would make of the status. */
int command_exit_code(const struct command *c);

#endif

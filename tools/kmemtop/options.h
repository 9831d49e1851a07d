/* SPDX-License-Identifier: MIT */
/* The command line. */
#ifndef KMEMTOP_OPTIONS_H
#define KMEMTOP_OPTIONS_H

#include "look.h"
#include "source.h"
#include "units.h"

#define OPTIONS_EXIT_USAGE 2

enum errand {
	ERRAND_SCREEN,
	ERRAND_TABLE,
	ERRAND_JSON,
	ERRAND_SLABINFO,
	ERRAND_BUDDYINFO,
	ERRAND_OPENMETRICS,
	ERRAND_LOOK,
};

struct options {
	enum errand errand;
	struct look look;     /* of ERRAND_LOOK */
	struct source source; /* none: all processes, or the command */
	char **command;	      /* NULL, or what to run */
	int delay_s;
	int key;
	enum units units;
};

/* Ends the program on -h, -V and on what is wrong, having said so. */
void options_parse(struct options *o, int argc, char **argv);

/* Whether all that was printed has arrived: EXIT_SUCCESS, or EXIT_FAILURE and a line. */
int options_finish_output(void);
int options_complain(const char *text);

#endif

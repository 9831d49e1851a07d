/* SPDX-License-Identifier: MIT */
/*
 * kmem-symbols, a program that knows debug information, asked by lines over a socket:
 *
 *   question  module-path SPACE offset-in-hex NEWLINE
 *   answer    { function TAB file:line NEWLINE } function TAB file:line TAB start SPACE size
 * NEWLINE NEWLINE
 *
 * The lines before the last are of functions that were inlined there, innermost first. start and
 * size, in hex, are those of the last line's function. What is not known is empty; where nothing
 * is, there is only the empty line.
 *
 * It runs with an empty environment, and all its answers have 2 s together. Once it was not to be
 * had, or failed, it is not tried again. To be used from a process apart (symbol_apart.h).
 */
#ifndef BUDDY_SYMBOL_HELPER_H
#define BUDDY_SYMBOL_HELPER_H

#include "buddy/symbol_module.h"

#define SYMBOL_ANSWER_MAX 8192
#define SYMBOL_STACK_MAX  32768

struct symbol_helper {
	long fd; /* -1: it does not run */
	long pid;
	uint32_t begin_ms;
	long theirs; /* its end of the socket */
	const char *only;
	char beside[SYMBOL_PATH_MAX]; /* where we are: it may be near */
	char path[SYMBOL_PATH_MAX + 64];
	char answer[SYMBOL_ANSWER_MAX];
	char stack[SYMBOL_STACK_MAX] __attribute__((aligned(16)));
};

/* Run this program; "": none; NULL: as found at first. For tests; the string stays in use. */
void symbol_helper_set(const char *path);
/* Whether there is a point in starting it; never in a program with more rights than its caller. */
bool symbol_helper_wanted(void);

/* module is used up to find where we are. */
void symbol_helper_start(struct symbol_helper *helper, struct symbol_module *module);
/* The answer without the last, empty line; NULL: none. */
char *symbol_helper_ask(struct symbol_helper *helper, const char *path, uintptr_t offset);
void symbol_helper_stop(struct symbol_helper *helper);

#endif

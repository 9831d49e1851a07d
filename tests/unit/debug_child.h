/* SPDX-License-Identifier: MIT */
/* Test programs that run themselves anew, with KMEM_DEBUG in the environment from the start. */
#ifndef TESTS_UNIT_DEBUG_CHILD_H
#define TESTS_UNIT_DEBUG_CHILD_H

#include "unit.h"

#include <kmem.h>
#include <kmem/debug.h>

/* No test of libcheck's runs in the children. */
#define give_up(...)                                                                               \
	do {                                                                                       \
		dprintf(STDERR_FILENO, "line %d: ", __LINE__);                                     \
		dprintf(STDERR_FILENO, __VA_ARGS__);                                               \
		_exit(3);                                                                          \
	} while (0)
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			give_up("%s", #condition);                                                 \
	} while (0)

static const char *spec, *options, *act, *argument;

static inline void run(void)
{
	char seed[32];

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)unit_random);
	setenv("KMEM_DEBUG", spec, 1);
	setenv("KMEM_OPTIONS", options, 1);
	setenv("KMEM_SYMBOLS", "", 1);
	execl("/proc/self/exe", "child", act, seed, argument, NULL);
	_exit(127);
}

/* This program in a child, with that in its environment. */
static inline struct last_words child(const char *debug, const char *with, const char *doing)
{
	spec = debug;
	options = with;
	act = doing;
	unit_next();
	return unit_child(run);
}

static inline void expect_quiet(const char *debug, const char *with, const char *doing)
{
	struct last_words words = child(debug, with, doing);

	if (words.status || words.text[0])
		ck_abort_msg("KMEM_DEBUG=%s KMEM_OPTIONS=%s %s, seed %llu: status %#x\n%s", debug,
			     with, doing, (unsigned long long)unit_random, (unsigned)words.status,
			     words.text);
}

#endif

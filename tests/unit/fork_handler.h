/* SPDX-License-Identifier: MIT */
/* A handler that fork runs while the library's own hold all locks, and what it asks for there. */
#ifndef TESTS_UNIT_FORK_HANDLER_H
#define TESTS_UNIT_FORK_HANDLER_H

#include "unit.h"

#include "buddy/lock.h"

#include <pthread.h>

static void (*fork_handler_asks)(void); /* not NULL during fork_and_ask */
static unsigned fork_handler_ncalls;

static void fork_handler(void)
{
	if (!fork_handler_asks)
		return;
	require(lock_is_ours());
	fork_handler_asks();
	fork_handler_ncalls++;
}

/* Before the library's own handlers, so that in a fork it comes after them. */
static __attribute__((constructor(101))) void fork_handler_register(void)
{
	pthread_atfork(fork_handler, NULL, NULL);
}

/* One fork, whose handler calls ask once; the child leaves at once. */
static inline void fork_and_ask(void (*ask)(void))
{
	unsigned before = fork_handler_ncalls;
	int status = -1;
	pid_t child;

	fork_handler_asks = ask;
	child = fork();
	if (child == 0)
		_exit(0);
	fork_handler_asks = NULL;
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(fork_handler_ncalls, before + 1);
}

#endif

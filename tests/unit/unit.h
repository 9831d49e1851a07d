/* SPDX-License-Identifier: MIT */
/* What the unit tests share: libcheck's frame, children whose last words are read. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include "tests/common.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* For inner loops: libcheck's own assertions write to a file each time, failed or not. */
#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("line %d: %s", __LINE__, #condition);                         \
	} while (0)

/* The call answers NULL and says why. */
#define require_errno(error, call)                                                                 \
	do {                                                                                       \
		errno = 0;                                                                         \
		if ((call) != NULL || errno != (error))                                            \
			ck_abort_msg("line %d: %s: errno %d", __LINE__, #call, errno);             \
	} while (0)

/* Seconds for one test on a busy machine; forks under a sanitizer take many times as long. */
#define UNIT_TIMEOUT (UNDER_TSAN || UNDER_ASAN ? 240 : 60)

/* The random numbers of a test, from a seed that is printed; UNIT_SEED in the environment wins. */
static uint64_t unit_random;

static inline uint64_t unit_next(void)
{
	return next_random(&unit_random);
}

static inline uint64_t unit_below(uint64_t n)
{
	return below(&unit_random, n);
}

static inline int unit_run(const char *name, const TTest *const tests[], size_t ntests)
{
	const char *given = getenv("UNIT_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : default_seed();
	Suite *suite = suite_create(name);
	TCase *all = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int nfailed;

	printf("UNIT_SEED=%lu\n", (unsigned long)seed);
	fflush(stdout);
	unit_random = seed | 1;
	tcase_set_timeout(all, UNIT_TIMEOUT);
	for (size_t i = 0; i < ntests; i++)
		tcase_add_test(all, tests[i]);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_NORMAL);
	nfailed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nfailed != 0;
}

/* main of a test file: UNIT_MAIN("name", test, test, …) */
#define UNIT_MAIN(name, ...)                                                                       \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *const tests[] = {__VA_ARGS__};                                        \
                                                                                                   \
		return unit_run(name, tests, sizeof(tests) / sizeof(tests[0]));                    \
	}

static inline void unit_sleep_ms(unsigned ms)
{
	struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&rest, NULL);
}

/* What a check says is wrong: the invariant by this name. */
static inline void unit_broken(const char *wrong, const char *invariant)
{
	ck_assert_ptr_nonnull(wrong);
	ck_assert_msg(strncmp(wrong, invariant, strlen(invariant)) == 0, "%s", wrong);
}

/* How often it stands in the text. */
static inline unsigned unit_count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* How a child ended, and what it wrote to standard error. */
struct last_words {
	int status;
	char text[16384];
};

/* Run act in a child, which then leaves with 0. */
static inline struct last_words unit_child(void (*act)(void))
{
	struct last_words words = {.status = -1};
	char rest[512];
	size_t len = 0;
	ssize_t n;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGALRM, SIG_DFL); /* libcheck's handler would end the test itself */
		alarm(UNIT_TIMEOUT / 2);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		act();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], words.text + len, sizeof(words.text) - 1 - len)) > 0)
		len += (size_t)n;
	/* The rest, or it would die of the closed pipe. */
	while (read(ends[0], rest, sizeof(rest)) > 0)
		;
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &words.status, 0), pid);
	return words;
}

static inline bool unit_aborted(const struct last_words *words)
{
	return WIFSIGNALED(words->status) && WTERMSIG(words->status) == SIGABRT;
}

#endif

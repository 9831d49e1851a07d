/* SPDX-License-Identifier: MIT */
/* What the stress programs share: options, clock, resident size, failure. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include "tests/common.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Their shadow memory counts as resident: then no bound on it is asserted. */
#define UNDER_SANITIZER (UNDER_TSAN || UNDER_ASAN)

/* Say what is wrong and stop; the seed was printed at the start. */
static inline void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "FAILED: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The value of "--name VALUE", or fallback; a word without value counts as 1. */
static inline uint64_t option(int argc, char **argv, const char *name, uint64_t fallback)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return i + 1 < argc && argv[i + 1][0] != '-'
				       ? strtoull(argv[i + 1], NULL, 0)
				       : 1;
	return fallback;
}

/* Bytes resident now. */
static inline size_t resident(void)
{
	unsigned long pages = 0, total = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu %lu", &total, &pages) != 2)
		die("cannot read /proc/self/statm");
	fclose(file);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif

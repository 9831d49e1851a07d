/* SPDX-License-Identifier: MIT */
/* What unit and stress tests share: the sanitizer they run under, and random numbers. */
#ifndef TESTS_COMMON_H
#define TESTS_COMMON_H

#include <stdint.h>
#include <time.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(feature) 0 /* gcc says it by macros */
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#else
#define UNDER_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif

/* G. Marsaglia's xorshift with a multiplication; state never 0. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* A number below n. */
static inline uint64_t below(uint64_t *state, uint64_t n)
{
	return (next_random(state) >> 16) % n;
}

static inline uint64_t default_seed(void)
{
	return (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
}

#endif

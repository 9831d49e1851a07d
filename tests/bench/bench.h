/* SPDX-License-Identifier: MIT */
/*
 * What the benchmark programs share: arguments, random numbers with fixed seeds,
 * clocks, resident sizes, and the one line of results each of them prints.
 *
 * Arguments are NAME=VALUE words; quick=1 divides the work by 4. A wrong result (a
 * block whose tag changed, memory of calloc that is not zero) ends the program with
 * exit code 1 and a line that says what was found.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define KIB (1024ul)
#define MIB (1024ul * 1024)

/* Say what is wrong and exit with 1. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Read the arguments; must come first. */
void bench_init(int argc, char **argv);
/* The value of NAME=NUMBER, of NAME=WORD, or the fallback. */
size_t bench_number(const char *name, size_t fallback);
const char *bench_word(const char *name, const char *fallback);
/* True if the argument NAME is WORD. */
bool bench_is(const char *name, const char *word);
/* The amount of work: count, or a quarter of it with quick=1. */
size_t bench_work(size_t count);

/* Start and stop the clocks (wall and CPU) that bench_report prints. */
void bench_start(void);
void bench_stop(void);
double bench_wall(void);
double bench_cpu(void);

/* Kibibytes resident: now, and at most so far. */
size_t bench_resident_kib(void);
size_t bench_peak_kib(void);

/*
 * Print time_s=, cpu_s=, peak_kib=, malloc= (the library that serves this process)
 * and what format adds: "name=value name=value".
 */
void bench_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Run work(index, of) in threads=N threads (default 1), or in procs=N processes of one
 * thread; wait for all. Returns how many run.
 */
typedef void (*bench_worker)(unsigned index, unsigned of);
unsigned bench_crew_size(void);
void bench_crew(bench_worker work);

/* Run function(argument) in a thread of its own; the thread's id for pthread_join. */
unsigned long bench_thread(void *(*function)(void *), void *argument);
void bench_join(unsigned long thread);

/* Table memory that no allocator under test sees: zeroed pages from the kernel. */
void *bench_pages(size_t nbytes);

/* xorshift64* (Marsaglia, Vigna). */
static inline uint64_t rng_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t rng_seed(unsigned index)
{
	return 0x9e3779b97f4a7c15ull * (index + 1u);
}

/* A number below n, n at most 2^32. */
static inline size_t rng_below(uint64_t *state, size_t n)
{
	return (size_t)(((rng_next(state) >> 32) * (uint64_t)n) >> 32);
}

static inline size_t rng_between(uint64_t *state, size_t least, size_t most)
{
	return least + rng_below(state, most - least + 1);
}

/* A size from 8 to 64 KiB by a power law: P(size > s) = 8 / s; the mean is about 72. */
static inline size_t rng_size(uint64_t *state)
{
	uint64_t u = (rng_next(state) >> 32) & 0xffff;
	size_t size = (size_t)(8 * 65536 / (u + 8));

	return size < 8 ? 8 : size; /* what is tagged has room for it */
}

/* malloc that must succeed. */
static inline void *must(void *block)
{
	if (!block)
		bench_fail("out of memory");
	return block;
}

/* A block of at least 8 bytes that carries its tag in its first word and a byte of it at its end.
 */
static inline void *tagged(size_t nbytes, uint64_t tag)
{
	unsigned char *block = must(malloc(nbytes));

	block[nbytes - 1] = (unsigned char)tag;
	*(uint64_t *)(void *)block = tag;
	return block;
}

static inline void free_tagged(void *block, uint64_t tag)
{
	if (*(uint64_t *)block != tag)
		bench_fail("a block's content changed");
	free(block);
}

#endif

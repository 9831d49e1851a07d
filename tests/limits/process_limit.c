/* SPDX-License-Identifier: MIT */
/*
 * Threads that want more memory than a limit allows: each allocates and writes blocks of all
 * sizes until malloc says NULL a number of times, frees some, and goes on.
 *
 *	process_limit none	starts the threads, which touch what is theirs, and ends
 *	process_limit fill	runs them
 *
 * Prints the greatest resident size there was, in KiB, how many blocks were refused, and how
 * many bytes the blocks held at most.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NTHREADS 4
#define NBLOCKS	 20000
#define REFUSALS 200

static char *blocks[NTHREADS][NBLOCKS];
static size_t nbytes[NTHREADS][NBLOCKS];
static _Atomic size_t nrefused, held, most_held;
static int fills;

static size_t random_size(uint64_t *state)
{
	static const size_t most[] = {100, 1000, 10000, 100000, 1000000, 10000000};

	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return 1 + (*state >> 20) % most[(*state >> 60) % 6];
}

static void set(int thread, size_t i, char *block, size_t size)
{
	size_t sum = atomic_fetch_sub(&held, nbytes[thread][i]) - nbytes[thread][i];

	blocks[thread][i] = block;
	nbytes[thread][i] = block ? size : 0;
	sum = atomic_fetch_add(&held, nbytes[thread][i]) + nbytes[thread][i];
	if (sum > most_held)
		most_held = sum;
}

static void fill(int thread)
{
	uint64_t state = (uint64_t)thread * 977 + 1;

	for (size_t refused = 0, i = 0; refused < REFUSALS; i = (i + 1) % NBLOCKS) {
		size_t size = random_size(&state);
		char *block;

		free(blocks[thread][i]);
		set(thread, i, NULL, 0);
		errno = 0;
		block = state >> 40 & 1 ? malloc(size) : calloc(1, size);
		if (!block && errno != ENOMEM)
			exit(2);
		if (block) {
			memset(block, 1, size);
			set(thread, i, block, size);
			continue;
		}
		refused++;
		nrefused++;
		/* A few of its own, so that others have some as well. */
		for (size_t n = i; n < i + NBLOCKS / 50; n++) {
			free(blocks[thread][n % NBLOCKS]);
			set(thread, n % NBLOCKS, NULL, 0);
		}
	}
	for (size_t i = 0; i < NBLOCKS; i++) {
		free(blocks[thread][i]);
		set(thread, i, NULL, 0);
	}
}

static void *run(void *number)
{
	int thread = (int)(intptr_t)number;

	memset(blocks[thread], 1, sizeof(blocks[thread]));
	memset(blocks[thread], 0, sizeof(blocks[thread]));
	memset(nbytes[thread], 1, sizeof(nbytes[thread]));
	memset(nbytes[thread], 0, sizeof(nbytes[thread]));
	if (fills)
		fill(thread);
	return NULL;
}

static long highest_kib(void)
{
	static char text[8192];
	FILE *file = fopen("/proc/self/status", "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	const char *line;

	text[n] = '\0';
	line = strstr(text, "VmHWM:");
	if (file)
		fclose(file);
	return line ? strtol(line + 6, NULL, 10) : -1;
}

int main(int argc, char **argv)
{
	pthread_t threads[NTHREADS];

	fills = argc > 1 && strcmp(argv[1], "fill") == 0;
	for (intptr_t i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i) != 0)
			return 1;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%ld %zu %zu\n", highest_kib(), nrefused, most_held);
	return 0;
}

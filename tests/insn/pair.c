/* SPDX-License-Identifier: MIT */
/*
 * The loop whose instructions check.sh counts: pair COUNT SIZE pair|fifo does
 * COUNT allocations of SIZE bytes and as many frees, each block freed at once
 * (pair), or a batch of 1000 freed in the order they were allocated (fifo).
 */
#include <stdlib.h>
#include <string.h>

#define BATCH 1000

static void pairs(long count, size_t size)
{
	while (count-- > 0) {
		void *volatile block = malloc(size);

		free(block);
	}
}

static void batches(long count, size_t size)
{
	static void *block[BATCH];

	for (; count > 0; count -= BATCH) {
		for (int i = 0; i < BATCH; i++)
			block[i] = malloc(size);
		for (int i = 0; i < BATCH; i++)
			free(block[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (strcmp(argv[3], "fifo") == 0)
		batches(atol(argv[1]), (size_t)atol(argv[2]));
	else
		pairs(atol(argv[1]), (size_t)atol(argv[2]));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Frees a block twice: an ordinary one, or "guarded", one on a guarded page. */
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#define MANY 1000

static void *volatile kept;

/* What was asked for, where nobody debugs, is known of guarded ones only. */
static int is_guarded(void *block)
{
	return malloc_usable_size(block) == 60;
}

static void *get_guarded(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	void *blocks[MANY], *found = NULL;

	for (int tries = 0; !found && tries < 1000; tries++) {
		int n = 0;

		while (n < MANY && !found) {
			blocks[n] = malloc(60);
			if (is_guarded(blocks[n]))
				found = blocks[n];
			else
				n++;
		}
		while (n > 0)
			free(blocks[--n]);
		nanosleep(&ms, NULL);
	}
	if (!found)
		exit(2);
	return found;
}

int main(int argc, char **argv)
{
	(void)argv;
	kept = argc > 1 ? get_guarded() : malloc(60);
	free(kept);
	free(kept);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * cost PID REFRESHES: what a reading of the process costs us, as kmemtop's refresh does it.
 *
 * Prints slabs, microseconds of CPU per refresh, and those of the slowest.
 */
#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 100;
	int64_t start, took, all = 0, most = 0;
	uint64_t nslabs = 0;
	struct snapshot s;
	struct target t;

	for (int i = 0; i < n; i++) {
		start = cpu_us();
		if (argc < 2 || snapshot_take_pid(&s, &t, atoi(argv[1]))) {
			fprintf(stderr, "cost: %s\n", t.why);
			return 1;
		}
		took = cpu_us() - start;
		all += took;
		most = took > most ? took : most;
		nslabs = 0;
		for (size_t k = 0; k < s.ncaches; k++)
			nslabs += s.caches[k].nslabs;
		snapshot_free(&s);
		usleep(10000);
	}
	printf("%" PRIu64 " slabs, %" PRId64 " us a refresh, at most %" PRId64 "\n", nslabs,
	       all / n, most);
	return 0;
}

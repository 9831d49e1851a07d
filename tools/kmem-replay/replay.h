/* SPDX-License-Identifier: MIT */
/*
 * A replay runs in a process of its own, so that it begins with an untouched heap and any library's
 * malloc can be preloaded. It finds the plan in one file and leaves its results in another, both
 * without a name, and allocates nothing itself.
 */
#ifndef KMEM_REPLAY_REPLAY_H
#define KMEM_REPLAY_REPLAY_H

#include "trace.h"

#define SAMPLES_MOST 1024u

enum mode {
	MODE_SPEED,   /* how long it takes */
	MODE_LATENCY, /* how long each request takes */
	MODE_MEMORY,  /* what it takes of memory */
	MODE_BEFORE,  /* what is there before the first request */
};

struct sample {
	uint64_t request; /* after so many */
	uint64_t payload; /* bytes asked for, of live blocks */
	uint64_t
		usable; /* bytes the program may use, of live blocks; 0: the library does not say */
	uint64_t heap;	/* writable memory mapped */
	uint64_t resident;
};

/* The file holds nrequests requests, then as many numbers of requests, by thread. */
struct plan {
	uint64_t nrequests, peak_request;
	struct sample before;
	uint32_t nblocks, nthreads;
};

struct results {
	bool done;
	char error[120];
	char library[200]; /* the file whose malloc it was */
	double seconds;
	uint32_t p999_ns, worst_ns;
	uint64_t peak_payload, peak_heap, peak_resident;
	struct sample at_peak; /* of the trace's payload */
	uint32_t nsamples;
	struct sample samples[SAMPLES_MOST];
};

/* The process's side: main calls it when it is started as one. Does not return. */
_Noreturn void run(int plan_file, int results_file, enum mode mode);

/* The other side. The file of a plan. */
int plan_make(const struct trace *trace);
/*
 * One replay, with what is there before the first request under the C library's malloc, which has
 * no heap then, taken off from memory. library: a path to preload, or NULL for the C library's
 * malloc.
 */
void replay(int plan_file, const char *library, enum mode mode, struct results *results);

#endif

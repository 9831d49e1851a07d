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

/*
 * The file holds nrequests requests, then the numbers of those from nbefore on, by thread. Those
 * before are made first, by one thread, and not measured.
 */
struct plan {
	uint64_t nrequests, nbefore, peak_request;
	struct sample before;
	uint32_t nblocks, nthreads;
};

/* Whose blocks are asked for. */
struct subject {
	const char *name;
	const char *library; /* a path to preload; NULL: none, the C library's malloc */
	const char *heap; /* NULL: malloc; else a private heap of the library, see heap_policy.h */
	bool one_thread;
};

struct results {
	bool done;
	char error[120];
	char library[200]; /* the file whose malloc or heap it was */
	double seconds;
	uint32_t p999_ns, worst_ns;
	uint64_t peak_payload, peak_heap, peak_resident;
	struct sample at_peak; /* of the trace's payload */
	uint32_t nsamples;
	struct sample samples[SAMPLES_MOST];
};

/* The process's side: main calls it when it is started as one. heap: "" or a subject's. */
_Noreturn void run(int plan_file, int results_file, enum mode mode, const char *heap);

/* The other side. The file of a plan. */
int plan_make(const struct trace *trace);
/*
 * One replay, with what is there before the first request under the C library's malloc, which has
 * no heap then, taken off from memory.
 */
void replay(int plan_file, struct subject subject, enum mode mode, struct results *results);

#endif

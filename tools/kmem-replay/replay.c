// SPDX-License-Identifier: MIT
/* Starting replays: see replay.h. */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int nameless_file(size_t nbytes)
{
	int file = memfd_create("kmem-replay", 0);

	if (file < 0 || ftruncate(file, (off_t)nbytes) < 0)
		fail("%zu bytes for a replay: %m", nbytes);
	return file;
}

static void *map(int file, size_t nbytes)
{
	void *base = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	if (base == MAP_FAILED)
		fail("%zu bytes for a replay: %m", nbytes);
	return base;
}

/* The numbers of the requests, those of each thread together. */
static void put_order(const struct trace *trace, uint32_t *order)
{
	uint64_t *next = must_realloc(NULL, (trace->nthreads + 1) * sizeof(*next));

	memset(next, 0, (trace->nthreads + 1) * sizeof(*next));
	for (size_t i = trace->nbefore; i < trace->nrequests; i++)
		next[trace->requests[i].thread + 1]++;
	for (uint32_t i = 1; i <= trace->nthreads; i++)
		next[i] += next[i - 1];
	for (size_t i = trace->nbefore; i < trace->nrequests; i++)
		order[next[trace->requests[i].thread]++] = (uint32_t)i;
	free(next);
}

int plan_make(const struct trace *trace)
{
	size_t requests = trace->nrequests * sizeof(*trace->requests);
	size_t nbytes = sizeof(struct plan) + requests + trace->nrequests * sizeof(uint32_t);
	int file = nameless_file(nbytes);
	struct plan *plan = map(file, nbytes);
	struct results before;

	if (trace->nrequests > UINT32_MAX)
		fail("it has more requests than a replay can hold");
	*plan = (struct plan){.nrequests = trace->nrequests,
			      .nbefore = trace->nbefore,
			      .peak_request = trace->peak_request,
			      .nblocks = trace->nblocks,
			      .nthreads = trace->nthreads};
	memcpy(plan + 1, trace->requests, requests);
	put_order(trace, (uint32_t *)((char *)(plan + 1) + requests));
	replay(file, (struct subject){.name = "glibc"}, MODE_BEFORE, &before);
	plan->before = before.at_peak;
	munmap(plan, nbytes);
	return file;
}

static _Noreturn void become(int plan_file, int results_file, struct subject subject,
			     enum mode mode)
{
	char files[3][12], *self = realpath("/proc/self/exe", NULL);

	snprintf(files[0], sizeof(files[0]), "%d", plan_file);
	snprintf(files[1], sizeof(files[1]), "%d", results_file);
	snprintf(files[2], sizeof(files[2]), "%d", mode);
	if (subject.library)
		setenv("LD_PRELOAD", subject.library, 1);
	else
		unsetenv("LD_PRELOAD");
	/* By its name: under valgrind /proc/self/exe itself is valgrind. */
	execl(self, "kmem-replay", "--run", files[0], files[1], files[2],
	      subject.heap ? subject.heap : "", (char *)NULL);
	_exit(127);
}

static void check_library(const char *library, const char *used)
{
	char *wanted = realpath(library, NULL), *real = realpath(used, NULL);

	if (!wanted || !real || strcmp(wanted, real) != 0)
		fail("%s: it has no malloc, or cannot be loaded", library);
	free(wanted);
	free(real);
}

void replay(int plan_file, struct subject subject, enum mode mode, struct results *results)
{
	int file = nameless_file(sizeof(*results)), status = 0;
	const struct results *shared = map(file, sizeof(*results));
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fail("fork: %m");
	if (pid == 0)
		become(plan_file, file, subject, mode);
	waitpid(pid, &status, 0);
	*results = *shared;
	munmap((void *)shared, sizeof(*results));
	close(file);
	if (WIFSIGNALED(status))
		fail("%s: the replay died by signal %d", subject.name, WTERMSIG(status));
	if (!results->done)
		fail("%s: the replay failed: %s", subject.name,
		     results->error[0] ? results->error : "it did not start");
	if (subject.library)
		check_library(subject.library, results->library);
}

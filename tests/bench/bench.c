/* SPDX-License-Identifier: MIT */
/* The helpers of the benchmark programs, see bench.h. */
#include "bench.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int count;
static char **words;
static double wall_s, cpu_s;
static bench_worker crew_work;

void bench_fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "FAILED: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(1);
}

void bench_init(int argc, char **argv)
{
	count = argc;
	words = argv;
	for (int i = 1; i < argc; i++)
		if (!strchr(argv[i], '='))
			bench_fail("%s: arguments are NAME=VALUE", argv[i]);
}

const char *bench_word(const char *name, const char *fallback)
{
	size_t length = strlen(name);

	for (int i = 1; i < count; i++)
		if (strncmp(words[i], name, length) == 0 && words[i][length] == '=')
			return words[i] + length + 1;
	return fallback;
}

size_t bench_number(const char *name, size_t fallback)
{
	const char *word = bench_word(name, NULL);

	return word ? strtoull(word, NULL, 0) : fallback;
}

bool bench_is(const char *name, const char *word)
{
	return strcmp(bench_word(name, ""), word) == 0;
}

size_t bench_work(size_t full)
{
	return bench_number("quick", 0) ? (full + 3) / 4 : full;
}

double bench_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

double bench_cpu(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return seconds(own.ru_utime) + seconds(own.ru_stime) + seconds(children.ru_utime) +
	       seconds(children.ru_stime);
}

void bench_start(void)
{
	cpu_s = bench_cpu();
	wall_s = bench_wall();
}

void bench_stop(void)
{
	wall_s = bench_wall() - wall_s;
	cpu_s = bench_cpu() - cpu_s;
}

/* A field of /proc/self/status, read without stdio, which would allocate. */
static size_t status_kib(const char *field)
{
	char text[4096];
	int file = open("/proc/self/status", O_RDONLY);
	ssize_t length = read(file, text, sizeof(text) - 1);
	char *found;

	close(file);
	if (length <= 0)
		bench_fail("cannot read /proc/self/status");
	text[length] = 0;
	found = strstr(text, field);
	return found ? strtoull(found + strlen(field), NULL, 10) : 0;
}

size_t bench_resident_kib(void)
{
	return status_kib("VmRSS:");
}

size_t bench_peak_kib(void)
{
	struct rusage children;
	size_t procs = bench_number("procs", 0);

	if (!procs)
		return status_kib("VmHWM:");
	getrusage(RUSAGE_CHILDREN, &children);
	return procs * (size_t)children.ru_maxrss;
}

void bench_report(const char *format, ...)
{
	size_t peak = bench_peak_kib();
	Dl_info from = {0};
	va_list args;

	dladdr(dlsym(RTLD_DEFAULT, "malloc"), &from);
	printf("time_s=%.6f cpu_s=%.6f peak_kib=%zu malloc=%s ", wall_s, cpu_s, peak,
	       from.dli_fname ? from.dli_fname : "?");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

unsigned long bench_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, argument))
		bench_fail("cannot make a thread");
	return (unsigned long)thread;
}

void bench_join(unsigned long thread)
{
	pthread_join((pthread_t)thread, NULL);
}

unsigned bench_crew_size(void)
{
	return (unsigned)bench_number("procs", bench_number("threads", 1));
}

static void *crew_thread(void *index)
{
	crew_work((unsigned)(uintptr_t)index, bench_crew_size());
	return NULL;
}

static void crew_of_processes(unsigned size)
{
	int status = 0;

	for (unsigned i = 0; i < size; i++) {
		if (fork() == 0) {
			crew_work(i, size);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < size; i++)
		if (wait(&status) < 0 || status != 0)
			bench_fail("a process of the crew ended with status %#x", status);
}

void bench_crew(bench_worker work)
{
	unsigned size = bench_crew_size();
	unsigned long threads[1024];

	if (size > 1024)
		bench_fail("at most 1024 threads");
	crew_work = work;
	if (bench_number("procs", 0)) {
		crew_of_processes(size);
		return;
	}
	if (size == 1) {
		work(0, 1);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		threads[i] = bench_thread(crew_thread, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < size; i++)
		bench_join(threads[i]);
}

void *bench_pages(size_t nbytes)
{
	void *pages =
		mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		bench_fail("no memory for tables");
	return pages;
}

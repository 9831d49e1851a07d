// SPDX-License-Identifier: MIT
/*
 * A program for test_replay.sh to record: requests at random, of which it keeps account itself, and
 * of what is resident of its private memory.
 * recorded one|many|fork|kill|late|endless; it prints what the record is to show.
 */
#include "tests/common.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define PLACES	 4096u
#define THREADS	 4u
#define REQUESTS 100000u
#define LATE	 100000u

struct place {
	void *block;
	size_t nbytes;
};

static struct place places[THREADS][PLACES];
static void *handed[THREADS * 64]; /* between threads: block and size */
static _Atomic uint64_t live, peak, requests, peak_pages;
static int64_t pages_before;
static uint64_t seed;
static void *until_the_end;

static void raise_to(_Atomic uint64_t *most, uint64_t now)
{
	uint64_t old = atomic_load(most);

	while (now > old && !atomic_compare_exchange_weak(most, &old, now))
		;
}

/* Resident pages but those of files, as kmem-replay counts them. */
static int64_t resident_pages(void)
{
	long long size, resident = 0, shared = 0;
	int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[200] = "";

	if (read(file, text, sizeof(text) - 1) > 0)
		sscanf(text, "%lld %lld %lld", &size, &resident, &shared);
	close(file);
	return resident - shared;
}

static void count(size_t more, size_t less)
{
	raise_to(&peak, atomic_fetch_add(&live, more - less) + (more - less));
	if (atomic_fetch_add(&requests, 1) % 64 == 0)
		raise_to(&peak_pages, (uint64_t)(resident_pages() - pages_before));
}

static void drop(struct place *place)
{
	if (!place->block)
		return;
	count(0, place->nbytes);
	free(place->block);
	*place = (struct place){NULL, 0};
}

static size_t some_size(uint64_t *random)
{
	return 16 + below(random, below(random, 40) ? 1000 : 80000);
}

static void touch(char *block, size_t nbytes)
{
	for (size_t at = 0; at < nbytes; at += 4096)
		block[at] = 1;
	block[nbytes - 1] = 1;
}

static void fill(struct place *place, uint64_t *random)
{
	size_t nbytes = some_size(random), old = place->nbytes;

	switch (below(random, 6)) {
	case 0:
		drop(place);
		place->block = calloc(1, nbytes);
		count(place->nbytes = nbytes, 0);
		break;
	case 1:
		drop(place);
		place->block = memalign(256, nbytes);
		touch(place->block, nbytes);
		count(place->nbytes = nbytes, 0);
		break;
	case 2:
		place->block = realloc(place->block, nbytes);
		touch(place->block, nbytes);
		count(place->nbytes = nbytes, old);
		break;
	default:
		drop(place);
		place->block = malloc(nbytes);
		touch(place->block, nbytes);
		count(place->nbytes = nbytes, 0);
	}
	memcpy(place->block, &place->nbytes, sizeof(place->nbytes));
}

/* A block for one that another thread left there, which this one frees. */
static void exchange(struct place *place, uint64_t *random)
{
	void **hand = &handed[below(random, sizeof(handed) / sizeof(handed[0]))];
	void *block = __atomic_exchange_n(hand, place->block, __ATOMIC_ACQ_REL);
	size_t nbytes = 0;

	if (block)
		memcpy(&nbytes, block, sizeof(nbytes));
	*place = (struct place){block, nbytes};
	drop(place);
}

static void *work(void *arg)
{
	struct place *own = arg;
	uint64_t random = 88172645463325252u + (uint64_t)(own - places[0]) + seed;

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct place *place = &own[below(&random, PLACES)];

		switch (below(&random, 4)) {
		case 0:
			drop(place);
			break;
		case 1:
			exchange(place, &random);
			break;
		default:
			fill(place, &random);
		}
	}
	return NULL;
}

/* Without a request: stdio makes some. */
static void tell(void)
{
	char line[100];
	int n = snprintf(line, sizeof(line), "%d %llu %llu %llu\n", getpid(),
			 (unsigned long long)peak, (unsigned long long)requests,
			 (unsigned long long)peak_pages * (unsigned)getpagesize() / 1024);

	write(1, line, (size_t)n);
}

static void many(void)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, places[i]);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* The child goes on with the parent's blocks, and ends without ceremony. */
static void forked(void)
{
	pid_t child = fork();

	seed = child ? 7 : 11;
	atomic_store(&peak, live);
	work(places[0]);
	tell();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void at_thread_end(void *block)
{
	void *another = malloc(LATE);

	free(block);
	memset(another, 1, LATE);
	free(another);
}

static void *brief(void *key)
{
	pthread_setspecific(*(pthread_key_t *)key, malloc(LATE));
	return NULL;
}

/* Blocks that are freed as a thread ends, and as the process does. */
static void late(void)
{
	pthread_key_t key;
	pthread_t thread;

	until_the_end = malloc(LATE);
	pthread_key_create(&key, at_thread_end);
	for (unsigned i = 0; i < 20; i++) {
		pthread_create(&thread, NULL, brief, &key);
		pthread_join(thread, NULL);
	}
}

__attribute__((destructor)) static void at_the_end(void)
{
	free(until_the_end);
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";

	pages_before = resident_pages();
	if (strcmp(how, "late") == 0)
		late();
	else if (strcmp(how, "many") == 0)
		many();
	else
		work(places[0]);
	while (strcmp(how, "endless") == 0)
		many();
	tell();
	if (strcmp(how, "fork") == 0)
		forked();
	if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	return 0;
}

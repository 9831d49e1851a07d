/* SPDX-License-Identifier: MIT */
/*
 * Forks in a storm of allocating threads, beside a fork handler that allocates, which was
 * registered before libkmem registers its own and so runs while libkmem holds its locks.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS	300
#define THREADS 4

static _Atomic int stop;

static void allocate(void)
{
	for (size_t i = 0; i < 200; i++)
		free(malloc(i * 37 % 5000 + 1));
	free(malloc(300000));
	free(malloc(3000000));
}

static void *work(void *seed)
{
	unsigned random = (unsigned)(size_t)seed;
	void *blocks[50];

	while (!stop) {
		for (int i = 0; i < 50; i++) {
			random = random * 1103515245 + 12345;
			blocks[i] =
				malloc((random >> 8) % ((random >> 20) % 50 ? 2000 : 200000) + 1);
		}
		for (int i = 0; i < 50; i++)
			free(blocks[i]);
	}
	return NULL;
}

/* Whether the child ended as it should, within five seconds. */
static int fork_once(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		alarm(5);
		allocate();
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(void)
{
	pthread_t threads[THREADS];
	int failed = 0;

	pthread_atfork(allocate, allocate, allocate);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0)
			return 2;
	for (int i = 0; i < FORKS; i++)
		failed += !fork_once();
	stop = 1;
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d of %d children hung or died\n", failed, FORKS);
	return failed != 0;
}

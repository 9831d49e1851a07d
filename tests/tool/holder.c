/* SPDX-License-Identifier: MIT */
/*
 * A program that holds what an inspector should find, and then holds still.
 *
 *	holder [SLABS [FILE]]: so many slabs of one cache, and a bit of everything
 *
 * says of itself in FILE what kmem_stats_print says, prints "ready" and waits.
 * SIGUSR1 makes it undumpable.
 */
#include <fcntl.h>
#include <kmem.h>
#include <kmem/stats.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NTHREADS 3
#define NOBJECTS 3000

static struct kmem_cache *shared;
static pthread_barrier_t done;

/* Each leaves other fills in its sheaves, and stays. */
static void *work(void *number)
{
	static void *held[NTHREADS][NOBJECTS];
	size_t n = (size_t)number;

	for (size_t i = 0; i < NOBJECTS; i++)
		held[n][i] = i % 2 ? kmem_cache_alloc(shared, GFP_KERNEL) : malloc(16 * (i % 60));
	for (size_t i = 0; i < NOBJECTS; i += 3 + n)
		i % 2 ? kmem_cache_free(shared, held[n][i]) : free(held[n][i]);
	pthread_barrier_wait(&done);
	for (;;)
		pause();
	return NULL;
}

static void fill(size_t nslabs)
{
	struct kmem_cache *cache = kmem_cache_create("filled", 1000, NULL, SLAB_HWCACHE_ALIGN);
	size_t nbytes = 0;

	/* 1,024 bytes each, and at most as much again for heads and padding. */
	while (cache && nbytes < nslabs * 65536 && kmem_cache_alloc(cache, GFP_KERNEL))
		nbytes += 1024;
}

static void hide(int sig)
{
	(void)sig;
	prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	signal(SIGUSR1, hide);
	shared = kmem_cache_create("shared", 200, NULL, 0);
	kmem_cache_create("never_used", 64, NULL, 0);
	pthread_barrier_init(&done, NULL, NTHREADS + 1);
	for (size_t i = 0; i < NTHREADS; i++)
		pthread_create(&thread, NULL, work, (void *)i);
	pthread_barrier_wait(&done);
	fill(argc > 1 ? strtoul(argv[1], NULL, 10) : 2);
	if (!malloc(3 << 20))
		return 1;
	if (argc > 2)
		kmem_stats_print(open(argv[2], O_WRONLY | O_CREAT, 0600), KMEM_STATS_JSON);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	for (;;)
		pause();
}

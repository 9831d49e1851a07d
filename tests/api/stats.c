// SPDX-License-Identifier: MIT
/*
 * Threads that hold some of everything, and then rest: the process prints its statistics, those
 * of malloc, and waits for the end of its input, so that others can look at it.
 */
#include <kmem.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define THREADS 3
#define N	2000

static struct kmem_cache *caches[3];
static pthread_barrier_t filled, done;

/* Of each cache some stay, some lie in sheaves, some went home; so do blocks. */
static void *use(void *unused)
{
	static const size_t sizes[] = {10, 300, 7000, 50000, 90000, 70 << 20};
	void *objects[N];

	for (int c = 0; c < 3; c++) {
		for (int i = 0; i < N; i++)
			objects[i] = kmem_cache_alloc(caches[c], GFP_KERNEL);
		for (int i = 0; i < N / (c + 1); i++)
			kmem_cache_free(caches[c], objects[i]);
	}
	for (int i = 0; i < 60; i++) {
		objects[i] = kmem_malloc(sizes[i % 6]);
		if (objects[i])
			memset(objects[i], 1, 10);
	}
	for (int i = 0; i < 30; i++)
		kmem_free(objects[i]);
	pthread_barrier_wait(&filled);
	pthread_barrier_wait(&done);
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct mallinfo2 info;
	char line[100];

	caches[0] = kmem_cache_create("small", 40, 0, 0, NULL);
	caches[1] = kmem_cache_create("middle \"quoted\"", 600, 0, SLAB_HWCACHE_ALIGN, NULL);
	kmem_option_set("stats", "true");
	caches[2] = kmem_cache_create("counted", 100, 0, 0, NULL);
	kmem_option_set("stats", "false");
	pthread_barrier_init(&filled, NULL, THREADS + 1);
	pthread_barrier_init(&done, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, use, NULL))
			return 1;
	pthread_barrier_wait(&filled);
	if (kmem_stats_print(STDOUT_FILENO, KMEM_STATS_JSON))
		return 1;
	info = kmem_mallinfo2();
	dprintf(STDOUT_FILENO, "{\"used\":%zu,\"arena\":%zu,\"mapped\":%zu}\n", info.uordblks,
		info.arena, info.hblkhd);
	while (read(STDIN_FILENO, line, sizeof(line)) > 0)
		;
	pthread_barrier_wait(&done);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * What gdb is shown: objects and blocks in known states, and a place to stop where no thread
 * is inside of the library. malloc is the C library's, so nothing else is in the heaps.
 */
#include <kmem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 600 /* more than a slab has */

struct session {
	int fd;
	char name[60];
};

struct kmem_cache *sessions, *tracked;
struct session *live, *parked, *all[SESSIONS];
char *block, *other, *run, *mapping, *seen, *own;
struct kmem_heap *pool, *given;
char memory[8192];

/* The breakpoint. */
__attribute__((noinline)) void ready(void)
{
	__asm__ volatile("" ::: "memory");
}

/* Another thread, with sheaves of its own, asleep. */
static void *sleeper(void *data)
{
	pthread_barrier_t *barrier = data;
	struct session *session = kmem_cache_alloc(sessions, GFP_KERNEL);

	kmem_cache_free(sessions, session);
	pthread_barrier_wait(barrier);
	pause();
	return NULL;
}

int main(void)
{
	pthread_barrier_t barrier;
	pthread_t thread;

	sessions = kmem_cache_create("session", sizeof(struct session), 0, 0, NULL);
	tracked = kmem_cache_create("tracked", 100, 0, SLAB_STORE_USER | SLAB_RED_ZONE, NULL);
	for (int i = 0; i < SESSIONS; i++)
		all[i] = kmem_cache_zalloc(sessions, GFP_KERNEL);
	live = all[0];
	parked = all[SESSIONS - 1];
	kmem_cache_free(sessions, parked);
	seen = kmem_cache_alloc(tracked, GFP_KERNEL);
	block = kmem_malloc(40000);
	other = kmem_malloc(50000);
	run = kmem_malloc(300000);
	mapping = kmem_malloc(100 << 20);
	memset(block, 'b', 40000);
	pool = kmem_heap_create("pool", NULL);
	own = kmem_heap_alloc(pool, 1000);
	given = kmem_heap_create(
		"given",
		&(struct kmem_heap_options){.memory = memory, .memory_bytes = sizeof(memory)});
	if (!own || !given || !kmem_heap_alloc(given, 100))
		return 2;
	kmem_free(other);
	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, sleeper, &barrier))
		return 1;
	pthread_barrier_wait(&barrier);
	ready();
	return 0;
}

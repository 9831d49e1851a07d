// SPDX-License-Identifier: MIT
/*
 * A program with something of each kind, for test_whatis.py and test_map.py: it prints "NAME
 * ADDRESS" for each, then "ready", and waits.
 */
#include <kmem.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct session {
	char name[100];
};

static char foreign[64];

static void say(const char *name, const void *p)
{
	printf("%s %lu\n", name, (unsigned long)(uintptr_t)p);
}

/* Its name is what a name should not be: kmemtop's page is to show it, not to obey it. */
#define HOSTILE "</script><b>&'\""

static struct kmem_cache *make(const char *name, unsigned size, slab_flags_t flags)
{
	struct kmem_cache *cache = kmem_cache_create(name, size, 0, flags, NULL);

	if (!cache)
		abort();
	return cache;
}

__attribute__((noinline)) static void *tracked_alloc(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	__asm__ volatile("" ::"r"(object) : "memory");
	return object;
}

__attribute__((noinline)) static void tracked_free(struct kmem_cache *cache, void *object)
{
	kmem_cache_free(cache, object);
	__asm__ volatile("" ::: "memory");
}

static void objects(void)
{
	struct kmem_cache *sessions = make("session", sizeof(struct session), 0);
	char *all[300];

	for (int i = 0; i < 300; i++)
		all[i] = kmem_cache_alloc(sessions, GFP_KERNEL);
	for (int i = 0; i < 300; i += 3)
		if (i != 150)
			kmem_cache_free(sessions, all[i]);
	say("object", all[7]);
	say("inside", all[150] + 33);
	say("parked", all[297]);
}

static void tracked(void)
{
	struct kmem_cache *cache =
		make("tracked", 40, SLAB_STORE_USER | SLAB_RED_ZONE | SLAB_POISON);
	void *live = tracked_alloc(cache), *dead = tracked_alloc(cache);

	for (int i = 0; i < 50; i++)
		tracked_alloc(cache);
	tracked_free(cache, dead);
	say("tracked", live);
	say("tracked_freed", dead);
	say("red_zone", (char *)live - 1);
}

static void hostile(void)
{
	struct kmem_cache *cache = make(HOSTILE, 24, 0);

	for (int i = 0; i < 1000; i++)
		if (!kmem_cache_alloc(cache, GFP_KERNEL))
			abort();
}

static void blocks(void)
{
	char *blocks[40], *last, *freed;
	struct kmem_heap *pool;

	for (int i = 0; i < 40; i++)
		blocks[i] = malloc(40000 + 500 * (size_t)i);
	for (int i = 1; i < 39; i += 2)
		free(blocks[i]);
	say("block", blocks[20]);
	say("block_inside", blocks[20] + 30000);
	say("block_head", blocks[20] - 4);
	say("block_free", blocks[39] + 200000);
	say("large", (char *)malloc(300000) + 5000);
	say("mapped", (char *)malloc(100 << 20) + (50 << 20));
	/* The first of them have no sheaf to go to yet. */
	for (int i = 0; i < 20; i++)
		free(malloc(60000));
	last = malloc(60000);
	say("block_parked", last);
	pool = kmem_heap_create("pool", NULL);
	say("private", kmem_heap_alloc(pool, 100));
	free(last);
	freed = malloc(1200000);
	memset(freed, 1, 1200000);
	say("free_page", freed + 1100000);
	free(freed);
	say("pages", (char *)kmem_pages_alloc(2, GFP_KERNEL) + 4097);
}

/* Ten thousand slabs and a GiB of blocks, of which hardly a page is touched. */
static void big(void)
{
	struct kmem_cache *cache = make("big", 4096, 0);

	for (int i = 0; i < 160000; i++)
		if (!kmem_cache_alloc(cache, GFP_KERNEL))
			abort();
	for (int i = 0; i < 20000; i++)
		if (!malloc(55000))
			abort();
}

/* Until two lie in another GiB than the zone: they are on pages of their own. Others go again. */
static void guarded(void)
{
	struct kmem_cache *cache = make("guarded", 48, 0);
	uintptr_t zone = (uintptr_t)kmem_pages_alloc(0, GFP_KERNEL);
	void **object, **others = NULL, *found[2];

	for (int i = 0, n = 0; n < 2; i++) {
		object = tracked_alloc(cache);
		if (!object || i == 10000000)
			abort();
		if ((uintptr_t)object >> 30 != zone >> 30) {
			found[n++] = object;
			continue;
		}
		*object = others;
		others = object;
	}
	tracked_free(cache, found[1]);
	while ((object = others)) {
		others = *object;
		kmem_cache_free(cache, object);
	}
	kmem_cache_shrink(cache);
	say("guarded", found[0]);
	say("guarded_freed", found[1]);
}

static void *other_thread(void *arg)
{
	struct kmem_cache *cache = arg;
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	printf("tid %ld\n", syscall(SYS_gettid));
	kmem_cache_free(cache, object);
	say("parked_elsewhere", object);
	say("fresh", (char *)object + 100 * 200);
	printf("ready\n");
	fflush(stdout);
	pause();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int local = 0;

	printf("main %d\n", (int)getpid());
	if (argc > 1 && !strcmp(argv[1], "big"))
		big();
	if (argc > 1 && !strcmp(argv[1], "guarded"))
		guarded();
	tracked();
	hostile();
	blocks();
	objects();
	say("foreign", foreign);
	say("stack", &local);
	say("code", (void *)(uintptr_t)&big);
	say("nothing", (void *)4096);
	pthread_create(&thread, NULL, other_thread, make("elsewhere", 200, 0));
	pthread_join(thread, NULL);
	return 0;
}

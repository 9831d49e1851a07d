// SPDX-License-Identifier: MIT
/*
 * Crimes against an allocator, each a way in which programs go wrong, on an object of malloc,
 * of a named cache, of the heap, or on pages. What follows a crime is what programs do next:
 * free the object, use the allocator, end. crimes.sh says what was caught.
 *
 *	crimes CRIME malloc|cache|heap|pages [guarded]	"-": lists the crimes
 *
 * guarded: on an object that guarded sampling has chosen, if it chooses of these.
 */
#include "slab/guard.h"

#include <kmem.h>
#include <kmem/debug.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct interface {
	const char *name;
	size_t nbytes; /* of an object */
};

static const struct interface interfaces[] = {
	{"malloc", 100}, {"cache", 100}, {"heap", 40000}, {"pages", 8192}};

static const struct interface *interface;
static struct kmem_cache *cache, *other;
static unsigned char *object, *neighbour;
static volatile unsigned char sink;

static bool is(const char *name)
{
	return strcmp(interface->name, name) == 0;
}

static void *get(void)
{
	void *got = is("cache")	  ? kmem_cache_alloc(cache, GFP_KERNEL)
		    : is("pages") ? kmem_pages_alloc(1, GFP_KERNEL)
				  : kmem_malloc(interface->nbytes);

	if (!got)
		exit(99);
	return got;
}

static void release(void *address)
{
	if (is("cache"))
		kmem_cache_free(cache, address);
	else if (is("pages"))
		kmem_pages_free(address);
	else
		kmem_free(address);
}

/* As a program goes on: with the same and with other objects. */
static void go_on(void)
{
	void *objects[200];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++)
			objects[i] = get();
		for (int i = 0; i < 200; i++)
			release(objects[i]);
	}
	kmem_trim();
}

static void write_at(long offset)
{
	*(volatile unsigned char *)(object + offset) ^= 0x41; /* never what was there */
}

static void overflow_1(void)
{
	write_at((long)interface->nbytes);
	release(object);
}

static void overflow_8(void)
{
	write_at((long)interface->nbytes + 7);
	release(object);
}

static void overflow_64(void)
{
	for (long i = 0; i < 64; i++)
		write_at((long)interface->nbytes + i);
	release(object);
}

static void underflow_1(void)
{
	write_at(-1);
	release(object);
}

static void underflow_8(void)
{
	write_at(-8);
	release(object);
}

static void underflow_64(void)
{
	for (long i = 1; i <= 64; i++)
		write_at(-i);
	release(object);
}

static void write_after_free(void)
{
	release(object);
	write_at(9);
}

/* A pointer that was freed is followed. */
static void read_after_free(void)
{
	*(void **)(object + 16) = &neighbour;
	release(object);
	sink = **(unsigned char **)(object + 16);
}

static void double_free(void)
{
	release(object);
	release(object);
}

static void double_free_later(void)
{
	release(object);
	go_on();
	release(object);
}

static void double_free_between(void)
{
	release(object);
	release(neighbour);
	release(object);
}

static void interior_free(void)
{
	release(object + 32);
}

static void unaligned_free(void)
{
	release(object + 1);
}

static void stack_free(void)
{
	unsigned char local[64];

	release(local + (uintptr_t)local % 16);
}

static void static_free(void)
{
	static unsigned char area[64];

	release(area);
}

static void foreign_free(void)
{
	void *mapped =
		mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	release((char *)mapped + 4096);
}

static void wrong_cache(void)
{
	if (is("cache"))
		kmem_cache_free(other, object);
	else if (is("pages"))
		kmem_free(object);
	else
		kmem_cache_free(cache, object);
}

static void wrong_size(void)
{
	if (is("cache") || is("pages"))
		exit(98);
	kmem_free_sized(object, interface->nbytes * 3);
}

static void construct(void *address)
{
	memset(address, 0x5c, 100);
}

static void left_dirty(void)
{
	struct kmem_cache *made;

	if (!is("cache"))
		exit(98);
	made = kmem_cache_create("made", 100, 0, 0, construct);
	object = kmem_cache_alloc(made, GFP_KERNEL);
	object[50] = 1;
	kmem_cache_free(made, object);
}

/* What lies before a block of the heap. */
static void smashed_header(void)
{
	if (!is("heap"))
		exit(98);
	memset(object - 8, 0x41, 8);
	release(object);
}

/* The end of a free block, where its size stands for the next. */
static void smashed_footer(void)
{
	if (!is("heap"))
		exit(98);
	release(object);
	memset(object + interface->nbytes - 8, 0x41, 8);
}

static void leak_at_destroy(void)
{
	if (!is("cache"))
		exit(98);
	kmem_cache_destroy(cache);
}

static const struct {
	const char *name;
	void (*commit)(void);
} crimes[] = {
	{"overflow by 1", overflow_1},
	{"overflow by 8", overflow_8},
	{"overflow by 64", overflow_64},
	{"underflow by 1", underflow_1},
	{"underflow by 8", underflow_8},
	{"underflow by 64", underflow_64},
	{"write after free", write_after_free},
	{"read after free", read_after_free},
	{"double free", double_free},
	{"double free, later", double_free_later},
	{"double free, one between", double_free_between},
	{"free inside an object", interior_free},
	{"free of an odd address", unaligned_free},
	{"free of the stack", stack_free},
	{"free of static data", static_free},
	{"free of a mapping", foreign_free},
	{"free to the wrong kind", wrong_cache},
	{"free with a wrong size", wrong_size},
	{"object left dirty", left_dirty},
	{"smashed header", smashed_header},
	{"smashed footer", smashed_footer},
	{"leak at destroy", leak_at_destroy},
};

#define NCRIMES (sizeof(crimes) / sizeof(crimes[0]))

/* One that is sampled, or any where none is for a while. */
static void *get_guarded(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	void *objects[1000], *found = NULL;

	for (int tries = 0; !found && tries < 200; tries++) {
		int n = 0;

		for (; n < 1000 && !found; n++) {
			objects[n] = get();
			if (guard_holds(objects[n]))
				found = objects[n--];
		}
		while (n > 0)
			release(objects[--n]);
		nanosleep(&ms, NULL);
	}
	return found ? found : get();
}

static void prepare(bool guarded)
{
	cache = kmem_cache_create("objects", 100, 0, 0, NULL);
	other = kmem_cache_create("others", 100, 0, 0, NULL);
	/* Others lie around both: what is before an object is no unused page. */
	for (int i = 0; i < 4; i++)
		memset(get(), 3, interface->nbytes);
	object = guarded && !is("heap") && !is("pages") ? get_guarded() : get();
	neighbour = get();
	memset(object, 1, interface->nbytes);
	memset(neighbour, 2, interface->nbytes);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		for (size_t i = 0; i < NCRIMES; i++)
			puts(crimes[i].name);
		return 0;
	}
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (strcmp(interfaces[i].name, argv[2]) == 0)
			interface = &interfaces[i];
	for (size_t i = 0; interface && i < NCRIMES; i++)
		if (strcmp(crimes[i].name, argv[1]) == 0) {
			prepare(argc > 3);
			crimes[i].commit();
			go_on();
			return 0;
		}
	return 97;
}
